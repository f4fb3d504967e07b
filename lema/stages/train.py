"""Stage C.2 of the paper (§3.3): fine-tuning on a mix; loss on completions only."""

from __future__ import annotations

import dataclasses
from typing import Annotated, Any

from pydantic import Field

from lema.base.protocols import Trainer, TrainJob
from lema.base.spec import key, runtime, spec
from lema.data.formats import Format
from lema.lm.model import Model
from lema.stages.sampling import checkpoint_of
from lema.store import Work
from lema.store.stage import Inputs, Stage


@spec
class Train(Stage):
    """A trained model or adapter in `model/`, its `curve.jsonl`, and in `checkpoints/` those that the trainer keeps."""

    kind = "train"
    needs = "gpu"
    heavy = True
    spreads = True
    examples: Stage
    model: Model
    trainer: Trainer
    format: Format
    seed: Annotated[int, Field(ge=0)] = 0
    base: Stage | None = None
    tracking: dict[str, Any] | None = runtime(default=None)

    def check_spread(self, nodes: int, per_node: int | None) -> None:
        self.trainer.placed(nodes, per_node)

    def run(self, inputs: Inputs, work: Work) -> dict[str, Any]:
        base = checkpoint_of(self.base, inputs)
        job = TrainJob(
            model=dataclasses.asdict(self.model),
            trainer=dataclasses.asdict(self.trainer),  # type: ignore[call-overload]
            base=None if base is None else str(base),
            examples=str(inputs(self.examples).file("examples.jsonl")),
            chat=self.format.chat,
            seed=self.seed,
            work=str(work.scratch),
            output=str(work.path / "model"),
            tracking={**self.tracking, "id": key(self)} if self.tracking else {},
        )
        summary = self.trainer.train(job, lambda done, total: work.report(done, total, "steps"))
        curve = work.path / "model" / "curve.jsonl"
        if curve.exists():
            curve.rename(work.path / "curve.jsonl")
        return summary
