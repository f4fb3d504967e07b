"""TriviaQA (Joshi et al., 2017) without documents: trivia whose answers have many names.

A row of the hub's copy, shortened; files have the same:

    {"question": "Which city is on the Seine?", "answer": {"value": "Paris", "aliases": ["Paris", "City of Paris"]}}

Answers are compared in one way for samples and for picks, whichever script judges: see `lema.verifiers.aliases`.
"""

from __future__ import annotations

from typing import ClassVar

import msgspec

from lema.base.errors import InputError
from lema.base.protocols import Verifier
from lema.base.records import Question
from lema.base.spec import runtime, spec
from lema.data.datasets import Dataset, Published, Split, Table, question_id


class Answer(msgspec.Struct):
    """The answer with its other names; those in lower case follow from these."""

    value: str
    aliases: list[str] = []


class Row(msgspec.Struct):
    """A row; documents and search results are ignored."""

    question: str
    answer: Answer

    def to_question(self) -> Question:
        if not self.question.strip() or not self.answer.value.strip():
            raise InputError("no question, or no answer")
        value = self.answer.value.strip()
        others = dict.fromkeys(alias.strip() for alias in self.answer.aliases)
        return Question(
            id=question_id("triviaqa", self.question),
            task="triviaqa",
            text=self.question,
            answer=value,
            aliases=tuple(alias for alias in others if alias and alias != value),
        )


@spec
class Triviaqa(Published):
    """Questions of TriviaQA, splits `train` and `validation`, of which the second is what papers report on.

    The rows come from the hub at a pinned `revision`, or from `path`, a folder with `train.jsonl` and
    `validation.jsonl`. Some questions are in the data set more than once.
    """

    kind = "triviaqa"
    worked: ClassVar[bool] = False
    verifier: Verifier
    hub: str = runtime(
        default="mandarjoshi/trivia_qa"
    )  # with `subset` and `revision` in the fingerprint, without `path`
    subset: str = runtime(default="rc.nocontext")
    revision: str | None = runtime(default=None)
    path: str | None = runtime(default=None)

    @property
    def test_split(self) -> str:
        return "validation"

    @property
    def data(self) -> Dataset:
        splits = {
            name: Split(f"{name}.jsonl", (Table(self.hub, self.revision, name, self.subset),), Row)
            for name in ("train", "validation")
        }
        return Dataset(self.name, splits, self.path, repeats=True)
