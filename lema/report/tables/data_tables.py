"""Tables about data and checkpoints, made once as those of `lema.report.tables.tables`."""

from __future__ import annotations

from lema.report.model import Report
from lema.report.tables.parts import Choice, LeakCount, Leaks, Sieve
from lema.report.tables.tables import Column, Table, levelled, table
from lema.report.tables.text import SELECTION, between, count, delta, numbers, percent, perplexity, sieve_levels, words

RULES = ("exact", "numbers", "names", "overlap")  # in the order in which they are tried
SUCCESS_NOTE = (
    "Accepted: the final answer is right. Intervals: Wilson, with paths taken as independent. Steps and words of a "
    "correction: means over accepted ones."
)
DELTA_NOTE = (
    "DeltaPPL is the mean, over accepted corrections, of the perplexity of the wrong path less that of its corrected "
    "path: above zero the model finds the corrected path likelier than the mistake, and an interval that holds zero "
    "does not say which. Intervals: bootstrap over questions."
)
LEAKS_NOTE = (
    "Training questions that give a test question away, by the first rule that finds them: the same words (exact), the "
    "same but for numbers, or but for numbers and names, or a large share of the test question's n-grams (overlap)."
)
PAIRS_NOTE = "Overlap: the share of the test question's n-grams that the training question has."
PROGRAMS_NOTE = (
    "Right: the value that the program gives is the answer. Rounded: by the rule of the paper's code, which rounds "
    "values to whole numbers. Ran: it left a value, right or wrong; the others failed with the class that is named. A "
    "repair is asked for when a program fails, never because its value is wrong."
)
MEASURES_NOTE = (
    "What the way of answering (answering=) says of its answers beside whether they are right: the mean over the "
    "questions that have the measure. Intervals: bootstrap over questions."
)
CHOICES_NOTE = "Share of the questions answered right by each kept checkpoint; of equal ones the earliest is chosen."
BEST_THREE_NOTE = (
    "Best three: their mean. They are chosen and measured on the same questions, as in the paper's Table 5, so that it "
    "is higher than it would be on new questions."
)


def success(report: Report) -> Table:
    """How often corrections succeed: in all, by reasoner, by difficulty and by kind of error."""
    several = len({row.corrector for row in report.success}) > 1
    columns: list[Column | None] = [
        ("paths", lambda row: "all" if row.by == "all" else f"{row.by}: {words(row.name)}", True),
        ("corrector", lambda row: row.corrector, True) if several else None,
        ("sent", lambda row: count(row.sent), False),
        ("accepted", lambda row: count(row.accepted), False),
        ("rate", lambda row: percent(row.rate), False),
        ("95 % interval", lambda row: between(row.low, row.high), False),
        ("steps", lambda row: mean(row.mean_steps), False),
        ("words", lambda row: mean(row.mean_words), False),
    ]
    return table("Success of corrections", report.success, columns, note=SUCCESS_NOTE)


def mean(value: float | None) -> str:
    return "-" if value is None else f"{value:.1f}"


def delta_ppl(report: Report) -> Table:
    """Delta-PPL of every model."""
    rows = report.delta_ppl
    columns: list[Column | None] = [
        ("arm", lambda row: row.arm, True),
        ("model", lambda row: row.model, True) if len({row.model for row in rows}) > 1 else None,
        ("mistakes of", lambda row: row.corrections_of, True)
        if len({row.corrections_of for row in rows}) > 1
        else None,
        ("seed", lambda row: "-" if row.seed is None else str(row.seed), False),
        ("DeltaPPL", lambda row: delta(row.mean), False),
        ("95 % interval", lambda row: interval(row.low, row.high), False),
        ("median", lambda row: delta(row.median), False),
        ("PPL wrong", lambda row: perplexity(row.wrong_ppl), False),
        ("PPL corrected", lambda row: perplexity(row.right_ppl), False),
        ("corrections", lambda row: count(row.corrections), False),
        ("questions", lambda row: count(row.questions), False),
    ]
    return table("DeltaPPL of each arm and seed", rows, columns, note=DELTA_NOTE)


def programs(report: Report) -> Table:
    """What running the programs of each arm showed."""
    rows = report.programs
    several = len({row.task for row in rows}) > 1
    columns: list[Column | None] = [
        ("arm", lambda row: row.arm, True),
        ("task", lambda row: row.task, True) if several else None,
        ("seed", lambda row: "-" if row.seed is None else str(row.seed), False),
        ("n", lambda row: count(row.n), False),
        ("right", lambda row: percent(row.right / row.n), False),
        ("right, rounded", lambda row: percent(row.right_pad_v1 / row.n), False),
        ("ran", lambda row: percent(row.executed / row.n), False),
        ("failed", lambda row: ", ".join(f"{name} {count(n)}" for name, n in row.errors.items()) or "-", True),
        ("repairs that ran", lambda row: f"{count(row.refined_executed)} of {count(row.refined)}", False)
        if any(row.refined for row in rows)
        else None,
    ]
    return table("Programs of each arm and seed", rows, columns, note=PROGRAMS_NOTE)


def measures(report: Report) -> Table:
    """What answerings say of their answers beside verdicts."""
    rows = report.measures
    several = len({row.task for row in rows}) > 1
    columns: list[Column | None] = [
        ("arm", lambda row: row.arm, True),
        ("task", lambda row: row.task, True) if several else None,
        ("seed", lambda row: "-" if row.seed is None else str(row.seed), False),
        ("measure", lambda row: row.measure, True),
        ("n", lambda row: count(row.n), False),
        ("mean", lambda row: percent(row.mean), False),
        ("95 % interval", lambda row: between(row.low, row.high), False),
    ]
    return table("Measures of answers", rows, columns, note=MEASURES_NOTE)


def interval(low: float | None, high: float | None) -> str:
    return "-" if low is None or high is None else between(low, high, delta)


def sieve(counted: Sieve) -> Table:
    """What became of every draw, or of every sampled path; deeper levels are indented."""
    return levelled(counted.name, sieve_levels(counted))


def leaks(held: Leaks) -> Table:
    """Left-out training questions of each arm, by source and rule."""

    def by_rule(rule: str) -> Column:
        return (rule, lambda row: count(row.dropped.get(rule, 0)), False)

    found = dict.fromkeys([*RULES, *(rule for row in held.counts for rule in row.dropped)])
    columns: list[Column | None] = [
        ("arm", lambda row: row.arm, True),
        ("seeds", lambda row: numbers(row.seeds), True),
        ("source", lambda row: words(row.source) or "none left out", True),
        *(by_rule(rule) for rule in found),
        ("left out", in_all, False),
    ]
    return table("Left-out training questions of each arm", held.counts, columns, note=LEAKS_NOTE)


def in_all(row: LeakCount) -> str:
    return count(sum(row.dropped.values()))


def leak_pairs(held: Leaks) -> Table:
    """Left-out training questions beside the test questions that they give away."""
    columns: list[Column | None] = [
        ("training question", lambda pair: pair.question, True),
        ("test question", lambda pair: pair.test_question, True),
        ("rule", lambda pair: pair.rule, True),
        ("overlap", lambda pair: percent(pair.share) if pair.rule == "overlap" else "", False),
        ("source", lambda pair: words(pair.source), True),
        ("test set", lambda pair: pair.test_set, True),
    ]
    shown = f"{count(len(held.pairs))} of {count(held.distinct)}" if len(held.pairs) < held.distinct else "All"
    title = f"{shown} pairs of a training question that was left out and the test question that it gives away"
    return table(title, held.pairs, columns, note=PAIRS_NOTE if any(p.rule == "overlap" for p in held.pairs) else "")


def choices(report: Report) -> Table:
    """Every kept checkpoint of each arm and seed, the chosen one marked, with the mean of the best three; how all were
    chosen, if alike, in the note."""
    ways = {(choice.by, choice.on, choice.questions) for choice in report.choices}
    several = len(ways) > 1
    three = any(row.best_three is not None for row in report.choices)
    columns: list[Column | None] = [
        ("arm", lambda choice: choice.arm, True),
        ("seed", lambda choice: str(choice.seed), False),
        ("chosen as", lambda choice: SELECTION.get(choice.by, choice.by), True) if several else None,
        ("on", lambda choice: choice.on, True) if several else None,
        ("questions", lambda choice: count(choice.questions), False) if several else None,
        ("step", lambda row: count(row.chosen), False),
        ("best three", lambda row: share(row.best_three), False) if three else None,
        ("the paper's", lambda row: share(row.paper), False) if any(row.paper for row in report.choices) else None,
        ("accuracy by step", by_step, True),
    ]
    ((by, on, questions), *_) = ways
    alike = f"Chosen as {SELECTION.get(by, by)}: {on}, {count(questions)} questions. "
    note = CHOICES_NOTE if several else alike + CHOICES_NOTE
    note += f" {BEST_THREE_NOTE}" if three else ""
    return table("Checkpoints of each arm and seed", report.choices, columns, note=note)


def share(value: float | None) -> str:
    """A share in per cent; a dash where there is none."""
    return "-" if value is None else percent(value)


def by_step(choice: Choice) -> str:
    shown = zip(choice.steps, choice.accuracies, strict=True)
    return ", ".join(
        f"{count(step)}: {percent(accuracy)}{' (chosen)' if step == choice.chosen else ''}" for step, accuracy in shown
    )
