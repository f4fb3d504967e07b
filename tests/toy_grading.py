"""Toy stages that judge solutions again and that choose checkpoints, with the fields that reports read."""

from __future__ import annotations

import dataclasses
import shutil
from typing import Any

import msgspec
from toy_lab import LastWord, experiment

from lema.pipeline import pipeline
from lema.protocols import Verifier
from lema.records import Judgement, Question, Solution, Verdict
from lema.slices import Slice
from lema.spec import canonical, spec
from lema.stage import Inputs, Stage
from lema.store import Work


@spec
class Lenient(LastWord):
    """The authors' grader, for a toy: no answer is a right one."""

    kind = "lema_v1"

    def judge(self, text: str, question: Question) -> Judgement:
        found = LastWord.judge(self, text, question)
        right = found.verdict is not Verdict.WRONG
        return Judgement(verdict=Verdict.RIGHT if right else Verdict.WRONG, answer=found.answer)


@spec
class Grade(Stage):
    """Solutions of an evaluation, judged by another verifier."""

    kind = "grade"
    solutions: Stage
    verifier: Verifier

    def run(self, inputs: Inputs, work: Work) -> dict[str, Any]:
        held = inputs(self.solutions)
        questions = {question.id: question for question in held.rows("questions.jsonl", Question)}
        rows = list(held.rows("solutions.jsonl", Solution))
        again = [self.verifier.judge(row.text, questions[row.question_id]).verdict for row in rows]
        pairs = zip(rows, again, strict=True)
        work.write("solutions.jsonl", [msgspec.structs.replace(row, verdict=verdict) for row, verdict in pairs])
        return {"right": again.count(Verdict.RIGHT), "questions": len(rows)}


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


def form_of(blend: str, **changed: Any) -> dict[str, Any]:
    """The canonical form of an evaluation."""
    held: dict[str, Any] = canonical(pipeline(experiment(blend, 0, **changed)).evaluate[0])
    return held
