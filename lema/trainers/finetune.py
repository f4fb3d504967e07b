"""Fine-tuning: full, LoRA and QLoRA, on the Hugging Face stack (paper §3.3, App. C.4).

This is the configuration and the parent's side. The work happens in a process of its own
(`lema.trainers.worker`) that knows files only.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from pathlib import Path
from typing import Annotated, Any, Literal

import msgspec
from pydantic import Field

from lema.base.errors import ConfigError
from lema.base.protocols import TrainJob
from lema.base.spec import Spec, runtime, since, spec
from lema.lm.model import Model
from lema.trainers.devices import gpus
from lema.trainers.folder import Folder
from lema.trainers.likelihood import LIKELIHOOD
from lema.trainers.nodes import place
from lema.trainers.objective import Objective, told

Positive = Annotated[float, Field(gt=0)]
Count = Annotated[int, Field(ge=1)]
LORA = ("lora_rank", "lora_alpha", "lora_dropout", "lora_targets", "merge")
Share = Annotated[float, Field(ge=0, lt=1)]


@spec
class Finetune(Spec):
    """Fine-tuning with loss on completions only, averaged over the target tokens of a global batch (`objective` changes
    that).

    `batch_size` is the global batch in examples, or in packed rows. How it is split (`micro_batch`,
    `processes`) changes the curve by no more than rounding; with dropout (LoRA's, or the model's own,
    which T5 has) also by the draw of what is dropped. Without `processes` there are as many ranks as
    the job has GPUs on all its nodes (or the `processes_per_node` of its profile), outside of a job as this
    machine has GPUs, one without any; and `micro_batch` is the most rows at once: the largest number that splits the
    batch evenly. A single process keeps to one GPU.

    An encoder-decoder model (decision 021) reads the prompt and learns to write the completion; `max_length` bounds
    both together, and there is no packing.
    """

    kind = "finetune"
    method: Literal["full", "lora", "qlora"]
    learning_rate: Positive
    epochs: Positive | None = None
    max_steps: Count | None = None
    batch_size: Count
    schedule: Literal["constant", "linear", "cosine"] = "constant"
    warmup: Share = 0.0  # share of the steps over which the learning rate rises from zero
    weight_decay: Annotated[float, Field(ge=0)] = 0.0
    beta2: Annotated[float, Field(gt=0, lt=1)] = 0.999
    max_grad_norm: Positive = 1.0
    optimizer: Literal["adamw_torch", "paged_adamw_32bit"] = "adamw_torch"
    lora_rank: Count = 16
    lora_alpha: Positive = 16.0
    lora_dropout: Share = 0.0
    lora_targets: tuple[str, ...] = ()  # names of linear layers; none: all but the output layer
    max_length: Annotated[int, Field(ge=2)] = 1024  # tokens of an example, or of a packed row
    packing: bool = False
    over_long: Share = 0.0  # the largest share of over-long examples that may be left out
    merge: bool = since(False)  # publish a whole model in place of the adapter, checked against it
    keep_every: Count | None = since(None)  # steps between checkpoints kept as results; the last step is kept too
    objective: Objective = since(default=LIKELIHOOD)  # what is made of the model's outputs (`lema.trainers.objective`)

    save_every: Count = runtime(default=100)  # steps between checkpoints
    micro_batch: Count = runtime(default=8)  # rows that go through the model at once
    processes: Count | None = runtime(default=None)  # ranks on all nodes together; None: as many as the job is for
    deepspeed: Literal["none", "zero2", "zero3"] = runtime(default="none")
    offload: Literal["none", "optimizer", "parameters"] = runtime(default="none")  # to main memory; "parameters": both
    gradient_checkpointing: bool = runtime(default=False)
    threads: Count | None = runtime(default=None)  # of each process; None: as the environment says
    device: Literal["auto", "cpu", "cuda"] = runtime(default="auto")

    def check(self) -> None:
        if (self.epochs is None) == (self.max_steps is None):
            both = "both" if self.epochs is not None else "neither"
            raise ConfigError(f"trainer: give epochs or max_steps, not {both} (the other one is null)")
        at_once = self.micro_batch * self.ranks
        if self.processes is not None and self.batch_size % at_once:
            raise ConfigError(
                f"trainer.batch_size is {self.batch_size}, which trainer.micro_batch x trainer.processes "
                f"({self.micro_batch} x {self.processes} = {at_once}) does not divide: change one of the three"
            )
        self.objective.check_rows(packed=self.packing)
        if self.micro_batch % self.objective.together:
            raise ConfigError(
                f"trainer.micro_batch is {self.micro_batch}, and trainer.objective looks at {self.objective.together} "
                "examples together: take a multiple of that"
            )
        if self.method == "full":
            changed = [n for n, held in self._lora().items() if held != Finetune.__dataclass_fields__[n].default]
            if changed:
                raise ConfigError(
                    f"trainer.{changed[0]} means nothing with trainer.method=full: leave it out, or use lora or qlora"
                )
        if self.offload != "none" and self.deepspeed == "none":
            raise ConfigError(f"trainer.offload={self.offload} is DeepSpeed's: add trainer.deepspeed=zero2 or zero3")
        if self.offload == "parameters" and self.deepspeed != "zero3":
            raise ConfigError("trainer.offload=parameters needs weights that are split: use trainer.deepspeed=zero3")

    def _lora(self) -> dict[str, Any]:
        return {name: getattr(self, name) for name in LORA}

    def keeps(self, step: int, last: int) -> bool:
        """Whether the weights after this step are kept as a result."""
        return self.keep_every is not None and (step % self.keep_every == 0 or step == last)

    @property
    def ranks(self) -> int:
        """Processes that train together, on all nodes."""
        return self.processes or 1

    @property
    def layout(self) -> str:
        """Which runs can read each other's checkpoints."""
        return "plain" if self.deepspeed == "none" else f"{self.deepspeed}x{self.ranks}"

    def placed(self, nodes: int = 1, per_node: int | None = None) -> Finetune:
        """This training in a job of so many nodes and ranks a node, None where the job leaves that open.

        Raises:
            ConfigError: it cannot be split like that.
        """
        room = nodes * (per_node or 1)
        if self.processes is not None:
            if self.processes % nodes or (per_node is not None and self.processes > room):
                raise ConfigError(
                    f"trainer.processes is {self.processes}, and the job has {nodes} node(s)"
                    + (f" for {per_node} process(es) each" if per_node is not None else "")
                    + ": leave trainer.processes out (null takes what the job has), or change the profile's "
                    "stages.train.nodes and gpus"
                )
            return self
        if self.batch_size % room:
            raise ConfigError(
                f"trainer.batch_size is {self.batch_size}, which the job's {room} processes ({nodes} node(s) x "
                f"{per_node or 1}) do not divide. The batch size is part of the result, so change the profile's "
                "stages.train.nodes, gpus or processes_per_node, or on a machine of your own set trainer.processes or "
                "CUDA_VISIBLE_DEVICES"
            )
        share, together = self.batch_size // room, self.objective.together
        fitting = [n for n in range(1, min(self.micro_batch, share) + 1) if share % n == 0 and n % together == 0]
        if not fitting:
            raise ConfigError(
                f"trainer.batch_size is {self.batch_size}, which leaves {share} examples for each of the job's {room} "
                f"processes, and trainer.objective looks at {together} together: change the profile's "
                "stages.train.nodes, gpus or processes_per_node, so that it is a multiple"
            )
        rows = fitting[-1]
        return dataclasses.replace(self, processes=room, micro_batch=rows)

    def check_model(self, model: Model, *, from_checkpoint: bool) -> None:
        """Raise ConfigError if this training of this model makes no sense."""
        if model.fresh and not from_checkpoint and self.method != "full":
            raise ConfigError(
                f"trainer.method={self.method} trains a small adapter on frozen weights, and the weights of "
                f"model {model.name!r} are random (fresh): use trainer.method=full"
            )

    def train(self, job: TrainJob, progress: Callable[[int, int], None]) -> dict[str, Any]:
        """Run or resume a job in processes of its own.

        With `keep_every`, kept checkpoints are in `checkpoints/step-000100` and so on, beside the output folder.

        Raises:
            ConfigError: this model cannot be trained this way.
            InputError: too many examples are longer than `max_length`, or there are none.
            StageFailed: the training process failed; the message ends with its last words.
            Preempted: we were asked to stop; a checkpoint is in `job.work`.
        """
        self.check()
        self.check_model(_model(job), from_checkpoint=job.base is not None)
        here = place()
        room = here.per_node
        if room is None and here.nodes == 1 and self.processes is None and self.device != "cpu":
            room = gpus() or None  # nobody gave this process a share of the machine: all that it sees
        placed = self.placed(here.nodes, room)
        plain = {**dataclasses.asdict(placed), "objective": told(placed.objective)}
        job = msgspec.structs.replace(job, trainer=plain)
        folder = Folder(Path(job.work), placed.layout)
        before = folder.outcome()
        if before is not None and before.status == "done" and Path(job.output).is_dir():
            summary = before.summary  # killed between the end of training and publication
        else:
            from lema.trainers.process import run

            summary = run(job, folder, here, progress)
        folder.drop_checkpoints()
        # In this order: a checkpoint to resume from must never outlive what was kept before it.
        folder.hand_over_kept(Path(job.output).with_name("checkpoints"))
        return summary


def _model(job: TrainJob) -> Model:
    return Model(**job.model)
