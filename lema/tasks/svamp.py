"""SVAMP (Patel et al., 2021): one-step word problems, varied so that key words alone do not solve them.

A row, shortened:

    {"ID": "chal-0", "Body": "Mia has 7 pens and 5 cups", "Question": "How many more pens than cups has she?",
     "Equation": "( 7.0 - 5.0 )", "Answer": 2.0, "Type": "Subtraction"}

The paper scores GSM8K's models on all 1,000 (section 3.1). The authors' file holds them in one list;
the hub's copy splits them 700 / 300, so that its two splits together are the test set here.
"""

from __future__ import annotations

from typing import ClassVar

import msgspec

from lema.base.errors import InputError
from lema.base.protocols import Verifier
from lema.base.records import Question
from lema.base.spec import runtime, spec
from lema.data.datasets import Dataset, Published, Split, Table, json_list, number, question_id


class Row(msgspec.Struct, rename="pascal"):
    """A row; the equation, its type and the authors' id are ignored."""

    body: str
    question: str
    answer: float | str  # text in the hub's copy

    def to_question(self) -> Question:
        if not self.question.strip():
            raise InputError("no question")
        text = f"{self.body.strip()} {self.question.strip()}"
        return Question(id=question_id("svamp", text), task="svamp", text=text, answer=number(self.answer))


@spec
class Svamp(Published):
    """All questions of SVAMP as the split `test`, from the hub or from `path`, a folder with `SVAMP.json`."""

    kind = "svamp"
    worked: ClassVar[bool] = False
    verifier: Verifier
    published: Verifier | None = runtime(default=None)  # the grader of the paper's authors
    hub: str = runtime(default="ChilleD/SVAMP")
    revision: str | None = runtime(default=None)
    path: str | None = runtime(default=None)

    @property
    def data(self) -> Dataset:
        tables = tuple(Table(self.hub, self.revision, part) for part in ("train", "test"))
        return Dataset(self.name, {"test": Split("SVAMP.json", tables, Row, read=json_list)}, self.path)
