"""Tables of soundness, made once as those of `lema.report.tables.tables`."""

from __future__ import annotations

from collections.abc import Sequence

import msgspec

from lema.report.model import Report
from lema.report.tables.sound_parts import SoundRow
from lema.report.tables.tables import Column, Table, compared, table
from lema.report.tables.text import between, count, percent, words

TITLE = "Right for the right reason"
NOTE = (
    "Sound: the answer is right, and no step of its path is wrong against the trace of the question. Of the right "
    "ones: the share of the right answers that are sound. The interval is of sound answers, and about what that of "
    "accuracy is."
)
FAULTS_NOTE = (
    "Classes of the first wrong step, as shares of all answers of the arm. Right: the final answer is right all the "
    "same, such as behind a wrong name with right numbers. Missing step: a number is used that no step has derived, "
    "or the answer comes too soon. Wrong final: all steps are right, and the last line gives another number. "
    "Malformed: a step cannot be read, or the path does not end."
)


def all_of(report: Report) -> Sequence[Table]:
    """How many answers are sound, how arms compare in that, and where paths go wrong."""
    comparisons = [
        msgspec.structs.replace(made, title=f"Sound answers: {made.title[0].lower()}{made.title[1:]}")
        for made in compared(report, report.sound_comparisons)
    ]
    return (main(report), *comparisons, faults(report))


def main(report: Report) -> Table:
    """Accuracy and sound accuracy of every arm."""
    columns: list[Column | None] = [
        ("arm", lambda row: row.arm, True),
        ("task", lambda row: row.task, True) if len(report.tasks) > 1 else None,
        ("accuracy", lambda row: percent(row.accuracy), False),
        ("sound", lambda row: percent(row.sound), False),
        ("95 % interval", lambda row: between(row.low, row.high), False),
        ("of the right ones", lambda row: "-" if row.of_right is None else percent(row.of_right), False),
        ("questions", lambda row: count(row.n), False),
        ("sound by seed", by_seed, True),
        ("interval from", lambda row: row.interval, True),
    ]
    return table("Sound answers", report.soundness, columns, note=NOTE)


def by_seed(row: SoundRow) -> str:
    """The share of sound answers of each run."""
    shown = (f"{seed}: {percent(value)}" for seed, value in zip(row.seeds, row.by_seed, strict=False))
    return ", ".join(shown) or "not trained here"


def faults(report: Report) -> Table:
    """Classes of first wrong steps, of right and of wrong answers."""
    rows = [(row, right) for row in report.soundness for right in (True, False)]
    names = list(report.soundness[0].faults_of_right)

    def share(name: str) -> Column:
        return (
            words(name),
            lambda row: percent((row[0].faults_of_right if row[1] else row[0].faults_of_wrong)[name]),
            False,
        )

    columns: list[Column | None] = [
        ("arm", lambda row: row[0].arm, True),
        ("task", lambda row: row[0].task, True) if len(report.tasks) > 1 else None,
        ("final answer", lambda row: "right" if row[1] else "wrong", True),
        *(share(name) for name in names),
    ]
    return table("First wrong steps", rows, columns, note=FAULTS_NOTE)
