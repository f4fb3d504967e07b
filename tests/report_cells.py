"""What a report's tables say, read from its page and from its Markdown, and held against the numbers of the report."""

from __future__ import annotations

import re
from html.parser import HTMLParser
from typing import Any

from lema.report.model import ArmSummary, Comparison, PaperCell, Report, TrendPoint

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
        for at, (value, p) in enumerate(zip(c.by_seed, c.p_by_seed, strict=True)):
            seed = str(c.seeds[at]) if c.seeds else "-"
            where = {"arm": c.arm, "against": c.baseline, **task, "seed": seed}
            checked += agree(where, {"points": points(value), "p exact (McNemar)": p_value(p)}, tables)
    for trend in report.trends:
        task = {"task": trend.task} if several else {}
        for point in trend.points:
            where = {"family": trend.family, **task, trend.axis: f"{point.x:,.0f}"}
            checked += agree(where, point_cells(point), tables)
    for cell in report.paper:
        where = {"arm": cell.arm, "task": cell.task, "model": cell.model, "grader": cell.grader or "the task's own"}
        checked += agree(where, paper_cells(cell), [rows for rows in tables if rows and "paper" in rows[0]])
    return checked


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
        "95 % interval, questions": f"{points(c.low)} to {points(c.high)}",
        "95 % interval, and seeds": f"{points(c.seeds_low)} to {points(c.seeds_high)}",
        "questions": f"{c.n:,}",
        "seeds": ", ".join(map(str, c.seeds)) or "-",
        "won : lost": f"{c.won:,} : {c.lost:,}",
        "p exact": p_value(c.p),
        "p Holm": p_value(c.p_adjusted),
        "could find": f"{100 * c.smallest:.1f}",
        "verdict": c.verdict,
    }


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


def markdown_of(spec: dict[str, Any]) -> str:
    """All Markdown of a W&B report's spec."""
    return "\n\n".join(block["content"] for block in spec["blocks"] if block["type"] == "markdown-block")
