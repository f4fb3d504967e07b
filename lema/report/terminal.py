"""The report in the terminal: tables that fit its width, plain text where there is no terminal."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from rich.console import Console, Group, RenderableType
from rich.table import Table
from rich.text import Text

from lema.report.model import ArmSummary, Comparison, ErrorClass, Funnel, Note, PaperCell, Report
from lema.report.text import MOST_ANSWERS, answers, between, levels, p_value, percent, points, words
from lema.stats import Verdict

COLOURS = {Verdict.BETTER.value: "green", Verdict.WORSE.value: "red", Verdict.CANNOT_TELL.value: "yellow"}
NARROWEST = 78  # columns that the tables need


def print_report(report: Report, console: Console) -> None:
    """Funnel, accuracies, comparisons, notes, and the answer last, where it is still on the screen."""
    parts: list[RenderableType] = [Text(report.title, style="bold")]
    parts += [funnel_table(funnel) for funnel in report.funnels]
    parts += [error_table(report.errors)] if report.errors else []
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


def funnel_table(funnel: Funnel) -> Table:
    """Every sampled path once: what became of it, level by level."""
    table = plain_table(f"Paths: {funnel.name}" if funnel.name else "Paths", "", ("paths", "right"), ("share", "right"))
    for depth, name, count, whole in levels(funnel):
        share = f"{100 * count / whole:.1f} %" if whole else ""
        table.add_row(Text("  " * depth + name), f"{count:,}", share)
    return table


def error_table(errors: Sequence[ErrorClass]) -> Table:
    """Classes of mistakes as the corrector named them."""
    table = plain_table("Mistakes", "class", ("paths", "right"), ("accepted", "right"))
    for error in errors:
        table.add_row(Text(words(error.name)), f"{error.sent:,}", f"{error.accepted:,}")
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
    """Paired differences in points, with the test and what may be said."""
    columns = [("points", "right"), ("95 % interval", "right"), ("won:lost", "right"), ("p", "right")]
    columns += [("could find", "right"), ("verdict", "left")]
    table = plain_table("Paired comparison, same questions and seeds", "arm against other", *columns)
    for c in comparisons:
        pair = Text(named(f"{c.arm} against {c.baseline}", c.task))
        interval = f"{100 * c.seeds_low:+.1f} to {100 * c.seeds_high:+.1f}"
        cells = [f"{100 * c.difference:+.1f}", interval, f"{c.won}:{c.lost}", p_value(c.p_adjusted)]
        table.add_row(pair, *cells, f"{100 * c.smallest:.1f}", Text(c.verdict, style=COLOURS.get(c.verdict, "")))
    table.caption = "p: exact, Holm-adjusted. could find: smallest true difference found with 80 % power, in points."
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
