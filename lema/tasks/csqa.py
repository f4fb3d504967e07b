"""CommonsenseQA (Talmor et al., 2019): questions with five candidate answers, of which one fits best.

A row of the authors' files, shortened (the hub's copy has the same in another shape):

    {"id": "0", "answerKey": "B", "question": {"stem": "Where would Mia put a pen?",
     "choices": [{"label": "A", "text": "cup board"}, {"label": "B", "text": "pencil case"}]}}

The answer is the candidate's text, not its letter, as in the paper's prompts. The dev set is the paper's
test set (section 3.1), as the answers of the real one are not public. Some questions have the same
candidate twice; either is then right.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

import msgspec

from lema.base.errors import InputError
from lema.base.protocols import Verifier
from lema.base.records import Question
from lema.base.spec import runtime, spec
from lema.data.datasets import Dataset, Published, Split, Table, question_id


class Choice(msgspec.Struct):
    """A candidate of the authors' files."""

    label: str
    text: str


class Asked(msgspec.Struct):
    """A question of the authors' files, with its candidates."""

    stem: str
    choices: list[Choice]


class Row(msgspec.Struct, rename="camel"):
    """A row of the authors' files; the concept that the question was made of is ignored."""

    answer_key: str
    question: Asked

    def to_question(self) -> Question:
        choices = self.question.choices
        return choice_question(
            self.question.stem,
            [choice.label for choice in choices],
            [choice.text for choice in choices],
            self.answer_key,
        )


class Columns(msgspec.Struct):
    """Candidates of the hub's copy."""

    label: list[str]
    text: list[str]


class HubRow(msgspec.Struct, rename="camel"):
    """A row of the hub's copy."""

    answer_key: str
    question: str
    choices: Columns

    def to_question(self) -> Question:
        return choice_question(self.question, self.choices.label, self.choices.text, self.answer_key)


def choice_question(stem: str, labels: Sequence[str], texts: Sequence[str], key: str) -> Question:
    """A question whose answer is the text of the candidate that `key` names."""
    if not stem.strip():
        raise InputError("no question")
    if labels.count(key) != 1 or len(labels) != len(texts):
        raise InputError(f"answerKey {key!r} names no one candidate of {', '.join(labels) or 'none'}")
    candidates = tuple(text.strip() for text in texts)
    return Question(
        id=question_id("csqa", stem), task="csqa", text=stem, answer=candidates[labels.index(key)], choices=candidates
    )


@spec
class Csqa(Published):
    """Questions of CommonsenseQA with their candidates, splits `train` and `dev`.

    The rows come from the hub, or from `path`, a folder with the authors' files of the random split.
    """

    kind = "csqa"
    version = 2  # lema_v1 words its questions to the letter
    worked: ClassVar[bool] = False
    verifier: Verifier
    published: Verifier | None = runtime(default=None)  # the grader of the paper's authors
    hub: str = runtime(default="tau/commonsense_qa")
    revision: str | None = runtime(default=None)
    path: str | None = runtime(default=None)

    @property
    def test_split(self) -> str:
        return "dev"

    @property
    def data(self) -> Dataset:
        splits = {
            name: Split(f"{name}_rand_split.jsonl", (Table(self.hub, self.revision, on_hub),), Row, HubRow)
            for name, on_hub in (("train", "train"), ("dev", "validation"))
        }
        return Dataset(self.name, splits, self.path)
