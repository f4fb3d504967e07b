"""The solutions of an evaluation under another grader, so that numbers graded otherwise can be compared."""

from __future__ import annotations

from typing import Any

import msgspec

from lema.base.protocols import Verifier
from lema.base.records import Question, Solution, Verdict
from lema.base.spec import spec
from lema.stages.sampling import tally
from lema.store import Work
from lema.store.stage import Inputs, Stage


@spec
class Grade(Stage):
    """An evaluation's solutions, judged again: `solutions.jsonl`. Nothing is sampled."""

    kind = "grade"
    solutions: Stage
    verifier: Verifier

    def run(self, inputs: Inputs, work: Work) -> dict[str, Any]:
        sampled = inputs(self.solutions)
        questions = {question.id: question for question in sampled.rows("questions.jsonl", Question)}
        before = list(sampled.rows("solutions.jsonl", Solution))
        after = [self.judged(questions[solution.question_id], solution) for solution in before]
        work.write("solutions.jsonl", after)
        counts = tally(after)
        changed = [
            (one.verdict is Verdict.RIGHT) - (other.verdict is Verdict.RIGHT)
            for one, other in zip(after, before, strict=True)
        ]
        return {
            "questions": len(questions),
            **counts,
            "accuracy": counts["right"] / max(1, len(questions)),
            "only_right_here": changed.count(1),
            "only_right_there": changed.count(-1),
        }

    def judged(self, question: Question, solution: Solution) -> Solution:
        found = self.verifier.judge(solution.text, question)
        return msgspec.structs.replace(
            solution, verdict=found.verdict, answer=found.answer, rung=found.rung, stretch=None
        )
