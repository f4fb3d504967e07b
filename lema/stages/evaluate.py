"""Accuracy of a model on held-out questions: one answer a question, pass@1 (paper §3.3)."""

from __future__ import annotations

from typing import Annotated, Any

from pydantic import Field

from lema.answering.answering import Answering
from lema.answering.path import PATH
from lema.base.protocols import Engine, Sampling, Task
from lema.base.question_slice import Slice
from lema.base.spec import canonical, digest, encode, runtime, since, spec
from lema.data.formats import Format
from lema.stages.sampling import sample_solutions, tally
from lema.store import Work
from lema.store.stage import Inputs, Stage


@spec
class Evaluate(Stage):
    """Judged solutions of the base model (`trained: null`) or of a trained one: `solutions.jsonl`.

    `scorer` is the training of what scores parts of answers, such as the steps of a beam, where that was trained.
    """

    kind = "evaluate"
    needs = "gpu"
    heavy = True
    shareable = True
    task: Task
    questions: Slice
    engine: Engine
    format: Format
    sampling: Sampling
    trained: Stage | None = None
    seed: int = 0
    answering: Answering = since(default=PATH)
    scorer: Stage | None = since(default=None)
    part: Annotated[int, Field(ge=1)] = runtime(default=200)

    @property
    def loads(self) -> str | None:
        return digest(encode(canonical([self.engine, self.trained])))

    def run(self, inputs: Inputs, work: Work) -> dict[str, Any]:
        chosen, solutions, more = sample_solutions(self, inputs, work, self.scorer)
        counts = tally(solutions)
        # Over questions, not over replies: a question without a reply is not answered right.
        accuracy = {"accuracy": counts["right"] / max(1, len(chosen))}
        return {"questions": len(chosen), **counts, **accuracy, **more}
