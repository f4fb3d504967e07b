"""Accuracy of a model on held-out questions: one greedy path a question, pass@1 (paper §3.3)."""

from __future__ import annotations

from typing import Annotated, Any

from pydantic import Field

from lema.base.protocols import Engine, Sampling, Task
from lema.base.question_slice import Slice
from lema.base.spec import canonical, digest, encode, runtime, since, spec
from lema.data.formats import Format
from lema.pad.executing import Executing
from lema.stages.sampling import ran, sample_solutions, tally
from lema.store import Work
from lema.store.stage import Inputs, Stage


@spec
class Evaluate(Stage):
    """Judged solutions of the base model (`trained: null`) or of a trained one: `solutions.jsonl`.

    `scorer` is the training of what scores the steps of a beam (`lema.pad.learned`), where that was trained.
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
    executing: Executing | None = since(default=None)
    scorer: Stage | None = since(default=None)
    part: Annotated[int, Field(ge=1)] = runtime(default=200)

    @property
    def loads(self) -> str | None:
        return digest(encode(canonical([self.engine, self.trained])))

    def run(self, inputs: Inputs, work: Work) -> dict[str, Any]:
        chosen, solutions = sample_solutions(self, inputs, work, self.scorer)
        counts = tally(solutions)
        # Over questions, not over replies: a question without a reply is not answered right.
        accuracy = {"accuracy": counts["right"] / max(1, len(chosen))}
        programs = {} if self.executing is None else {"programs": ran(chosen, solutions)}
        return {"questions": len(chosen), **counts, **accuracy, **programs}
