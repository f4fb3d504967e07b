"""Training in one rank, on the transformers Trainer: examples in, finished folder out."""

from __future__ import annotations

import math
import os
import time
from contextlib import nullcontext
from functools import partial
from pathlib import Path
from typing import Any

import msgspec

from lema.base.errors import ConfigError, InputError, Preempted
from lema.base.protocols import TrainJob
from lema.base.records import Example, load
from lema.lm.encoding import Encoded, encode
from lema.lm.loading import load_tokenizer, pick_device, start_token_of
from lema.lm.model import Model
from lema.trainers.batches import MicroBatches, Order, order, pack
from lema.trainers.devices import keep_to_one
from lema.trainers.finetune import Finetune
from lema.trainers.folder import Folder, step_of
from lema.trainers.hooks import make_hooks
from lema.trainers.saving import finish, keep, unsplit
from lema.trainers.weights import build, check_packing, count_parameters, save_checkpointing

SCHEDULES = {"constant": "constant_with_warmup", "linear": "linear", "cosine": "cosine"}


def learn(job: TrainJob, model: Model, trainer: Finetune, folder: Folder) -> dict[str, Any]:
    """Run or resume the job in this rank and return its summary.

    Raises:
        InputError: there are no examples, or too many over-long ones.
        StageFailed: the loss is no longer a number.
        Preempted: we were asked to stop, and have checkpointed.
    """
    started = time.monotonic()
    base = None if job.base is None else Path(job.base)
    plan, lengths = arrange(job, model, trainer, base)
    loop = make_loop(job, model, trainer, folder, plan, base)
    resumed = agreed(folder, trainer, loop.args.device)
    if loop.is_world_process_zero():
        folder.forget_kept(after=0 if resumed is None else step_of(resumed))
    loop.train(resume_from_checkpoint=None if resumed is None else str(resumed))
    if loop.state.global_step < plan.steps:
        raise Preempted("asked to stop")
    curve = curve_of(loop.state.log_history, plan)
    merged = finish(loop, job, model, trainer, base, curve)
    parameters, trained = count_parameters(loop.model)
    if merged is not None:
        lengths["merge"] = msgspec.structs.asdict(merged)
    return lengths | {
        "steps": plan.steps,
        "rows_a_step": plan.batch_size,
        "ranks": trainer.ranks,
        "micro_batch": trainer.micro_batch,
        "target_tokens": curve[-1]["target_tokens"],
        "final_loss": curve[-1]["loss"],
        "mean_loss_last_tenth": _mean([row["loss"] for row in curve[-max(1, len(curve) // 10) :]]),
        "parameters": parameters,
        "trained_parameters": trained,
        "resumed_from_step": None if resumed is None else step_of(resumed),
        "seconds": round(time.monotonic() - started, 2),
    }


def agreed(folder: Folder, trainer: Finetune, device: Any) -> Path | None:
    """The checkpoint that all ranks go on from: the first one's newest, since a shared file system shows files late."""
    import torch

    newest = folder.newest()
    if trainer.ranks == 1:
        return newest
    step = torch.tensor(-1 if newest is None else step_of(newest), device=device)
    torch.distributed.broadcast(step, src=0)
    return None if step < 0 else folder.sealed(int(step))


def arrange(job: TrainJob, model: Model, trainer: Finetune, base: Path | None) -> tuple[Order, dict[str, Any]]:
    """The order of training, and what a summary says about lengths.

    Raises:
        ConfigError: packing, and the model is an encoder-decoder.
        InputError: there are no examples, or too many over-long ones.
    """
    start = start_token_of(model, base)
    if start is not None and trainer.packing:
        raise ConfigError(
            f"trainer.packing: {model.name} is an encoder-decoder model, whose examples cannot share a row: an encoder "
            "reads in both directions, so that packed prompts would see one another. Use trainer.packing=false"
        )
    examples = list(load(Path(job.examples), Example))
    if not examples:
        raise InputError(f"{job.examples}: there are no examples to train on")
    trainer.objective.check_examples(examples)
    encoded = encode(load_tokenizer(model, base), examples, chat=job.chat, start_token=start)
    kept = within(encoded, trainer)
    rows = pack(kept, trainer.max_length) if trainer.packing else [(example,) for example in kept]
    tokens = sum(example.tokens for example in kept)
    lengths: dict[str, Any] = {
        "examples": len(kept),
        "over_long": len(encoded) - len(kept),
        "longest": max(example.tokens for example in encoded),
        "tokens_an_epoch": tokens,
        "rows": len(rows),
    }
    if trainer.packing:
        lengths["packed_full"] = round(tokens / (len(rows) * trainer.max_length), 4)
    plan = order(rows, batch_size=trainer.batch_size, epochs=trainer.epochs, max_steps=trainer.max_steps, seed=job.seed)
    return plan, lengths


def within(encoded: list[Encoded], trainer: Finetune) -> list[Encoded]:
    """The examples that fit; none is ever cut.

    Raises:
        InputError: more do not fit than `over_long` tolerates.
    """
    kept = [example for example in encoded if example.tokens <= trainer.max_length]
    over = len(encoded) - len(kept)
    if over > trainer.over_long * len(encoded) or not kept:
        longest = max(example.tokens for example in encoded)
        share = math.ceil(1000 * over / len(encoded)) / 1000
        rather = f", or leave them out with trainer.over_long={share}" if kept else ""
        raise InputError(
            f"{over:,} of {len(encoded):,} training examples are longer than trainer.max_length={trainer.max_length} "
            f"tokens (the longest has {longest:,}), and trainer.over_long={trainer.over_long} tolerates no more than "
            f"{math.floor(trainer.over_long * len(encoded)):,}. Raise trainer.max_length to {longest}{rather}"
        )
    return kept


def make_loop(job: TrainJob, model: Model, trainer: Finetune, folder: Folder, plan: Order, base: Path | None) -> Any:
    """A transformers Trainer over our own order of micro-batches."""
    import transformers
    from torch.utils.data import DataLoader

    transformers.logging.set_verbosity_error()
    device = pick_device(trainer.device)
    if device == "cpu":
        os.environ["DS_ACCELERATOR"] = "cpu"
    # Before the model: with ZeRO-3 the arguments decide how its weights are loaded.
    arguments = transformers.TrainingArguments(**settings(job, model, trainer, folder, plan, device))
    keep_to_one(arguments)
    if trainer.deepspeed != "none":
        _prepare_deepspeed(device)
    if device == "cuda":
        device = f"cuda:{os.environ.get('LOCAL_RANK', '0')}"
    # Weights that are drawn are drawn whole: parts of them, as ZeRO-3 would have it, come out otherwise.
    with unsplit(arguments) if model.fresh and base is None else nullcontext():
        built = build(model, trainer, base, device, job.seed)
    if trainer.gradient_checkpointing:
        save_checkpointing(built)
    if trainer.packing and trainer.deepspeed != "zero3":  # weights of ZeRO-3 are not there before the engine is
        check_packing(built, built.config.vocab_size)
    batches = MicroBatches(
        order=plan,
        micro_batch=trainer.micro_batch,
        processes=trainer.ranks,
        rank=int(os.environ.get("RANK", "0")),
        packed=trainer.packing,
        flat=trainer.packing and model.attention == "flash_attention_2",
    )

    def loss(outputs: Any, labels: Any, num_items_in_batch: Any = None) -> Any:
        objective, rows = trainer.objective, plan.rows_of(loop.state.global_step)
        return objective.loss(outputs, labels, objective.items(num_items_in_batch, rows))

    loop = transformers.Trainer(model=built, args=arguments, train_dataset=batches, compute_loss_func=loss)
    # The order is ours down to the rank, so the loader only walks it.
    walk: Any = batches
    loop.get_train_dataloader = lambda: DataLoader(walk, batch_size=1, collate_fn=lambda items: items[0])
    loop.floating_point_ops = lambda _inputs: 0  # counts all parameters at every step, for nobody
    loop.remove_callback(transformers.PrinterCallback)
    kept = partial(keep, loop, model=model, trainer=trainer, base=base, folder=folder)
    loop.add_callback(make_hooks(job, trainer, folder, plan, kept))
    return loop


def settings(
    job: TrainJob, model: Model, trainer: Finetune, folder: Folder, plan: Order, device: str
) -> dict[str, Any]:
    """Arguments of the transformers Trainer."""
    half = model.dtype if device == "cuda" else "float32"
    accumulation = trainer.batch_size // (trainer.micro_batch * trainer.ranks)
    return {
        "output_dir": str(folder.partial),
        "seed": job.seed,
        "use_cpu": device == "cpu",
        "bf16": half == "bfloat16",
        "fp16": half == "float16",
        "max_steps": plan.steps,
        "per_device_train_batch_size": 1,  # an item of our data set is a whole micro-batch
        "gradient_accumulation_steps": accumulation,
        "learning_rate": float(trainer.learning_rate),
        "lr_scheduler_type": SCHEDULES[trainer.schedule],
        "warmup_steps": math.ceil(trainer.warmup * plan.steps),
        "weight_decay": float(trainer.weight_decay),
        "adam_beta2": trainer.beta2,
        "max_grad_norm": float(trainer.max_grad_norm),
        "optim": "adamw_torch_fused" if trainer.optimizer == "adamw_torch" else trainer.optimizer,
        "logging_steps": 1,
        "logging_nan_inf_filter": False,  # it would replace a NaN loss by an average
        "save_strategy": "steps",
        "save_steps": trainer.save_every,
        "disable_tqdm": True,
        "report_to": [],
        "remove_unused_columns": False,
        "dataloader_pin_memory": False,
        "ddp_find_unused_parameters": False,
        "ddp_backend": "gloo" if device == "cpu" and trainer.ranks > 1 else None,
        "deepspeed": deepspeed_settings(trainer, accumulation, half),
    }


def deepspeed_settings(trainer: Finetune, accumulation: int, half: str) -> dict[str, Any] | None:
    """The DeepSpeed configuration of ZeRO-2 or ZeRO-3."""
    if trainer.deepspeed == "none":
        return None
    memory = {
        "device": "cpu",
        "pin_memory": half != "float32",
    }  # float32: a machine without GPU, where nothing is copied
    offload = {"optimizer": ["optimizer"], "parameters": ["optimizer", "param"]}.get(trainer.offload, [])
    return {
        "train_micro_batch_size_per_gpu": 1,
        "gradient_accumulation_steps": accumulation,
        "gradient_clipping": float(trainer.max_grad_norm),
        "bf16": {"enabled": half == "bfloat16"},
        "fp16": {"enabled": half == "float16"},
        "zero_allow_untested_optimizer": True,
        "zero_force_ds_cpu_optimizer": False,
        "zero_optimization": {
            "stage": int(trainer.deepspeed.removeprefix("zero")),
            "overlap_comm": half != "float32",
            "stage3_gather_16bit_weights_on_model_save": True,
            **{f"offload_{what}": memory for what in offload},
        },
    }


def _prepare_deepspeed(device: str) -> None:
    import deepspeed
    import torch
    from deepspeed.runtime.fp16.loss_scaler import DynamicLossScaler, LossScaler
    from deepspeed.runtime.zero.config import ZeroStageEnum
    from deepspeed.utils.tensor_fragment import fragment_address

    # DeepSpeed would unpickle its checkpoints without limits. We are forced to weights_only (`process.environment`),
    # and these four plain classes are all that its checkpoints hold beside tensors.
    torch.serialization.add_safe_globals([DynamicLossScaler, LossScaler, ZeroStageEnum, fragment_address])
    if device == "cpu":
        # Compiled on first use, for minutes, to save microseconds between processes of one machine.
        deepspeed.ops.__compatible_ops__["deepspeed_shm_comm"] = False
        deepspeed.init_distributed(dist_backend="gloo")  # ZeRO-3 shards at loading, before Trainer would do this


def curve_of(history: list[dict[str, Any]], plan: Order) -> list[dict[str, Any]]:
    """The loss curve, each step once: a checkpoint holds the history up to its step and no further."""
    targets = plan.targets()
    return [
        {
            "step": entry["step"],
            "loss": entry["loss"],
            "learning_rate": entry["learning_rate"],
            "grad_norm": entry["grad_norm"],
            "target_tokens": targets[entry["step"] - 1],
        }
        for entry in history
        if "loss" in entry
    ]


def _mean(values: list[float]) -> float:
    return sum(values) / len(values)
