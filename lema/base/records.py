"""What flows between stages: typed, immutable rows of JSONL with ids derived from their content."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from enum import StrEnum
from pathlib import Path
from typing import Any, TypeVar

import msgspec

from lema.base.errors import InputError
from lema.base.spec import digest

R = TypeVar("R", bound="Record")


class Verdict(StrEnum):
    """The outcome of judging one text against one reference answer."""

    RIGHT = "right"
    WRONG = "wrong"
    NO_ANSWER = "no_answer"  # nothing in the text could be read as an answer
    UNDECIDED = "undecided"  # checkers disagree or time ran out; never counts as right


class Record(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Base of all rows."""


class Question(Record, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A question with its reference answer.

    `trace` is the machine-readable ground truth of a generated problem, and None on real data.
    """

    id: str
    task: str
    text: str
    answer: str
    solution: str = ""  # reference reasoning path, as the data set gives it
    difficulty: str = ""
    choices: tuple[str, ...] = ()
    aliases: tuple[str, ...] = ()  # other answers that are as right
    parent: str | None = None  # the question that this one was evolved from
    trace: dict[str, Any] | None = None


class Judgement(Record, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What a verifier found in a text."""

    verdict: Verdict
    answer: str | None = None  # as extracted, None when nothing was
    rung: str = ""  # which rule of the extraction ladder fired


class Solution(Record, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A reasoning path sampled from a model, judged by its final answer.

    `stretch` says which part of the text was judged, as (start, end) in characters, where that is not all of it: what a
    model thought in tags before it, or wrote behind it of another question, is no part of the path. What is corrected,
    learned, compared or shown is `judged`.
    """

    question_id: str
    reasoner: str
    sample: int  # 0-based number among the samples of this question by this reasoner
    text: str
    verdict: Verdict
    answer: str | None = None
    rung: str = ""
    finish_reason: str = "stop"  # "stop", or "length" when the token limit cut it
    prompt_tokens: int = 0
    completion_tokens: int = 0
    stretch: tuple[int, int] | None = None

    @property
    def id(self) -> str:
        return f"{self.question_id}#{self.reasoner}#{self.sample}"

    @property
    def judged(self) -> str:
        """The part of the text that was judged."""
        return self.text if self.stretch is None else self.text[slice(*self.stretch)]


class Correction(Record, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A corrector's answer to one wrong path: the wrong step, why, and the solution from there on.

    `reject` is empty for an accepted correction, else the named reason; every path that went in
    comes out once, so that the funnel sums exactly. `hinted` says that the corrector was told the right answer.
    """

    question_id: str
    solution_id: str
    corrector: str
    step: int | None = None  # 1-based number of the first wrong step
    explanation: str = ""
    solution: tuple[str, ...] = ()  # texts of the corrected steps, from `step` on, without "Step k:"
    answer: str | None = None
    error: str = ""  # class of the mistake, where the corrector knows it
    reject: str = ""
    reply: str = ""  # the corrector's words, whole
    hinted: bool = False

    @property
    def id(self) -> str:
        return f"{self.solution_id}~{self.corrector}"


class Seed(Record, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A question that was drawn to be evolved.

    `copy` is the 0-based number of this draw among the draws of the question, so that each draw of it is
    evolved in its own way, wherever it stands among the others.
    """

    question: Question
    copy: int


class Evolved(Record, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What became of one seed: a new question, or the named reason why there is none.

    Every seed that goes in comes out once, so that the funnel sums exactly.
    """

    seed: str  # id of the question that was drawn
    copy: int
    change: str = ""  # what was changed, where the evolver knows it
    question: Question | None = None  # also of one that was dropped after it was made
    answers: tuple[str | None, ...] = ()  # of the samples that voted on its label; None could not be read
    reject: str = ""
    like: str = ""  # id of the question that it repeats, of one that was dropped for that
    reply: str = ""  # the evolver's words, whole


class MadeOf(Record, frozen=True, kw_only=True, forbid_unknown_fields=True, omit_defaults=True):
    """What a training example was made of, by id; empty for what it has nothing of."""

    question: str = ""
    path: str = ""  # `Solution.id` of a sampled path or program; "reference" for the path that the data set gives
    correction: str = ""  # `Correction.id`
    program: str = ""  # `Written.id`, of a teacher's program


class Example(Record, frozen=True, kw_only=True, forbid_unknown_fields=True, omit_defaults=True):
    """One training example. Loss is on the completion (and the end token), never on the prompt.

    `unlearned` are stretches of the completion, as (start, end) in characters, that carry no loss either. `source` says
    which lesson it is of: "cot", "augmented", "program", "correction", "cot_from_correction", "mistake_in_target",
    "refinement", "wrong_value_refinement"; with `hinted_` before it, of a correction by a corrector that was told the
    right answer. `made_of` leads back to rows of earlier stages, and is no part of what is learned.
    """

    prompt: str
    completion: str
    question_id: str
    source: str
    unlearned: tuple[tuple[int, int], ...] = ()
    made_of: MadeOf | None = None

    @property
    def id(self) -> str:
        spans = f"\0{self.unlearned}" if self.unlearned else ""
        return digest(f"{self.prompt}\0{self.completion}{spans}".encode())


def dump(rows: Iterable[Record]) -> bytes:
    """Rows as JSONL."""
    encoder = msgspec.json.Encoder()
    return b"".join(encoder.encode(row) + b"\n" for row in rows)


def load(path: Path, record: type[R]) -> Iterator[R]:
    """Rows of a JSONL file, one at a time.

    Raises:
        InputError: a line is not a row of this type; the message has the path, line and fault.
    """
    decoder = msgspec.json.Decoder(record)
    with path.open("rb") as lines:
        for number, line in enumerate(lines, 1):
            try:
                yield decoder.decode(line)
            except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as fault:
                raise InputError(f"{path}, line {number}: not a {record.__name__}: {fault}") from None
