"""Rows of outputs from elsewhere: what each is judged against, and which of them answer one question.

{"question_id": "gsm8k-1f3870be274f6c49", "text": "... The answer is 72."}
{"reference": "72", "question": "How many clips ...?", "text": "... #### 72", "model": "mine"}
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import cache
from pathlib import Path
from typing import Any

import msgspec

from lema.base.errors import InputError
from lema.base.protocols import Task
from lema.base.reasoning_steps import one_line
from lema.base.records import Question
from lema.base.spec import digest
from lema.data import row_files


class Output(msgspec.Struct, frozen=True, kw_only=True):
    """A row of the input; further fields are ignored.

    With a `reference`, `question_id`, the text `question`, or `id`, in this order, says which rows answer one question.
    """

    text: str
    question_id: str | None = None
    reference: str | None = None
    question: Any = None  # looked at where it is a text
    id: Any = None  # looked at where it is a text or a whole number
    choices: tuple[str, ...] = ()
    sample: int | None = None

    @property
    def group(self) -> str | None:
        """The name of the question that the row gives; None where it gives none."""
        if self.question_id is not None:
            return self.question_id
        if isinstance(self.question, str) and self.question.strip():
            return f"question-{digest(chr(0).join((one_line(self.question), *self.choices)).encode())}"
        return f"id-{self.id}" if isinstance(self.id, str | int) and not isinstance(self.id, bool) else None


class Row(msgspec.Struct, frozen=True, kw_only=True):
    """A row that can be judged."""

    line: int
    sample: int
    output: Output
    question: Question


def read(task: Task, rows: Path, splits: Sequence[str]) -> Iterator[Row]:
    """The rows of a file, in order; empty lines are passed over.

    Raises:
        InputError: the file cannot be read, or a row cannot be judged.
    """
    decoder = msgspec.json.Decoder(Output)
    known = cache(lambda: by_id(task, splits))
    taken: dict[str, dict[int, int]] = {}  # by question: samples and their lines
    references: dict[str, tuple[str, int]] = {}
    for number, line in row_files.rows(rows):
        with place(rows, number):
            output = decoded(decoder, line)
            question = asked(task, output, number, known)
            first, at = references.setdefault(question.id, (question.answer, number))
            if first != question.answer and not task.verifier.equal(first, question.answer):
                raise InputError(
                    f"its question is that of line {at}, whose reference is {first!r}, and here it is "
                    f"{question.answer!r}. Different questions need different texts or ids."
                )
            sample = sample_of(output, question, taken.setdefault(question.id, {}), number)
        yield Row(line=number, sample=sample, output=output, question=question)


def sample_of(output: Output, question: Question, taken: dict[int, int], number: int) -> int:
    """The number of a row among those of its question: its own, or, with a reference, the next one."""
    sample = output.sample
    if sample is None:
        sample = 0 if output.reference is None else next(n for n in range(len(taken) + 1) if n not in taken)
    before = taken.setdefault(sample, number)
    if before != number:
        raise InputError(
            f"question {question.id}, sample {sample} stands in line {before} already. "
            "Give several outputs to one question different `sample` numbers."
        )
    return sample


def decoded(decoder: msgspec.json.Decoder[Output], line: bytes) -> Output:
    try:
        found: Output = row_files.decoded(decoder, line)
    except (InputError, msgspec.ValidationError) as fault:
        raise InputError(f"not a row with `text` and `question_id` or `reference`: {fault}") from None
    return found


def asked(task: Task, output: Output, number: int, known: Callable[[], Mapping[str, Question]]) -> Question:
    """The question that a row answers: of the task, or one that the row tells of."""
    if output.reference is None and output.question_id is None:
        raise InputError("neither `question_id` nor `reference`: there is nothing to judge the text against")
    question = None if output.question_id is None else known().get(output.question_id)
    if question is None and output.reference is not None:
        return Question(
            id=output.group or f"line {number}",
            task=task.name,
            text=output.question if isinstance(output.question, str) else "",
            answer=output.reference,
            choices=output.choices,
        )
    if question is None:
        raise InputError(
            f"{task.name} has no question {output.question_id!r} (of {len(known()):,} looked at). "
            "Name another task or split, or give its `reference` too."
        )
    if output.reference is not None and not task.verifier.equal(output.reference, question.answer):
        raise InputError(
            f"reference {output.reference!r} is not that of question {question.id}, {question.answer!r}. "
            "Give one of `question_id` and `reference`."
        )
    return question


def by_id(task: Task, splits: Sequence[str]) -> dict[str, Question]:
    for split in splits:
        if split not in task.splits:
            raise InputError(f"{task.name} has no split {split!r}, only {', '.join(task.splits)}")
    return {question.id: question for split in splits or task.splits for question in task.questions(split)}


@contextmanager
def place(rows: Path, number: int) -> Iterator[None]:
    """Put the file and line before an error."""
    try:
        yield
    except InputError as fault:
        raise InputError(f"{rows}, line {number}: {fault}") from None
