"""Worked examples for the prompt, and candidates made easy to tell: from training questions and reference answers."""

from __future__ import annotations

import random
import re
from collections.abc import Callable, Sequence
from decimal import Decimal

from lema.base.errors import InputError
from lema.base.reasoning_steps import MARKER, number_steps
from lema.base.records import Question
from lema.data.datasets import number
from lema.discrimination.asking import Demo, Shown, View

NUMBER = re.compile(r"-?\d+(?:\.\d+)?")
Equal = Callable[[str, str], bool]
Steps = Callable[[Question], list[str]]


def demonstrations(
    questions: Sequence[Question], count: int, n: int, *, view: View, equal: Equal, steps: Steps | None, seed: int
) -> list[Demo]:
    """Worked examples with n candidates each, of which one is right; the right one stands at each position in turn.

    The wrong candidates are other choices of the question, numbers of its reference path and near its answer, or
    answers of other questions.

    Args:
        steps: gives the reference path; None where the data set has none.

    Raises:
        InputError: too few questions.
    """
    if count > len(questions):
        raise InputError(
            f"shots: {count} worked examples need as many questions, and demos has {len(questions)}. Give it more."
        )
    draw = random.Random(f"demos:{seed}")
    made = []
    for turn, question in enumerate(draw.sample(list(questions), count)):
        path = steps(question) if steps is not None else [f"{MARKER} {question.answer}."]
        wrong = distractors(question, questions, n - 1, equal, draw)
        right = turn % n
        answers = [*wrong[:right], question.answer, *wrong[right:]]
        views = [answer if view == "final_answer" else closed(path, answer, question.answer) for answer in answers]
        made.append(Demo(Shown(question, views), right, question.answer, path))
    return made


def distractors(
    question: Question, others: Sequence[Question], count: int, equal: Equal, draw: random.Random
) -> list[str]:
    """Different wrong answers to a question."""
    pool = [choice for choice in question.choices if choice != question.answer]
    draw.shuffle(pool)
    if not pool and NUMBER.fullmatch(question.answer):
        pool = near(question, draw)
    rest = [other.answer for other in others if other.id != question.id]
    draw.shuffle(rest)
    found: list[str] = []
    for answer in [*pool, *rest]:
        if not any(equal(answer, known) for known in (question.answer, *question.aliases, *found)):
            found.append(answer)
        if len(found) == count:
            return found
    raise InputError(f"demos: there are only {len(found)} different wrong answers for question {question.id}. Give it "
                     "more questions.")  # fmt: skip


def near(question: Question, draw: random.Random) -> list[str]:
    """Numbers that a slip could lead to: of the reference path, and around the answer."""
    own = list(dict.fromkeys(NUMBER.findall(question.solution)))[-3:]
    whole = int(float(question.answer))
    around = [str(whole + by) for by in (-2, -1, 1, 2, 10) if whole + by > 0]
    draw.shuffle(around)
    mixed = [answer for pair in zip(own, around, strict=False) for answer in pair]
    return [*mixed, *around]


def closed(path: Sequence[str], answer: str, reference: str) -> str:
    """A solution with this answer: the reference path, or for a wrong one the path cut short."""
    kept = path[:-1] if answer == reference else path[: max(1, len(path) - 2)] if len(path) > 2 else ()
    return number_steps([*kept, f"{MARKER} {answer}."])


def simplified(
    how: str,
    question: Question,
    right: bool,
    answer: str | None,
    others: Sequence[Question],
    equal: Equal,
    seed: int,
    slot: int,
) -> str | None:
    """A wrong candidate's answer made easy to tell; a right one, and one without a number to scale, as it is."""
    if right or how == "own":
        return answer
    draw = random.Random(f"{how}:{seed}:{question.id}:{slot}")
    if how == "scaled":
        plain = (answer or "").replace(",", "")
        if not NUMBER.fullmatch(plain):
            return answer
        for factor in draw.sample(["100", "0.01"], 2):
            scaled = number(str(Decimal(plain) * Decimal(factor)))
            if not any(equal(scaled, known) for known in (plain, question.answer)):
                return scaled
        return answer
    known = (question.answer, *question.aliases)
    pool = [other.answer for other in others if not any(equal(other.answer, one) for one in known)]
    return draw.choice(pool) if pool else answer
