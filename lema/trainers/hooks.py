"""What happens between the steps of training: log, look whether to stop, seal checkpoints."""

from __future__ import annotations

import math
import os
import re
import time
from typing import Any

from lema.errors import StageFailed
from lema.extras import require
from lema.protocols import TrainJob
from lema.trainers.batches import Order
from lema.trainers.finetune import Finetune
from lema.trainers.folder import Folder

TOLD = 0.5  # seconds between reports of progress
KEY_LIKE = re.compile(r"^(sk-|hf_|xox|gh[pousr]_|AKIA)")


def make_hooks(job: TrainJob, trainer: Finetune, folder: Folder, plan: Order) -> Any:
    """The callback of the transformers Trainer in one rank."""
    import torch.distributed
    from transformers import TrainerCallback

    first = os.environ.get("RANK", "0") == "0"
    together = trainer.processes > 1
    targets = plan.targets()

    class Hooks(TrainerCallback):  # type: ignore[misc]
        told = 0.0
        board: Any = None

        def on_train_begin(self, *_: Any, **__: Any) -> None:
            if first and job.tracking:
                self.board = open_board(job)

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

        def on_step_end(self, args: Any, _state: Any, control: Any, **_: Any) -> None:
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
            if self.board is not None:
                self.board.finish()

    return Hooks()


def open_board(job: TrainJob) -> Any:
    """The W&B run of this training: resumed by id, offline where there is no key."""
    wandb = require("wandb", extra="wandb", why="tracking=wandb")
    said = job.tracking
    offline = said.get("mode") != "disabled" and not os.environ.get("WANDB_API_KEY")
    return wandb.init(
        project=said.get("project"),
        entity=said.get("entity"),
        group=said.get("group"),
        id=said["id"],
        name=said.get("name") or f"train-{said['id'][:8]}",
        mode="offline" if offline else said.get("mode") or "online",
        resume="allow",
        dir=said.get("dir") or job.work,
        job_type="train",
        config=harmless({"trainer": job.trainer, "model": {**job.model, "path": None}, "seed": job.seed}),
        settings=wandb.Settings(
            x_disable_stats=True, x_disable_meta=True, disable_git=True, console="off", silent=True
        ),
    )


def harmless(value: Any) -> Any:
    """A configuration without values that look like keys."""
    if isinstance(value, dict):
        return {name: harmless(held) for name, held in value.items()}
    if isinstance(value, list | tuple):
        return [harmless(held) for held in value]
    return "<removed>" if isinstance(value, str) and KEY_LIKE.search(value) else value
