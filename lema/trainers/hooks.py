"""What happens between the steps of training: log, keep results, look whether to stop, seal checkpoints."""

from __future__ import annotations

import math
import os
import time
from collections.abc import Callable
from contextlib import AbstractContextManager, ExitStack
from typing import Any

from lema.base.errors import StageFailed
from lema.base.protocols import TrainJob
from lema.tracking.runs import Tracking, open_run
from lema.trainers.batches import Order
from lema.trainers.finetune import Finetune
from lema.trainers.folder import Folder

TOLD = 0.5  # seconds between reports of progress


def make_hooks(job: TrainJob, trainer: Finetune, folder: Folder, plan: Order, keep: Callable[[int], None]) -> Any:
    """The callback of the transformers Trainer in one rank; `keep` keeps the weights after a step as a result."""
    import torch.distributed
    from transformers import TrainerCallback

    first = os.environ.get("RANK", "0") == "0"
    together = trainer.ranks > 1
    targets = plan.targets()

    class Hooks(TrainerCallback):  # type: ignore[misc]
        told = 0.0
        board: Any = None
        boards = ExitStack()

        def on_train_begin(self, *_: Any, **__: Any) -> None:
            if first and job.tracking:
                self.board = self.boards.enter_context(open_board(job))

        def on_log(self, _args: Any, state: Any, _control: Any, logs: dict[str, Any], **_: Any) -> None:
            if "loss" not in logs:
                return
            step = state.global_step
            if not math.isfinite(logs["loss"]):
                raise StageFailed(
                    f"the training loss is {logs['loss']} at step {step}: "
                    "lower trainer.learning_rate or raise trainer.warmup"
                )
            if self.board is not None:
                row = {f"train/{name}": logs[name] for name in ("loss", "learning_rate", "grad_norm")}
                self.board.log({**row, "train/target_tokens": targets[step - 1]}, step=step)
            if first and (time.monotonic() - self.told > TOLD or step == plan.steps):
                folder.report(step, plan.steps)
                self.told = time.monotonic()

        def on_step_end(self, args: Any, state: Any, control: Any, **_: Any) -> None:
            if trainer.keeps(state.global_step, last=plan.steps):
                keep(state.global_step)
            stop = folder.stop.exists() if first else False
            if together:
                # Ranks must leave at the same step, or those that stay wait for ever.
                asked = torch.tensor(float(stop), device=args.device)
                torch.distributed.broadcast(asked, src=0)
                stop = bool(asked.item())
            if stop:
                control.should_save = control.should_training_stop = True

        def on_save(self, _args: Any, state: Any, *_: Any, **__: Any) -> None:
            if together:
                torch.distributed.barrier()  # every rank has written its part
            if first:
                folder.seal(state.global_step)
            if together:
                torch.distributed.barrier()

        def on_train_end(self, *_: Any, **__: Any) -> None:
            self.boards.close()

    return Hooks()


def open_board(job: TrainJob) -> AbstractContextManager[Any]:
    """The W&B run of this training: the stage's own, so that what the stage logs at its end joins it."""
    settings = {name: held for name, held in job.tracking.items() if name != "id"}
    config = {"trainer": job.trainer, "model": {**job.model, "path": None}, "seed": job.seed}
    return open_run(Tracking(**settings), run_id=job.tracking["id"], job_type="train", config=config)
