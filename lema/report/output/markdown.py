"""The report as Markdown, section by section: the same tables and sentences as the page, for where HTML cannot go."""

from __future__ import annotations

import re
from collections.abc import Iterator

from lema.report.findings import costs
from lema.report.model import Report, SideBySide
from lema.report.tables import data_tables, picks_tables, skill_tables, sound_tables, space_tables, tables
from lema.report.tables.tables import Table
from lema.report.tables.text import answers, words

#: Characters that Markdown, or W&B's formulas between dollar signs, would read as markup.
MARKUP = re.compile(r"([\\`*\[\]<>|$~])")


def sections(report: Report) -> Iterator[tuple[str, str]]:
    """Heading and Markdown of each section, in reading order; the first has no heading."""
    yield "", opening(report)
    yield "Accuracy", shown(tables.arms(report))
    if report.comparisons:
        compared = [titled(one) for one in tables.comparisons(report)]
        yield "Comparison", "\n\n".join([*compared, escaped(tables.COMPARISON_NOTE)])
    if report.skills:
        yield skill_tables.TITLE, "\n\n".join(map(titled, skill_tables.all_of(report)))
    for trend in tables.trends(report):
        yield trend.title, shown(trend)
    if report.paper:
        yield "Beside the paper", shown(tables.paper(report))
    if report.delta_ppl:
        yield "DeltaPPL", shown(data_tables.delta_ppl(report))
    if report.spaces:
        yield space_tables.TITLE, "\n\n".join(map(titled, space_tables.all_of(report)))
    if report.programs:
        yield "Programs", shown(data_tables.programs(report))
    if report.soundness:
        yield sound_tables.TITLE, "\n\n".join(map(titled, sound_tables.all_of(report)))
    if report.measures:
        yield "How answers came about", shown(data_tables.measures(report))
    if report.picks:
        yield picks_tables.TITLE, "\n\n".join(map(titled, picks_tables.all_of(report)))
    if report.funnels:
        yield "From samples to corrections", "\n\n".join(titled(tables.funnel(one)) for one in report.funnels)
    if report.success:
        yield "Success of corrections", shown(data_tables.success(report))
    if report.sieves:
        yield "Further questions and paths", "\n\n".join(titled(data_tables.sieve(one)) for one in report.sieves)
    if report.mixes:
        yield "Training data", shown(tables.mixes(report))
    if report.leaks is not None:
        yield "Decontamination", shown(data_tables.leaks(report.leaks))
    if report.choices:
        yield "Chosen checkpoints", shown(data_tables.choices(report))
    if report.corrections:
        examples = [side_by_side(number, one) for number, one in enumerate(report.corrections, 1)]
        yield "Corrections, side by side with the mistake", "\n\n".join(examples)
    if report.stages:
        yield "Cost", "\n\n".join([shown(costs.by_kind(report)), titled(costs.one_by_one(report))])
    if report.provenance is not None:
        yield "How to get these numbers again", provenance(report)


def opening(report: Report) -> str:
    """The question, its answer in words, and what the reader must know."""
    said = [
        f"- {f'**{verdict.capitalize()}.** ' if verdict else ''}{escaped(text)}" for verdict, text in answers(report)
    ]
    notes = [f"> **{note.level.capitalize()}:** {escaped(note.text)}" for note in report.notes]
    return "\n\n".join([f"**{escaped(report.question)}**", "\n".join(said), *notes])


def provenance(report: Report) -> str:
    """The command, the code and the versions."""
    held = report.provenance
    assert held is not None
    code = f"code {held.commit}" + (" with uncommitted changes" if held.dirty else "")
    lines = [code, f"seeds {', '.join(map(str, held.seeds))}", *(f"{n} {v}" for n, v in held.versions.items())]
    return "\n".join([f"Command: {escaped(held.command)}", "", *(f"- {escaped(line)}" for line in lines)])


def side_by_side(number: int, c: SideBySide) -> str:
    """One mistake and its correction."""
    slip = [
        f"{at}. {escaped(text)}{' (first wrong step)' if at == c.step else ''}" for at, text in enumerate(c.wrong, 1)
    ]
    fixed = [f"{at}. {escaped(text)}" for at, text in enumerate(c.corrected, c.step or 1)]
    kind = (f", {words(c.error)}" if c.error else "") + (", answer-hinted" if c.hinted else "")
    parts = [f"**{number}{kind}.** {escaped(c.question)} (Reference answer: {escaped(c.reference)})"]
    parts += [f"The model's path, answer {escaped(c.wrong_answer) or 'none'}:", "\n".join(slip)]
    parts += [f"The correction, answer {escaped(c.answer) or 'none'}: {escaped(c.explanation)}", "\n".join(fixed)]
    return "\n\n".join(parts)


def titled(table: Table) -> str:
    """A table under its title."""
    return f"**{escaped(table.title)}**\n\n{shown(table)}" if table.title else shown(table)


def shown(table: Table) -> str:
    """A table in GitHub's form, and its note."""
    rule = [":--" if number in table.left else "--:" for number in range(len(table.head))]
    lines = [line(table.head), f"| {' | '.join(rule)} |", *(line(row) for row in table.rows)]
    return "\n".join(lines) + (f"\n\n{escaped(table.note)}" if table.note else "")


def line(cells: tuple[str, ...]) -> str:
    """One row."""
    return f"| {' | '.join(escaped(cell) for cell in cells)} |"


def escaped(text: str) -> str:
    """Text that stays text, on one line."""
    return MARKUP.sub(r"\\\1", re.sub(r"\s*\n\s*", " ", text))
