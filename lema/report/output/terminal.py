"""The report in the terminal: tables that fit its width, plain text where there is no terminal."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from rich.console import Console, Group, RenderableType
from rich.table import Table
from rich.text import Text

from lema.base.family import About, Verdict
from lema.report.model import ArmSummary, Comparison, Note, PaperCell, Report
from lema.report.tables import data_tables, picks_tables, skill_tables, sound_tables, space_tables, tables
from lema.report.tables.text import (
    MOST_ANSWERS,
    Row,
    answers,
    between,
    faced,
    levels,
    p_value,
    percent,
    points,
    sieve_levels,
)

COLOURS = {
    Verdict.BETTER.value: "green",
    Verdict.ABOVE.value: "green",
    Verdict.WORSE.value: "red",
    Verdict.BELOW.value: "red",
    Verdict.CANNOT_TELL.value: "yellow",
}
NARROWEST = 78  # columns that the tables need
FOLDED = 12  # columns in which text can be read


def print_report(report: Report, console: Console) -> None:
    """Funnel, accuracies, comparisons, notes, and the answer last, where it is still on the screen."""
    parts: list[RenderableType] = [Text(report.title, style="bold")]
    parts += [
        level_table(f"Paths: {funnel.name}" if funnel.name else "Paths", levels(funnel)) for funnel in report.funnels
    ]
    parts += [level_table(sieve.name, sieve_levels(sieve)) for sieve in report.sieves]
    parts += [fitting(made, console) for made in data(report)]
    # Where the tables have no room there are sentences: a number cut short would be a wrong one.
    wide = console.width >= NARROWEST
    arms = [*report.arms, *report.regraded]
    parts.append(accuracy_table(arms) if wide else accuracy_lines(arms))
    if report.comparisons:
        parts.append(comparison_table(report.comparisons) if wide else comparison_lines(report.comparisons))
    parts += [paper_lines(report.paper)] if report.paper else []
    parts += [note_line(note) for note in report.notes]
    said = Text("\n" if len(report.comparisons) > MOST_ANSWERS else " ").join(Text(text) for _, text in answers(report))
    parts += [Group(Text(report.question, style="bold"), said)]
    for part in parts:
        console.print(part, soft_wrap=False)
        console.print()


def data(report: Report) -> Iterator[tables.Table]:
    """What there is about data and checkpoints."""
    if report.success:
        yield data_tables.success(report)
    if report.leaks is not None:
        yield data_tables.leaks(report.leaks)
    if report.choices:
        yield data_tables.choices(report)
    if report.delta_ppl:
        yield data_tables.delta_ppl(report)
    if report.spaces:
        yield from space_tables.all_of(report)
    if report.programs:
        yield data_tables.programs(report)
    if report.soundness:
        yield sound_tables.main(report)
    if report.skills:
        yield skill_tables.main(report)
        if any(row.own for row in report.skills):
            yield skill_tables.own_corrections(report)
    if report.measures:
        yield data_tables.measures(report)
    if report.picks:  # the rest is for the page: it is wide
        yield picks_tables.main(report)
        yield picks_tables.selectors(report)
        if report.pick_pairs:
            yield picks_tables.pairs(report)


def fitting(made: tables.Table, console: Console) -> RenderableType:
    """A table of the page, or its rows as sentences where a number would be cut, and its note."""
    body: RenderableType
    if needed(made) <= console.width:
        body = plain_table(made.title, made.head[0], *(column(made, number) for number in range(1, len(made.head))))
        for row in made.rows:
            body.add_row(*map(Text, row))
    else:
        named = ((row[0], zip(made.head[1:], row[1:], strict=True)) for row in made.rows)
        lines = [f"{first}: {', '.join(map(' '.join, cells))}" for first, cells in named]
        body = Text("\n").join([Text(made.title, style="bold"), *map(Text, lines)])
    return Group(body, Text(made.note, style="dim italic")) if made.note else body


def needed(made: tables.Table) -> int:
    """Columns of the terminal in which no number of a table is cut, and text can be read."""
    longest = [max(map(len, cells)) for cells in zip(made.head, *made.rows, strict=True)]
    held = (min(width, FOLDED) if number in made.left else width for number, width in enumerate(longest))
    return sum(held) + 2 * (len(longest) - 1)


def column(made: tables.Table, number: int) -> tuple[str, Any]:
    return made.head[number], "left" if number in made.left else "right"


def level_table(title: str, rows: Sequence[Row]) -> Table:
    """Everything once: what became of it, level by level."""
    table = plain_table(title, "", ("count", "right"), ("share", "right"))
    for depth, name, number, whole in rows:
        share = f"{100 * number / whole:.1f} %" if whole else ""
        table.add_row(Text("  " * depth + name), f"{number:,}", share)
    return table


def accuracy_table(arms: Sequence[ArmSummary]) -> Table:
    """Accuracy of each arm with n, interval and seeds."""
    columns = [("accuracy", "right"), ("95 % interval", "right"), ("n", "right"), ("by seed", "left")]
    table = plain_table("Accuracy", "arm", *columns)
    for arm in arms:
        interval = f"{100 * arm.low:.1f} to {100 * arm.high:.1f}"
        name, seeds = Text(judged(arm)), Text(seed_values(arm))
        table.add_row(name, f"{100 * arm.accuracy:.1f} %", interval, f"{arm.n:,}", seeds)
    return table


def named(name: str, task: str) -> str:
    """An arm, and its task where a report has several."""
    return f"{name}, {task}" if task else name


def judged(arm: ArmSummary) -> str:
    """An arm, its task where there are several, and its grader where it is not the task's own."""
    return named(arm.arm, arm.task) + (f", as {arm.grader} grades" if arm.grader else "")


def seed_values(arm: ArmSummary) -> str:
    """Accuracy of each seed, or a dash for a model that was not trained here."""
    shown = (f"{seed}: {100 * value:.1f}" for seed, value in zip(arm.seeds, arm.by_seed, strict=False))
    return ", ".join(shown) or "-"


def comparison_table(comparisons: Sequence[Comparison]) -> Table:
    """Paired differences in points, with what they are about and what may be said."""
    columns = [("points", "right"), ("95 % interval", "right"), ("p", "right"), ("could find", "right")]
    columns += [("about", "left"), ("verdict", "left")]
    table = plain_table("Paired comparison, same questions", "arm against other", *columns)
    for c in comparisons:
        pair = Text(named(f"{c.arm} against {c.baseline}", c.task))
        cells = [f"{100 * c.difference:+.1f}", faced(c.low, c.high), p_value(c.p_adjusted), f"{100 * c.smallest:.1f}"]
        about = f"runs, sd {100 * (c.run_sd or 0):.1f}" if c.about == About.RUNS else "these two"
        table.add_row(pair, *cells, about, Text(c.verdict, style=COLOURS.get(c.verdict, "")))
    table.caption = (
        "p: Holm-adjusted. could find: smallest true gain found with 80 % power, in points. about: new runs, "
        "which spread by so many points, or these two models only; on new questions in either case."
    )
    table.caption_justify = "left"
    return table


def accuracy_lines(arms: Sequence[ArmSummary]) -> Text:
    """The accuracies as sentences."""
    said = (
        f"{judged(arm)}: {100 * arm.accuracy:.1f} % ({100 * arm.low:.1f} to {100 * arm.high:.1f}), "
        f"{arm.n:,} questions, by seed {seed_values(arm)}"
        for arm in arms
    )
    return Text("\n").join(map(Text, said))


def comparison_lines(comparisons: Sequence[Comparison]) -> Text:
    """The comparisons as sentences."""
    return Text("\n").join(Text(f"{c.words} Adjusted p {p_value(c.p_adjusted)}.") for c in comparisons)


def paper_lines(cells: Sequence[PaperCell]) -> Text:
    """Ours and the paper's, as sentences."""
    said = (
        f"{named(c.arm, c.task)}{f', as {c.grader} grades' if c.grader else ''}: {percent(c.ours)} "
        f"({between(c.low, c.high)}), the paper {percent(c.paper)} ({c.printed}): {points(c.difference)} points"
        for c in cells
    )
    return Text("\n").join([Text("Beside the paper", style="bold"), *map(Text, said)])


def note_line(note: Note) -> Text:
    """A note, or a warning that stands out."""
    line = Text(f"{note.level}: ", style="bold yellow" if note.level == "warning" else "bold")
    return line.append(note.text, style="not bold default")


def plain_table(title: str, first: str, *columns: tuple[str, Any]) -> Table:
    """A table without frames, so that it can be pasted; the first column may fold, numbers may not."""
    table = Table(title=title, title_justify="left", title_style="bold", box=None, pad_edge=False, header_style="dim")
    table.add_column(first, overflow="fold", min_width=8)
    for name, justify in columns:
        table.add_column(name, justify=justify, overflow="fold", no_wrap=justify == "right")
    return table
