"""A toy grader, and a toy stage that chooses checkpoints, with the fields that reports read."""

from __future__ import annotations

import dataclasses
import shutil
from typing import Any

from lema.base.question_slice import Slice
from lema.base.records import Judgement, Question, Verdict
from lema.base.spec import canonical, spec
from lema.experiment.pipeline import pipeline
from lema.store import Work
from lema.store.stage import Inputs, Stage
from toys.lab import LastWord, experiment


@spec
class Lenient(LastWord):
    """The authors' grader, for a toy: no answer is a right one."""

    kind = "lema_v1"

    def judge(self, text: str, question: Question) -> Judgement:
        found = LastWord.judge(self, text, question)
        right = found.verdict is not Verdict.WRONG
        return Judgement(verdict=Verdict.RIGHT if right else Verdict.WRONG, answer=found.answer)


@spec
class Select(Stage):
    """A checkpoint of a training run, chosen on these questions."""

    kind = "select"
    trained: Stage
    by: str
    questions: Slice

    def run(self, inputs: Inputs, work: Work) -> dict[str, Any]:
        shutil.copytree(inputs(self.trained).path / "model", work.path / "model")
        return {}


def chosen(by: str, seed: int = 0) -> Stage:
    """The evaluation of a checkpoint that was chosen on questions of the training or of the test split."""
    last = pipeline(experiment("cot", seed)).evaluate[0]
    assert last.trained is not None
    questions = Slice(split="test" if by == "best_on_test" else "train", stop=50)
    return dataclasses.replace(last, trained=Select(trained=last.trained, by=by, questions=questions))


def form_of(mix: str, **changed: Any) -> dict[str, Any]:
    """The canonical form of an evaluation."""
    held: dict[str, Any] = canonical(pipeline(experiment(mix, 0, **changed)).evaluate[0])
    return held
