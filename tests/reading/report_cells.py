"""What a report's tables say, read from its page and from its Markdown, and held against the numbers of the report."""

from __future__ import annotations

import re
from collections.abc import Iterator
from html.parser import HTMLParser
from typing import Any

from lema.report.model import ArmSummary, Comparison, PaperCell, Report, TrendPoint
from lema.report.tables.parts import Choice, DeltaPpl, PaperPick, PickPair, PickRow, Sieve, SuccessRow
from lema.report.tables.space_parts import SpacePair, SpaceRow

Row = dict[str, str]  # head -> cell


class Cells(HTMLParser):
    """All tables of a page, as rows of cells."""

    def __init__(self) -> None:
        super().__init__()
        self.tables: list[list[list[str]]] = []
        self.cell: list[str] | None = None

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag == "table":
            self.tables.append([])
        elif tag == "tr":
            self.tables[-1].append([])
        elif tag in ("td", "th"):
            self.cell = []

    def handle_endtag(self, tag: str) -> None:
        if tag in ("td", "th") and self.cell is not None:
            self.tables[-1][-1].append("".join(self.cell).strip())
            self.cell = None

    def handle_data(self, data: str) -> None:
        if self.cell is not None:
            self.cell.append(data)


def html_tables(page: str) -> list[list[Row]]:
    cells = Cells()
    cells.feed(page)
    return [rows_of(table) for table in cells.tables]


def markdown_tables(text: str) -> list[list[Row]]:
    tables: list[list[list[str]]] = []
    before = ""
    for line in text.splitlines():
        if line.startswith("|"):
            if not before.startswith("|"):
                tables.append([])
            cells = [re.sub(r"\\(.)", r"\1", cell).strip() for cell in re.split(r"(?<!\\)\|", line)[1:-1]]
            if not set("".join(cells)) <= set(":- "):
                tables[-1].append(cells)
        before = line
    return [rows_of(table) for table in tables]


def rows_of(table: list[list[str]]) -> list[Row]:
    head, *body = table
    return [dict(zip(head, row, strict=True)) for row in body]


def percent(share: float) -> str:
    return f"{100 * share:.1f} %"


def points(share: float) -> str:
    return f"{100 * share:+.1f}"


def p_value(p: float) -> str:
    return f"{p:.3f}" if p >= 0.001 else "<0.001"


def check(report: Report, tables: list[list[Row]]) -> int:
    """Find every number of arms, comparisons, trends and paper cells in its own cell; how many there were."""
    several = len({arm.task for arm in report.arms}) > 1
    checked = 0
    for arm in (*report.arms, *report.regraded):
        task = {"task": arm.task} if several else {}
        grader = {"grader": arm.grader or "the task's own"} if report.regraded else {}
        checked += agree({"arm": arm.arm, **task, **grader}, arm_cells(arm), tables)
    for c in report.comparisons:
        task = {"task": c.task} if several else {}
        baselines = {other.baseline for other in report.comparisons if other.role == c.role}
        against = {"against": c.baseline} if len(baselines) > 1 else {}
        (table,) = [rows for rows in tables if rows and "p Holm" in rows[0] and in_table(rows, c, report)]
        checked += agree({"arm": c.arm, **task, **against}, comparison_cells(c), [table])
    for trend in report.trends:
        task = {"task": trend.task} if several else {}
        for point in trend.points:
            where = {"family": trend.family, **task, trend.axis: f"{point.x:,.0f}"}
            checked += agree(where, point_cells(point), tables)
    checked += check_data(report, tables)
    for cell in report.paper:
        where = {"arm": cell.arm, "task": cell.task, "model": cell.model, "grader": cell.grader or "the task's own"}
        checked += agree(where, paper_cells(cell), [rows for rows in tables if rows and "paper" in rows[0]])
    return checked


def check_data(report: Report, tables: list[list[Row]]) -> int:
    """The same for the numbers about data and checkpoints."""
    checked = 0
    for row in report.success:
        of = "all" if row.by == "all" else f"{row.by}: {row.name.replace('_', ' ')}"
        several = len({other.corrector for other in report.success}) > 1
        checked += agree({"paths": of, **({"corrector": row.corrector} if several else {})}, success_cells(row), tables)
    for sieve in report.sieves:
        (found,) = [rows for rows in tables if rows and "level" in rows[0] and rows[0]["level"] == sieve.top]
        said = [
            (row["level"].replace("\N{NO-BREAK SPACE}", ""), row["count"], row["of the level above"]) for row in found
        ]
        assert said == list(sieve_cells(sieve)), (said, sieve)
        checked += 2 * len(said)
    for mix in report.mixes:
        repeats = {"equal ones left out": f"{mix.repeats:,}"} if mix.repeats else {}
        tokens = "-" if mix.target_tokens is None else f"{mix.target_tokens:,}"
        alike = any(other.same_text for other in report.mixes)
        repeats |= {"text of an earlier one": "-" if mix.same_text is None else f"{mix.same_text:,}"} if alike else {}
        expected = {"in all": f"{sum(mix.sources.values()):,}", "target tokens": tokens, **repeats}
        checked += agree({"arm": mix.arm, "seed": str(mix.seed)}, expected, tables)
    for count in report.leaks.counts if report.leaks is not None else ():
        where = {"arm": count.arm, "source": count.source or "none left out"}
        rules = {rule: f"{count.dropped.get(rule, 0):,}" for rule in ("exact", "numbers", "names", "overlap")}
        seeds = ", ".join(map(str, count.seeds))
        checked += agree(where, {**rules, "seeds": seeds, "left out": f"{sum(count.dropped.values()):,}"}, tables)
    for choice in report.choices:
        alike = len({(other.by, other.on, other.questions) for other in report.choices}) == 1
        expected = {
            name: cell for name, cell in choice_cells(choice).items() if not alike or "step" in name or "best" in name
        }
        checked += agree({"arm": choice.arm, "seed": str(choice.seed)}, expected, tables)
    for delta in report.delta_ppl:
        seed = "-" if delta.seed is None else str(delta.seed)
        checked += agree({"arm": delta.arm, "seed": seed}, delta_cells(delta), tables)
    for space in report.spaces:
        where = {"arm": space.arm, "target": space.target, "seed": "-" if space.seed is None else str(space.seed)}
        checked += agree(where, space_cells(space), tables)
    for gap in report.space_pairs:
        checked += agree({"arm": gap.arm, "against": gap.against}, gap_cells(gap), tables)
    for pick in report.picks:
        where = {"arm": pick.arm, "seed": "-" if pick.seed is None else str(pick.seed), "asked": pick.asked}
        for cells in (pick_cells(pick, report), selector_cells(pick), position_cells(pick)):
            checked += agree(where, cells, tables)
    for pair in report.pick_pairs:
        where = {"arm": pair.second, "against": pair.first, "asked": pair.asked}
        checked += agree(where, pick_pair_cells(pair), tables)
    for cell in report.paper_picks:
        checked += agree({"model": cell.model, "task": cell.task}, paper_pick_cells(cell), tables)
    return checked


def check_pairs(report: Report, tables: list[list[Row]]) -> int:
    """Left-out training questions with the test questions that they give away."""
    assert report.leaks is not None
    for pair in report.leaks.pairs:
        overlap = percent(pair.share) if pair.rule == "overlap" else ""
        expected = {"test question": pair.test_question, "rule": pair.rule, "overlap": overlap}
        expected |= {"source": pair.source, "test set": pair.test_set}
        agree({"training question": pair.question}, expected, tables)
    return len(report.leaks.pairs)


def in_table(rows: list[Row], c: Comparison, report: Report) -> bool:
    """Whether these are the comparisons of c's role: a table has as many rows as its role has comparisons."""
    arms = [other.arm for other in report.comparisons if other.role == c.role]
    return [row["arm"] for row in rows] == arms


def agree(where: Row, expected: Row, tables: list[list[Row]]) -> int:
    """One row is found by `where`, and it says what is expected."""
    found = [row for rows in tables for row in rows if {**where, **dict.fromkeys(expected)}.keys() <= row.keys()]
    found = [row for row in found if all(row[name] == held for name, held in where.items())]
    assert len(found) == 1, (where, found)
    said = {name: found[0][name] for name in expected}
    assert said == expected, (where, said, expected)
    return len(expected)


def arm_cells(arm: ArmSummary) -> Row:
    seeds = ", ".join(f"{seed}: {percent(a)}" for seed, a in zip(arm.seeds, arm.by_seed, strict=bool(arm.seeds)))
    return {
        "accuracy": percent(arm.accuracy),
        "95 % interval": f"{percent(arm.low)} to {percent(arm.high)}",
        "questions": f"{arm.n:,}",
        "by seed": seeds or "not trained here",
        "interval from": arm.interval,
    }


def comparison_cells(c: Comparison) -> Row:
    return {
        "points": points(c.difference),
        "95 % interval": faced(c.low, c.high),
        "about": c.about,
        "run sd": spread(c),
        "runs": f"{len(c.seeds) or 1} : {len(c.baseline_seeds) or 1}",
        "won : lost": f"{c.won:,} : {c.lost:,}",
        "p": p_value(c.p),
        **({} if c.p_exact is None else {"p exact": p_value(c.p_exact)}),
        "p Holm": p_value(c.p_adjusted),
        "could find": f"{100 * c.smallest:.1f}",
        "verdict": c.verdict,
    }


def faced(low: float, high: float) -> str:
    return f"{points(low) if low else 'more than 0'} to {points(high) if high else 'less than 0'}"


def spread(c: Comparison | PickPair) -> str:
    return "-" if c.run_sd is None else f"{100 * c.run_sd:.1f} ({c.run_df:.0f} + {c.lent_df:.0f} df)"


def point_cells(point: TrendPoint) -> Row:
    interval = f"{percent(point.low)} to {percent(point.high)}"
    return {"arm": point.arm, "accuracy": percent(point.accuracy), "95 % interval": interval}


def paper_cells(cell: PaperCell) -> Row:
    return {
        "ours": percent(cell.ours),
        "95 % interval": f"{percent(cell.low)} to {percent(cell.high)}",
        "paper": percent(cell.paper),
        "difference": points(cell.difference),
        "printed in": cell.printed,
        "differs in": cell.note,
    }


def success_cells(row: SuccessRow) -> Row:
    return {
        "sent": f"{row.sent:,}",
        "accepted": f"{row.accepted:,}",
        "rate": percent(row.rate),
        "95 % interval": f"{percent(row.low)} to {percent(row.high)}",
        "steps": "-" if row.mean_steps is None else f"{row.mean_steps:.1f}",
        "words": "-" if row.mean_words is None else f"{row.mean_words:.1f}",
    }


def sieve_cells(sieve: Sieve) -> Iterator[tuple[str, str, str]]:
    said = {
        "like_seed": "near-duplicate of its seed",
        "like_other_seed": "near-duplicate of another seed",
        "like_evolved": "near-duplicate of an earlier new question",
        "like_test": "leak, gives a test question away",
    }
    yield sieve.top, f"{sieve.levels[0].came:,}", percent(1)
    for level in sieve.levels:
        for reason, n in level.left_out.items():
            name = said.get(reason, reason.replace("_", " "))
            yield f"left out: {name}", f"{n:,}", percent(n / level.came)
        yield level.name, f"{level.stayed:,}", percent(level.stayed / level.came) if level.came else ""


def choice_cells(choice: Choice) -> Row:
    by_step = [f"{step:,}: {percent(a)}" for step, a in zip(choice.steps, choice.accuracies, strict=True)]
    by_step[choice.steps.index(choice.chosen)] += " (chosen)"
    labels = {"best_on_dev": "best on dev", "best_on_test": "best on test, as in the paper"}
    return {
        "chosen as": labels[choice.by],
        "on": choice.on,
        "questions": f"{choice.questions:,}",
        "step": f"{choice.chosen:,}",
        **({} if choice.best_three is None else {"best three": percent(choice.best_three)}),
        "accuracy by step": ", ".join(by_step),
    }


def delta_cells(delta: DeltaPpl) -> Row:
    def number(value: float | None, sign: str = "") -> str:
        return "-" if value is None else f"{value:{sign},.3f}"

    return {
        "DeltaPPL": number(delta.mean, "+"),
        "95 % interval": "-" if delta.low is None else f"{number(delta.low, '+')} to {number(delta.high, '+')}",
        "median": number(delta.median, "+"),
        "PPL wrong": number(delta.wrong_ppl),
        "PPL corrected": number(delta.right_ppl),
        "corrections": f"{delta.corrections:,}",
        "questions": f"{delta.questions:,}",
    }


def bounded(value: tuple[float, float | None, float | None], form: str) -> str:
    """A value in this form, with its interval."""
    shown = [
        percent(v) if form == "%" else points(v) if form == "points" else f"{v:{form}}" for v in value if v is not None
    ]
    return shown[0] if len(shown) == 1 else f"{shown[0]} ({shown[1]} to {shown[2]})"


def space_cells(space: SpaceRow) -> Row:
    return {
        "bits a question": bounded(space.question_bits, ",.2f"),
        "bits a token": bounded(space.token_bits, ",.3f"),
        "entropy a token": bounded(space.entropy, ",.3f"),
        "vocabulary": bounded(space.vocabulary, ",.3f"),
        "likeliest": bounded(space.top, "%"),
        "tokens a question": f"{space.tokens / space.questions:.1f}",
        "questions": f"{space.questions:,}",
    }


def gap_cells(gap: SpacePair) -> Row:
    return {
        "seeds": ", ".join(map(str, gap.seeds)) or "-",
        "bits a question": bounded(gap.question_bits, "+,.3f"),
        "entropy a token": bounded(gap.entropy, "+,.3f"),
        "vocabulary": bounded(gap.vocabulary, "+,.3f"),
        "likeliest": bounded(gap.top, "points"),
        "questions": f"{gap.questions:,}",
    }


def markdown_of(spec: dict[str, Any]) -> str:
    """All Markdown of a W&B report's spec."""
    return "\n\n".join(block["content"] for block in spec["blocks"] if block["type"] == "markdown-block")


def maybe(value: float | None, show: Any = percent) -> str:
    return "-" if value is None else str(show(value))


def pick_cells(pick: PickRow, report: Report) -> Row:
    left_out = {"left out": f"{pick.left_out:,}"} if any(other.left_out for other in report.picks) else {}
    return {
        "S_gen": percent(pick.gen),
        "S_disc": percent(pick.disc),
        "DG-DIFF": points(pick.difference),
        "95 % interval": faced(pick.low, pick.high),
        "p": p_value(pick.p),
        "could find": f"{100 * pick.smallest:.1f}",
        "p Holm": p_value(pick.p_adjusted),
        "verdict": pick.verdict,
        "invalid": percent(pick.invalid),
        "questions": f"{pick.questions:,}",
        "answers": f"{pick.answers:,}",
        "samplings": f"{pick.samplings:,}",
        **left_out,
    }


def pick_pair_cells(pair: PickPair) -> Row:
    def gap(held: tuple[float, float, float]) -> str:
        return f"{points(held[0])} ({points(held[1])} to {points(held[2])})"

    return {
        "more S_gen": gap(pair.gen),
        "more DG-DIFF": f"{points(pair.difference[0])} ({faced(*pair.difference[1:])})",
        "p of it": p_value(pair.p),
        "p of it, Holm": p_value(pair.p_adjusted),
        "knows its own answers": pair.verdict,
        "could find": f"{100 * pair.smallest:.1f}",
        "about": pair.about,
        "run sd": spread(pair),
        "runs": f"{pair.runs[1] or 1} : {pair.runs[0] or 1}",
        "more headroom": gap(pair.headroom),
        "more from a vote": gap(pair.vote),
        "shared questions": f"{pair.questions:,}",
    }


def selector_cells(pick: PickRow) -> Row:
    def interval(low: float | None, high: float | None, show: Any) -> str:
        return "-" if low is None else f"{show(low)} to {show(high)}"

    return {
        "worst": percent(pick.worst),
        "one at random": percent(pick.gen_random),
        "majority": percent(pick.majority),
        "picked": percent(pick.disc),
        "oracle": percent(pick.oracle),
        "headroom": points(pick.headroom),
        "of the headroom": maybe(pick.normalised),
        "its interval": interval(pick.normalised_low, pick.normalised_high, percent),
        "over majority": points(pick.over_majority),
        "its 95 % interval": interval(pick.over_majority_low, pick.over_majority_high, points),
        "mixed": f"{pick.mixed_questions:,}",
        "S_gen, mixed": maybe(pick.mixed_gen),
        "S_disc, mixed": maybe(pick.mixed_disc),
        "DG-DIFF, mixed": maybe(pick.mixed_difference, points),
        "interval, mixed": interval(pick.mixed_low, pick.mixed_high, points),
    }


def position_cells(pick: PickRow) -> Row:
    return {
        "one-sided bounds": f"{points(pick.lower)} to {points(pick.upper)}",
        "margin": points(pick.margin),
        "orders": f"{pick.orders:,}",
        "same pick": maybe(pick.consistency),
        "picked at": ", ".join(map(percent, pick.chosen_at)),
        "right at": ", ".join(map(percent, pick.right_at)),
        "found at": ", ".join(map(maybe, pick.found_at)),
        "p equal": maybe(pick.p_position, p_value),
    }


def paper_pick_cells(cell: PaperPick) -> Row:
    def score(value: float) -> str:
        return f"{value:.2f}" if cell.task == "mt_bench" else percent(value)

    def gain(value: float) -> str:
        return f"{value:+.2f}" if cell.task == "mt_bench" else points(value)

    return {
        "S_gen": score(cell.gen),
        "S_disc": score(cell.disc),
        "DG-DIFF": gain(cell.difference),
        "p": maybe(cell.p, lambda p: f"{p:.2f}"),
        "largest p": maybe(cell.largest_p, p_value),
        "possible": "no" if cell.impossible else "-" if cell.largest_p is None else "yes",
        "questions": f"{cell.questions:,}",
        "S_gen, ours": maybe(cell.ours_gen, score),
        "S_disc, ours": maybe(cell.ours_disc, score),
        "DG-DIFF, ours": maybe(cell.ours_difference, gain),
        "asked, ours": cell.ours_asked or "-",
        "printed in": cell.printed,
        "note": cell.note,
    }
