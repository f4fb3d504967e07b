"""What a reader must know to judge the numbers, beside what the comparisons themselves say."""

from __future__ import annotations

from collections.abc import Sequence

from lema.report.findings.arms import HINTED, Evaluated
from lema.report.findings.leaks import undecontaminated
from lema.report.model import Mix, Note
from lema.report.tables.text import BEST_ON_TEST, SELECTION

OFTEN = 0.05  # share of a mix whose text is there already: more is said at once


def notes(arms: Sequence[Evaluated], mixes: Sequence[Mix] = ()) -> list[Note]:
    """All of them, those that change most first."""
    found = [*selection_notes(arms), *hint_notes(arms), *same_text_notes(mixes), *leak_notes(arms)]
    return [*found, *cut_notes(arms), *seed_notes(arms)]


def same_text_notes(mixes: Sequence[Mix]) -> list[Note]:
    """Arms with many examples that are no new text, of the first run that has them."""
    first = {mix.arm: mix for mix in reversed(mixes) if (mix.same_text or 0) > OFTEN * sum(mix.sources.values())}
    return [
        Note(
            level="note",
            text=f"{mix.same_text:,} of the {sum(mix.sources.values()):,} examples of {arm} have, letter by letter, "
            "the text of an earlier one: they teach the same once more, and nothing new.",
        )
        for arm, mix in first.items()
    ]


def selection_notes(arms: Sequence[Evaluated]) -> list[Note]:
    """What a checkpoint chosen on the test set does to a number."""
    chosen = any(arm.selection == BEST_ON_TEST for arm in arms)
    text = (
        f"Arms marked [{SELECTION[BEST_ON_TEST]}] were scored on the questions on which their checkpoint was chosen. "
        "That is what the paper did; it makes these numbers higher than they would be on new questions."
    )
    return [Note(level="warning", text=text)] if chosen else []


def hint_notes(arms: Sequence[Evaluated]) -> list[Note]:
    """What a corrector that was told right answers does to a comparison with the paper."""
    text = (
        f"Arms marked [{HINTED}] learned from corrections by a corrector that was told the right answer. The paper's "
        "was not: do not read these numbers as LEMA's, or mix the two."
    )
    return [Note(level="warning", text=text)] if any(arm.hinted for arm in arms) else []


def leak_notes(arms: Sequence[Evaluated]) -> list[Note]:
    """Arms whose training questions may be test questions."""
    names = undecontaminated(arms)
    everybody = len(names) == len({arm.arm for arm in arms if arm.trained is not None})
    which = "" if everybody else f" for {', '.join(names)}"
    text = (
        f"Decontamination was off{which}: training questions were not compared with test questions, so that nothing "
        "here says whether some are the same."
    )
    return [Note(level="note", text=text)] if names else []


def cut_notes(arms: Sequence[Evaluated]) -> list[Note]:
    """Evaluations in which the token limit cut paths, in one note."""
    cut: dict[str, int] = {}
    for arm in arms:
        count = arm.artifact.summary.get("cut_at_limit", 0)
        if count:
            name = " on ".join(filter(None, (arm.arm, arm.task)))
            cut[name] = cut.get(name, 0) + count
    if not cut:
        return []
    sampled = sum(arm.artifact.summary["sampled"] for arm in arms)
    named = ", ".join(f"{count:,} of {name}" for name, count in cut.items())
    text = f"{sum(cut.values()):,} of {sampled:,} evaluation paths reached the token limit and were judged as they were"
    return [Note(level="note", text=f"{text}: {named}.")]


def seed_notes(arms: Sequence[Evaluated]) -> list[Note]:
    """What few seeds cannot say."""
    seeds = {arm.seed for arm in arms if arm.seed is not None}
    few = {1: "One seed says nothing", 2: "Two seeds say little"}.get(len(seeds))
    text = f"{few} about how much training with another seed would change these numbers."
    return [Note(level="note", text=text)] if few else []
