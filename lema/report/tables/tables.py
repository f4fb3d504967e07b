"""The report's tables as text, made once: HTML and W&B show the same cells, so their numbers cannot differ."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence

import msgspec

from lema.report.model import ArmSummary, Comparison, Funnel, Report, Role
from lema.report.tables.parts import PickPair
from lema.report.tables.text import SELECTION, Row, between, count, faced, levels, p_value, percent, points, words

COMPARISON_NOTE = (
    "Points: difference of accuracy in percentage points. About: whether p, interval and verdict are about new runs "
    "of both arms on new questions, or about these very models on new questions, where too little is known of how far "
    "runs spread. Run sd: standard deviation of the true accuracy of runs in points, with its degrees of freedom, "
    "from these arms + from others of the same kind of training (at most 4). Interval: simultaneous over the "
    "comparisons with the same other arm; p Holm: adjusted for them; a comparison is called exactly where its "
    "interval leaves out 0. Could find: the smallest true gain, in points, that is found with 80 % power. Won "
    "and lost: questions that one arm answers right in a larger share of its runs. p exact: McNemar's, of two single "
    "models; it does not decide."
)
PAPER_NOTE = (
    "Difference: ours less the paper's, in points. The paper gives no seeds and no intervals, and chose its "
    "checkpoints on the test set."
)


class Table(msgspec.Struct, frozen=True, kw_only=True):
    """Cells as they are read. `left` are the columns of text; `classes` holds what a row is, where it is special:
    a verdict, or the total."""

    title: str
    head: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    left: tuple[int, ...] = (0,)
    classes: tuple[str, ...] = ()
    note: str = ""


Column = tuple[str, Callable[..., str], bool]  # head, cell of a row, whether it is text


def table(
    title: str, rows: Iterable[object], columns: Sequence[Column | None], *, note: str = "", total: Sequence[str] = ()
) -> Table:
    """A table of rows by columns; columns that are None are left out."""
    kept = [column for column in columns if column is not None]
    body = [tuple(cell(row) for _, cell, _ in kept) for row in rows]
    return Table(
        title=title,
        head=tuple(name for name, _, _ in kept),
        rows=tuple([*body, tuple(total)] if total else body),
        left=tuple(number for number, (_, _, text) in enumerate(kept) if text),
        classes=(*[""] * len(body), "total") if total else (),
        note=note,
    )


def task_column(report: Report) -> Column | None:
    """The task, where there are several."""
    return ("task", lambda row: row.task, True) if len(report.tasks) > 1 else None


def arms(report: Report) -> Table:
    """Every arm with n, seeds and interval, and under it the same arm as other graders judge it."""
    rows = [
        row
        for arm in report.arms
        for row in (arm, *(other for other in report.regraded if (other.arm, other.task) == (arm.arm, arm.task)))
    ]
    grader: Column = ("grader", lambda row: row.grader or "the task's own", True)
    chosen: Column = ("checkpoint", lambda row: SELECTION.get(row.selection, row.selection) or "-", True)
    columns: list[Column | None] = [
        ("arm", lambda row: row.arm, True),
        task_column(report),
        ("accuracy", lambda row: percent(row.accuracy), False),
        ("95 % interval", lambda row: between(row.low, row.high), False),
        grader if report.regraded else None,
        chosen if any(row.selection for row in rows) else None,
        ("questions", lambda row: count(row.n), False),
        ("by seed", by_seed, True),
        ("interval from", lambda row: row.interval, True),
    ]
    return table("Accuracy", rows, columns)


def by_seed(arm: ArmSummary) -> str:
    """Accuracy of each seed."""
    shown = (f"{seed}: {percent(value)}" for seed, value in zip(arm.seeds, arm.by_seed, strict=False))
    return ", ".join(shown) or "not trained here"


def comparisons(report: Report) -> list[Table]:
    """Every paired difference of accuracy, with its test and what may be said: a table for each role."""
    return compared(report, report.comparisons)


def compared(report: Report, all_: Sequence[Comparison]) -> list[Table]:
    """These comparisons, a table for each role."""
    exact = any(c.p_exact is not None for c in all_)
    columns: list[Column | None] = [
        ("arm", lambda c: c.arm, True),
        task_column(report),
        ("verdict", lambda c: c.verdict, True),
        ("points", lambda c: points(c.difference), False),
        ("95 % interval", lambda c: faced(c.low, c.high), False),
        ("about", lambda c: c.about, True),
        ("p", lambda c: p_value(c.p), False),
        ("p Holm", lambda c: p_value(c.p_adjusted), False),
        ("could find", lambda c: f"{100 * c.smallest:.1f}", False),
        ("run sd", run_spread, False),
        ("runs", lambda c: f"{len(c.seeds) or 1} : {len(c.baseline_seeds) or 1}", False),
        ("won : lost", lambda c: f"{count(c.won)} : {count(c.lost)}", False),
        ("p exact", lambda c: "-" if c.p_exact is None else p_value(c.p_exact), False) if exact else None,
    ]
    made = []
    for title, rows in by_role(all_):
        several = len({c.baseline for c in rows}) > 1
        shown = [*columns[:1], ("against", lambda c: c.baseline, True) if several else None, *columns[1:]]
        classes = tuple(c.verdict.split()[0] for c in rows)
        made.append(msgspec.structs.replace(table(title, rows, shown), classes=classes))
    return made


def by_role(comparisons: Sequence[Comparison]) -> list[tuple[str, list[Comparison]]]:
    """Comparisons with baseline arms, and those with the model before training, each under a title."""
    found = []
    for role, plural in (
        (Role.BASELINE, "Against the baseline arms"),
        (Role.BASE, "Against the models before training"),
    ):
        rows = [c for c in comparisons if c.role == role]
        names = list(dict.fromkeys(c.baseline for c in rows))
        found += [(f"Against {names[0]}" if len(names) == 1 else plural, rows)] if rows else []
    return found


def run_spread(c: Comparison | PickPair) -> str:
    """How far runs spread, and how well that is known."""
    if c.run_sd is None:
        return "-"
    return f"{100 * c.run_sd:.1f} ({c.run_df:.0f} + {c.lent_df:.0f} df)"


def paper(report: Report) -> Table:
    """Ours beside the paper's, cell by cell."""
    columns: list[Column | None] = [
        ("arm", lambda cell: cell.arm, True),
        ("model", lambda cell: cell.model, True),
        ("task", lambda cell: cell.task, True),
        ("grader", lambda cell: cell.grader or "the task's own", True),
        ("ours", lambda cell: percent(cell.ours), False),
        ("95 % interval", lambda cell: between(cell.low, cell.high), False),
        ("paper", lambda cell: percent(cell.paper), False),
        ("difference", lambda cell: points(cell.difference), False),
        ("printed in", lambda cell: cell.printed, True),
        ("differs in", lambda cell: cell.note, True),
    ]
    return table("Beside the paper", report.paper, columns, note=PAPER_NOTE)


def trends(report: Report) -> list[Table]:
    """The points of the curves, one table an axis."""
    return [
        table(
            f"Accuracy by {axis}",
            [(trend, point) for trend in report.trends if trend.axis == axis for point in trend.points],
            [
                ("family", lambda row: row[0].family, True),
                ("task", lambda row: row[0].task, True) if len(report.tasks) > 1 else None,
                (axis, lambda row: count(row[1].x), False),
                ("accuracy", lambda row: percent(row[1].accuracy), False),
                ("95 % interval", lambda row: between(row[1].low, row[1].high), False),
                ("arm", lambda row: row[1].arm, True),
            ],
        )
        for axis in dict.fromkeys(trend.axis for trend in report.trends)
    ]


def funnel(counted: Funnel) -> Table:
    """What became of every sampled path; deeper levels are indented."""
    return levelled(counted.name, levels(counted))


def levelled(title: str, rows: Sequence[Row]) -> Table:
    """Counts level by level, each as a share of the one above."""
    columns: list[Column | None] = [
        ("level", lambda row: "\N{NO-BREAK SPACE}" * 4 * row[0] + row[1], True),
        ("count", lambda row: count(row[2]), False),
        ("of the level above", lambda row: percent(row[2] / row[3]) if row[3] else "", False),
    ]
    return table(title, rows, columns)


def mixes(report: Report) -> Table:
    """What each arm and seed was trained on."""
    repeats = any(mix.repeats for mix in report.mixes)
    alike = any(mix.same_text for mix in report.mixes)
    columns: list[Column | None] = [
        ("arm", lambda mix: mix.arm, True),
        ("seed", lambda mix: str(mix.seed), False),
        (
            "examples by source",
            lambda mix: ", ".join(f"{words(name)} {count(n)}" for name, n in mix.sources.items()),
            True,
        ),
        ("in all", lambda mix: count(sum(mix.sources.values())), False),
        ("target tokens", lambda mix: count(mix.target_tokens), False),
        ("text of an earlier one", lambda mix: count(mix.same_text), False) if alike else None,
        ("equal ones left out", lambda mix: count(mix.repeats), False) if repeats else None,
    ]
    return table("Examples of each arm and seed", report.mixes, columns)
