"""New questions that repeat a seed, one another, or a question that models are scored on.

Questions of the world repeat one another when their words are alike (`lema.likeness.novelty`, `lema.likeness.leaks`).
Generated problems are all made from the same sentences; they repeat one another when structure, numbers
and names are equal.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence
from typing import NamedTuple

from lema.base.protocols import Task
from lema.base.question_slice import Slice
from lema.base.records import Question
from lema.likeness import Decontamination, NearDuplicates
from lema.likeness.decontaminating import decontaminate
from lema.likeness.novelty import novel
from lema.synth.problem import read_trace

REASONS = {"seed": "like_seed", "known": "like_other_seed", "new": "like_evolved"}
Tests = Sequence[tuple[Task, Slice]]


class Likeness(NamedTuple):
    """What a new question repeats; the reason is empty for one that is new."""

    reason: str = ""
    of: str = ""


def likenesses(
    made: Sequence[Question], seeds: Sequence[Question], tests: Tests, near: NearDuplicates, leaks: Decontamination
) -> list[Likeness]:
    """One for each new question, in order. Of new ones that are alike the first is new.

    `near` and `leaks` are for questions without a trace.
    """
    if all(question.trace is not None for question in [*made, *seeds]):
        return by_content(made, seeds, tests)
    return by_words(made, seeds, tests, near, leaks)


def by_content(made: Sequence[Question], seeds: Sequence[Question], tests: Tests) -> list[Likeness]:
    """By structure, numbers and names of generated problems."""
    scored = [question for task, where in tests for question in task.questions(where.split, where.start, where.stop)]
    known = {read_trace(question.trace).content: ("seed", question.id) for question in seeds}
    known |= {read_trace(question.trace).content: ("test", question.id) for question in scored if question.trace}
    found = []
    for question in made:
        content = read_trace(question.trace).content
        what, of = known.get(content, ("", ""))
        if what == "seed" and of != question.parent:
            what = "known"
        found.append(Likeness(REASONS.get(what, "like_test"), of) if what else Likeness())
        known.setdefault(content, ("new", question.id))
    return found


def by_words(
    made: Sequence[Question], seeds: Sequence[Question], tests: Tests, near: NearDuplicates, leaks: Decontamination
) -> list[Likeness]:
    """By the words of the texts, with numbers and names masked."""
    rows = ((question.id, question.text, "evolved") for question in made)
    leaked = {row.question_id: row.test_question_id for row in decontaminate(leaks, tests, rows).dropped}
    new = novel(near, seeds, [question for question in made if question.id not in leaked], templated=False)
    kept, repeats = deque(new.kept), deque(new.repeats)
    found = []
    for question in made:
        if question.id in leaked:
            found.append(Likeness("like_test", leaked[question.id]))
        elif kept and kept[0] == question:
            kept.popleft()
            found.append(Likeness())
        else:
            repeat = repeats.popleft()
            found.append(Likeness(REASONS[repeat.what], repeat.of))
    return found
