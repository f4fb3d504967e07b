"""Tables of whether models learned to correct, made once as those of `lema.report.tables.tables`."""

from __future__ import annotations

from collections.abc import Sequence

import msgspec

from lema.report.model import Report
from lema.report.tables.skill_parts import OwnCorrections, Share, SkillRow
from lema.report.tables.tables import Column, Table, compared, table
from lema.report.tables.text import between, count, faced, percent, points, words

TITLE = "Were corrections learned?"
NOTE = (
    "Each model is given held-out mistakes of the model before training, and asked for the correction as corrections "
    "are taught; models without corrections are asked the same. Taught form: nothing is missing, misplaced or "
    "misnumbered. Step named: the first wrong step, where a trace knows it. Right: the final answer, whatever the "
    "form. Second sample: the same model, asked the question once more without the mistake. Learned: at least half in "
    "the taught form, and right more often than a second sample (interval above 0, simultaneous over arms). No "
    "answers: corrections taught without a solution, of which none is right or wrong."
)
SHARES_NOTE = (
    "Sound: in the taught form, the first wrong step named, and no step of the solution wrong against the trace. "
    "Always one step: how often whoever named the same step every time would be right, at best."
)
OWN_NOTE = (
    "Corrections that the model was trained on, asked for once more (greedy; counted over runs). As taught: letter by "
    "letter. Step named: the one that was taught."
)


def all_of(report: Report) -> Sequence[Table]:
    """What was learned, with intervals, beside arms that it is compared with, and of the training corrections."""
    comparisons = [
        msgspec.structs.replace(made, title=f"Right corrections: {made.title[0].lower()}{made.title[1:]}")
        for made in compared(report, report.skill_comparisons)
    ]
    own = [own_corrections(report)] if any(row.own for row in report.skills) else []
    return (main(report), shares(report), faults(report), *own, *comparisons)


def main(report: Report) -> Table:
    """Every arm with its verdict."""
    columns: list[Column | None] = [
        ("arm", lambda row: row.arm, True),
        mistakes_column(report),
        ("verdict", lambda row: row.verdict or ("no answers" if row.taught else "not taught"), True),
        ("mistakes", lambda row: count(row.mistakes), False),
        ("taught form", lambda row: value(row.well_formed), False),
        ("step named", lambda row: value(row.step_named), False),
        ("right", lambda row: value(row.right), False),
        ("second sample right", lambda row: value(row.again), False),
        ("points", lambda row: "-" if row.beside is None else points(row.beside.difference), False),
        ("95 % interval", lambda row: "-" if row.beside is None else faced(row.beside.low, row.beside.high), False),
        ("about", lambda row: "-" if row.beside is None else row.beside.about, True),
    ]
    classes = tuple(row.verdict.split()[0] if row.verdict else "" for row in report.skills)
    return msgspec.structs.replace(table("Held-out mistakes", report.skills, columns, note=NOTE), classes=classes)


def shares(report: Report) -> Table:
    """Every share with its interval."""
    columns: list[Column | None] = [
        ("arm", lambda row: row.arm, True),
        mistakes_column(report),
        ("taught form", lambda row: interval(row.well_formed), False),
        ("step named", lambda row: interval(row.step_named), False),
        ("always one step", lambda row: "-" if row.step_guess is None else percent(row.step_guess), False),
        ("right", lambda row: interval(row.right), False),
        ("sound", lambda row: interval(row.sound), False),
        ("second sample right", lambda row: interval(row.again), False),
        ("right by seed", by_seed, True),
    ]
    return table("95 % intervals", report.skills, columns, note=SHARES_NOTE)


def faults(report: Report) -> Table:
    """What is wrong with the form."""
    columns: list[Column | None] = [
        ("arm", lambda row: row.arm, True),
        mistakes_column(report),
        ("first fault of the form", malformed, True),
    ]
    return table("What is wrong with the form", report.skills, columns)


def own_corrections(report: Report) -> Table:
    """What comes back of the training corrections."""
    rows = [(row, row.own) for row in report.skills if row.own is not None]
    columns: list[Column | None] = [
        ("arm", lambda row: row[0].arm, True),
        ("asked", lambda row: count(row[1].asked), False),
        ("as taught", lambda row: of(row[1], row[1].as_taught), False),
        ("taught form", lambda row: of(row[1], row[1].well_formed), False),
        ("step named", lambda row: of(row[1], row[1].step_named), False),
        ("right", lambda row: of(row[1], row[1].right), False),
    ]
    return table("Training corrections", rows, columns, note=OWN_NOTE)


def mistakes_column(report: Report) -> Column | None:
    """Whose mistakes, where there are several sets."""
    several = len({row.where for row in report.skills}) > 1
    return ("mistakes on", lambda row: row.where, True) if several else None


def value(share: Share | None) -> str:
    return "-" if share is None else percent(share.value)


def interval(share: Share | None) -> str:
    return "-" if share is None else between(share.low, share.high)


def of(own: OwnCorrections, number: int | None) -> str:
    """A count and its share."""
    return "-" if number is None else f"{count(number)} ({percent(number / own.asked)})"


def by_seed(row: SkillRow) -> str:
    """How often corrections of each run end right."""
    if row.right is None:
        return "-"
    return ", ".join(f"{seed}: {percent(held)}" for seed, held in zip(row.seeds, row.right.by_seed, strict=True))


def malformed(row: SkillRow) -> str:
    """The faults, the commonest first."""
    return ", ".join(f"{words(name)} {percent(share)}" for name, share in row.malformed.items()) or "none"
