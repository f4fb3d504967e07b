"""MultiArith (Roy and Roth, 2015): word problems of two or more operations.

A row of the authors' file, shortened (the hub's copy says `question` and `final_ans`):

    {"iIndex": 0, "sQuestion": " Mia had 7 pens and bought 5. She gave 2 away. How many has she? ",
     "lEquations": ["X=((7.0+5.0)-2.0)"], "lSolutions": [10.0]}

All 600 are the test set; the hub's copy splits them 420 / 180. Twenty of them stand there twice.
"""

from __future__ import annotations

from typing import ClassVar

import msgspec

from lema.base.errors import InputError
from lema.base.protocols import Verifier
from lema.base.records import Question
from lema.base.spec import runtime, spec
from lema.data.datasets import Dataset, Published, Split, Table, json_list, number, question_id


class Row(msgspec.Struct, rename={"question": "sQuestion", "solutions": "lSolutions"}):
    """A row of the authors' file; equations and alignments are ignored."""

    question: str
    solutions: tuple[float]

    def to_question(self) -> Question:
        return word_problem(self.question, self.solutions[0])


class HubRow(msgspec.Struct):
    """A row of the hub's copy."""

    question: str
    final_ans: str

    def to_question(self) -> Question:
        return word_problem(self.question, self.final_ans)


def word_problem(text: str, answer: float | str) -> Question:
    if not text.strip():
        raise InputError("no question")
    return Question(id=question_id("multiarith", text), task="multiarith", text=text.strip(), answer=number(answer))


@spec
class Multiarith(Published):
    """All questions of MultiArith as the split `test`, from the hub or from `path`, a folder with `MultiArith.json`."""

    kind = "multiarith"
    worked: ClassVar[bool] = False
    verifier: Verifier
    hub: str = runtime(default="ChilleD/MultiArith")
    revision: str | None = runtime(default=None)
    path: str | None = runtime(default=None)

    @property
    def data(self) -> Dataset:
        tables = tuple(Table(self.hub, self.revision, part) for part in ("train", "test"))
        split = Split("MultiArith.json", tables, Row, HubRow, json_list)
        return Dataset(self.name, {"test": split}, self.path, repeats=True)
