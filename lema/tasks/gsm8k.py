"""GSM8K (Cobbe et al., 2021): grade-school word problems with worked solutions, from the hub or a local folder.

A row, shortened:

    {"question": "Mia had 7 pens. She bought 5. How many now?",
     "answer": "Mia has 7+5=<<7+5=12>>12 pens.\\n#### 12"}
"""

from __future__ import annotations

import re

import msgspec

from lema.base.errors import InputError
from lema.base.protocols import Verifier
from lema.base.reasoning_steps import MARKER, NOTE
from lema.base.records import Question
from lema.base.spec import runtime, spec
from lema.data.datasets import Dataset, Published, Split, Table, question_id

SPACES = re.compile(r" +")
#: What the authors' files space out: an operator that follows something, and every `=`.
SPACED = re.compile(r"(?<=\S)[-+*/]|=")


class Row(msgspec.Struct):
    """A line of the data set; further fields are ignored."""

    question: str
    answer: str

    def to_question(self) -> Question:
        _, mark, answer = self.answer.rpartition("####")
        if not mark or not self.question.strip():
            raise InputError("no question, or an answer without '#### n'")
        return Question(
            id=question_id("gsm8k", self.question),
            task="gsm8k",
            text=self.question,
            answer=answer.strip().replace(",", ""),
            solution=self.answer,
        )


@spec
class Gsm8k(Published):
    """Questions of GSM8K.

    The rows come from the hub at a pinned `revision`, or from `path`, a folder with `train.jsonl`
    and `test.jsonl`, whose content counts and whose place does not. Ids are digests of the
    question's text, so both sources give the same ones.
    """

    kind = "gsm8k"
    verifier: Verifier
    published: Verifier | None = runtime(default=None)  # the grader of the paper's authors
    hub: str = runtime(default="openai/gsm8k")  # with `subset` and `revision` in the fingerprint, unless `path` is used
    subset: str = runtime(default="main")
    revision: str | None = runtime(default=None)
    path: str | None = runtime(default=None)

    @property
    def data(self) -> Dataset:
        splits = {
            name: Split(f"{name}.jsonl", (Table(self.hub, self.revision, name, self.subset),), Row)
            for name in ("train", "test")
        }
        return Dataset(self.name, splits, self.path)

    def steps(self, question: Question) -> list[str]:
        """The worked solution, line by line as in the authors' files (methods recovered from them), and its answer."""
        lines = (normalised(line) for line in question.solution.split("####")[0].split("\n"))
        return [*(line for line in lines if line), f"{MARKER} {question.answer}."]


def normalised(line: str) -> str:
    """A line of a worked solution as the authors' files have it.

    No calculator notes, a stop at the end, and spaces around operators, with their side effects
    kept: `hip-hop` becomes `hip - hop`, while the sign of ` +14` stays where it is.
    """
    line = SPACES.sub(" ", NOTE.sub("", line)).strip()
    if not line:
        return ""
    line = line if line.endswith(".") else f"{line}."
    return SPACES.sub(" ", SPACED.sub(r" \g<0> ", line))
