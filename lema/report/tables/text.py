"""Numbers and names as people read them, the same in the terminal, in HTML and in Markdown."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from lema.base.family import Verdict
from lema.report.model import Comparison, Funnel, Report
from lema.report.tables.parts import PickRow, Sieve
from lema.report.tables.skill_parts import SkillRow

MOST_ANSWERS = 6  # comparisons that are read as sentences; more are summed up

BEST_ON_TEST = "best_on_test"
#: How a checkpoint was chosen. The last is what the paper did, and is said wherever its number appears.
SELECTION = {
    "": "",
    "last": "last",
    "best_on_dev": "best on dev",
    BEST_ON_TEST: "best on test, as in the paper",
}

#: Why a new question is left out for what it is like; other reasons are words already.
LIKE = {
    "like_seed": "near-duplicate of its seed",
    "like_other_seed": "near-duplicate of another seed",
    "like_evolved": "near-duplicate of an earlier new question",
    "like_test": "leak, gives a test question away",
}
Row = tuple[int, str, int, int]  # depth, name, count, and the count that it is a share of


def percent(share: float) -> str:
    """A share of 1 in per cent."""
    return f"{100 * share:.1f} %"


def points(share: float) -> str:
    """A difference of shares in percentage points, with its sign."""
    return f"{100 * share:+.1f}"


def between(low: float, high: float, show: Callable[[float], str] = percent) -> str:
    """An interval of shares, or of differences."""
    return f"{show(low)} to {show(high)}"


def faced(low: float, high: float) -> str:
    """The interval of a difference in points; a bound of just 0 belongs to one that is called."""
    return f"{points(low) if low else 'more than 0'} to {points(high) if high else 'less than 0'}"


def count(number: float | None) -> str:
    """A whole number with thousands separated; a dash where nothing was counted."""
    return "-" if number is None else f"{number:,.0f}"


def perplexity(value: float | None) -> str:
    """A perplexity; a dash where there is none."""
    return "-" if value is None else f"{value:,.3f}"


def delta(value: float | None) -> str:
    """A difference of two perplexities, with its sign; a dash where there is none."""
    return "-" if value is None else f"{value:+,.3f}"


def numbers(held: Sequence[int]) -> str:
    """Some whole numbers."""
    return ", ".join(map(str, held)) or "-"


def p_value(p: float) -> str:
    """Three digits, or that it is smaller."""
    return f"{p:.3f}" if p >= 0.001 else "<0.001"


def words(name: str) -> str:
    """A reason's name as words."""
    return name.replace("_", " ")


def duration(seconds: float | None) -> str:
    """Seconds as a person says them; a dash where none were measured."""
    if seconds is None:
        return "-"
    if seconds < 60:
        return f"{seconds:.1f} s"
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours} h {minutes} min" if hours else f"{minutes} min {rest} s"


def levels(funnel: Funnel) -> list[Row]:
    """Rows of the funnel."""
    wrong = sum(funnel.held_back.values()) + funnel.sent
    rows = [(0, "sampled", funnel.sampled, funnel.sampled)]
    rows += [(1, "right", funnel.sampled - wrong, funnel.sampled), (1, "not right", wrong, funnel.sampled)]
    rows += [(2, f"left out: {words(name)}", number, wrong) for name, number in funnel.held_back.items()]
    rows += [(2, "given to the corrector", funnel.sent, wrong), (3, "accepted", funnel.accepted, funnel.sent)]
    rows += [(3, f"rejected: {words(name)}", number, funnel.sent) for name, number in funnel.rejected.items()]
    return rows


def sieve_levels(sieve: Sieve) -> list[Row]:
    """Rows of a sieve."""
    rows = [(0, sieve.top, sieve.levels[0].came, sieve.levels[0].came)]
    for depth, level in enumerate(sieve.levels, 1):
        rows += [
            (depth, f"left out: {LIKE.get(reason, words(reason))}", number, level.came)
            for reason, number in level.left_out.items()
        ]
        rows += [(depth, level.name, level.stayed, level.came)]
    return rows


def answers(report: Report) -> list[tuple[str, str]]:
    """The question's answer in words, with the verdict of each sentence (empty: there is none).

    Whether corrections were learned comes first: where they were not, differences say nothing of learning from
    mistakes. A few comparisons are said one by one; many are summed up by verdict and task, with their differences in
    points.
    """
    return [*learned(report.skills), *unknown(report), *compared_in_words(report)]


def unknown(report: Report) -> list[tuple[str, str]]:
    """That nobody looked whether corrections were learned, of arms of which that is so."""
    if not report.not_asked:
        return []
    which = f"models of {', '.join(report.not_asked)}" if report.skills else "models"
    text = (
        f"Nobody looked whether the {which} learned to write corrections: where they did not, a difference between "
        "arms says nothing of learning from mistakes. analysis=correction_skill looks."
    )
    return [("", text)]


def learned(rows: Sequence[SkillRow]) -> list[tuple[str, str]]:
    """Whether corrections were learned: a few arms one by one, many by verdict."""
    told = [row for row in rows if row.verdict]
    if len(told) <= MOST_ANSWERS:
        return [(row.verdict, row.words) for row in told]
    sentences: list[tuple[str, str]] = []
    for verdict in dict.fromkeys(row.verdict for row in told):
        held = [row for row in told if row.verdict == verdict]
        named = "; ".join(
            f"{row.arm} ({percent(row.right.value)} right, a second sample {percent(row.again.value)})"
            for row in held
            if row.right is not None
        )
        what = {"learned": "have learned", "not learned": "have not learned"}.get(
            verdict, "may or may not have learned"
        )
        sentences.append((verdict, f"{len(held)} of {len(told)} arms {what} to correct held-out mistakes: {named}."))
    return sentences


def compared_in_words(report: Report) -> list[tuple[str, str]]:
    """What the comparisons, and picks among sampled answers, say."""
    said = report.answering
    sentences = picked(report.picks)
    if not said:
        return sentences or [("", report.answer)]
    if len(said) <= MOST_ANSWERS:
        return sentences + [(c.verdict, c.words) for c in said]
    for verdict in Verdict:
        for task in report.tasks:
            compared = [c for c in said if c.task == task]
            if held := [c for c in compared if c.verdict == verdict]:
                sentences.append((verdict.value, summed_up(held, compared)))
    return sentences


def summed_up(held: Sequence[Comparison], compared: Sequence[Comparison]) -> str:
    """One sentence for those of a task's comparisons that have one verdict, the largest difference first."""
    first, several = held[0], len({c.baseline for c in compared}) > 1
    what = SAID[Verdict(first.verdict)]
    ordered = sorted(held, key=lambda c: -c.difference)
    arms = ", ".join(f"{pair(c) if several else c.arm} ({points(c.difference)})" for c in ordered)
    where = f" on {first.task}" if first.task else ""
    number = f"{len(held)} of {len(compared)}"
    if several:
        return f"In {number} comparisons{where} arms {what} their baselines; differences in points: {arms}."
    return f"{number} arms {what} {first.baseline}{where}; differences in points: {arms}."


def picked(rows: Sequence[PickRow]) -> list[tuple[str, str]]:
    """What picks among sampled answers show: a few one by one, many by verdict, the largest difference first."""
    if len(rows) <= MOST_ANSWERS:
        return [(row.verdict, row.words) for row in rows]
    sentences = []
    for verdict in dict.fromkeys(row.verdict for row in rows):
        held = sorted((row for row in rows if row.verdict == verdict), key=lambda row: -row.difference)
        named = "; ".join(f"{row.arm}, {row.asked} ({points(row.difference)})" for row in held)
        what = "cannot be told from" if verdict == "cannot tell" else f"is {verdict} than"
        text = f"In {len(held)} of {len(rows)} cases picking {what} drawing an answer at random"
        sentences.append((verdict, f"{text}; DG-DIFF in points: {named}."))
    return sentences


#: What arms of one verdict are, before the name of another arm.
SAID = {
    Verdict.BETTER: "are better than",
    Verdict.WORSE: "are worse than",
    Verdict.ABOVE: "score above, with these very models,",
    Verdict.BELOW: "score below, with these very models,",
    Verdict.CANNOT_TELL: "cannot be told apart from",
}


def pair(c: Comparison) -> str:
    """Which arm against which."""
    return f"{c.arm} against {c.baseline}"
