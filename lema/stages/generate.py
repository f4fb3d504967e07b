"""Stage A.1 of the paper (§2.1): sample reasoning paths and judge them by their final answer (Eq. 1)."""

from __future__ import annotations

from typing import Annotated, Any

from pydantic import Field

from lema.answering.answering import Answering
from lema.answering.path import PATH
from lema.base.protocols import Engine, Sampling, Task
from lema.base.question_slice import Slice
from lema.base.spec import runtime, since, spec
from lema.data.formats import Format
from lema.stages.sampling import sample_solutions, tally
from lema.store import Work
from lema.store.stage import Inputs, Stage


@spec
class Generate(Stage):
    """Solutions by one engine: `questions.jsonl`, `solutions.jsonl`.

    The questions are a slice of the task, or what an earlier stage (`Evolve`) made of it.
    """

    kind = "generate"
    needs = "gpu"
    heavy = True
    shareable = True
    task: Task
    questions: Slice | Stage
    engine: Engine
    format: Format
    sampling: Sampling
    seed: int = 0
    trained: Stage | None = None
    answering: Answering = since(default=PATH)
    part: Annotated[int, Field(ge=1)] = runtime(default=200)

    def run(self, inputs: Inputs, work: Work) -> dict[str, Any]:
        chosen, solutions, _ = sample_solutions(self, inputs, work)
        answered = len({solution.question_id for solution in solutions})
        return {"questions": len(chosen), "questions_without_reply": len(chosen) - answered, **tally(solutions)}
