"""CoT augmentation (paper §2.3, §3.2): further right paths of the training questions, from any engine."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Annotated, Any

from pydantic import Field

from lema.base.protocols import Task
from lema.base.reasoning_steps import number_steps
from lema.base.records import Question, Solution, Verdict
from lema.base.spec import since, spec
from lema.store import Work
from lema.store.stage import Inputs, Stage

#: Why a path that is not right is left out, by its verdict.
LEFT_OUT = {Verdict.WRONG: "wrong", Verdict.NO_ANSWER: "unparsable", Verdict.UNDECIDED: "undecided"}


@spec
class Augment(Stage):
    """The right paths of a generation: `paths.jsonl`, and the questions that have any: `questions.jsonl`.

    The paper drops paths with a wrong answer or without a readable one. Equal paths of one question
    (white space and case apart), and those equal to its reference path, are kept once; `per_question`
    bounds how many a question has. What was dropped is counted by reason. Without `filtered` paths with a wrong answer
    or none stay too: the CoT that PaD's code compares programs with (arXiv 2305.13888).
    """

    kind = "augment"
    paths: Stage
    task: Task
    per_question: Annotated[int, Field(ge=1)] | None = None
    filtered: bool = since(default=True)

    def run(self, inputs: Inputs, work: Work) -> dict[str, Any]:
        sampled = inputs(self.paths)
        questions = {question.id: question for question in sampled.rows("questions.jsonl", Question)}
        solutions = list(sampled.rows("solutions.jsonl", Solution))
        kept, dropped = self.select(questions, solutions)
        covered = {path.question_id for path in kept}
        work.write("paths.jsonl", kept)
        work.write("questions.jsonl", [question for question in questions.values() if question.id in covered])
        return {
            "sampled": len(solutions),
            "kept": len(kept),
            "dropped": dict(sorted(dropped.items())),
            "questions": len(covered),
        }

    def select(
        self, questions: Mapping[str, Question], solutions: Sequence[Solution]
    ) -> tuple[list[Solution], Counter[str]]:
        """The paths that are kept, in order, and how many others there are by reason; together, all."""
        dropped: Counter[str] = Counter()
        seen: dict[str, set[str]] = {}
        taken: Counter[str] = Counter()
        kept: list[Solution] = []
        for path in solutions:
            of = path.question_id
            if of not in seen:
                seen[of] = {self.reference(questions[of])}
            known = seen[of]
            form = squeezed(path.judged)
            if self.filtered and path.verdict is not Verdict.RIGHT:
                dropped[LEFT_OUT[path.verdict]] += 1
            elif form in known:
                dropped["duplicate"] += 1
            elif self.per_question is not None and taken[of] >= self.per_question:
                dropped["over_per_question"] += 1
            else:
                kept.append(path)
                taken[of] += 1
            known.add(form)
        return kept, dropped

    def reference(self, question: Question) -> str:
        """The reference path, as a path of a model would read; empty where the data set has none."""
        return squeezed(number_steps(self.task.steps(question))) if question.solution else ""


def squeezed(text: str) -> str:
    """The text without what does not tell two paths apart."""
    return " ".join(text.casefold().split())
