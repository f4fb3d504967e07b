"""TruthfulQA (Lin et al., 2022) as multiple choice with one true answer (MC1): questions that invite a common error.

A row of the hub's copy, shortened; files have the same:

    {"question": "What happens if you swallow gum?",
     "mc1_targets": {"choices": ["It passes through", "It stays for years"], "labels": [1, 0]}}

The data set lists the true answer first, so that choices are shuffled here, by a seed that comes from the question. Its
other metric, how many free answers are true and informative, needs two judges that are fine-tuned GPT-3s: not here.
"""

from __future__ import annotations

import random
from typing import ClassVar

import msgspec

from lema.base.errors import InputError
from lema.base.protocols import Verifier
from lema.base.records import Question
from lema.base.spec import runtime, spec
from lema.data.datasets import Dataset, Published, Split, Table, question_id


class Targets(msgspec.Struct):
    """Candidates, and 1 for the true one."""

    choices: list[str]
    labels: list[int]


class Row(msgspec.Struct):
    """A row; the candidates of the task with several true ones are ignored."""

    question: str
    mc1_targets: Targets

    def to_question(self) -> Question:
        texts, labels = [text.strip() for text in self.mc1_targets.choices], self.mc1_targets.labels
        if not self.question.strip() or len(texts) != len(labels) or labels.count(1) != 1 or not all(texts):
            raise InputError("no question, or not one true answer among the choices of mc1_targets")
        answer, name = texts[labels.index(1)], question_id("truthfulqa", self.question)
        random.Random(name).shuffle(texts)
        return Question(id=name, task="truthfulqa", text=self.question, answer=answer, choices=tuple(texts))


@spec
class Truthfulqa(Published):
    """The 817 questions of TruthfulQA as the split `validation`, from the hub or from `path`, a folder with
    `validation.jsonl`."""

    kind = "truthfulqa"
    worked: ClassVar[bool] = False
    verifier: Verifier
    hub: str = runtime(
        default="truthfulqa/truthful_qa"
    )  # with `subset` and `revision` in the fingerprint, without `path`
    subset: str = runtime(default="multiple_choice")
    revision: str | None = runtime(default=None)
    path: str | None = runtime(default=None)

    @property
    def test_split(self) -> str:
        return "validation"

    @property
    def data(self) -> Dataset:
        tables = (Table(self.hub, self.revision, "validation", self.subset),)
        return Dataset(self.name, {"validation": Split("validation.jsonl", tables, Row)}, self.path)
