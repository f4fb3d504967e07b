"""Trained weights into folders: the finished model, and the checkpoints that are kept as results (paper §3.3)."""

from __future__ import annotations

import contextlib
import json
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from lema.base.protocols import TrainJob
from lema.lm.loading import is_adapter
from lema.lm.merging import Agreement
from lema.lm.model import Model
from lema.trainers.finetune import Finetune
from lema.trainers.folder import Folder, flush
from lema.trainers.weights import fold, tidy

CURVE = "curve.jsonl"


def finish(
    loop: Any, job: TrainJob, model: Model, trainer: Finetune, base: Path | None, curve: list[dict[str, Any]]
) -> Agreement | None:
    """Write the output folder, whole or not at all, and return how well a merged model agrees with its adapter."""
    output = Path(job.output)
    fresh = output.with_name(f"{output.name}.partial")
    agreement = write_model(loop, model, trainer, base, fresh)
    if not loop.is_world_process_zero():
        return None
    (fresh / CURVE).write_text("".join(json.dumps(row) + "\n" for row in curve))
    flush(fresh)
    shutil.rmtree(output, ignore_errors=True)
    fresh.rename(output)
    return agreement


def keep(loop: Any, step: int, model: Model, trainer: Finetune, base: Path | None, folder: Folder) -> None:
    """Keep the weights as they are after `step`, as a folder like that of the finished model; by all ranks."""
    fresh = folder.partial / f"kept-{step}"
    write_model(loop, model, trainer, base, fresh)
    if loop.is_world_process_zero():
        folder.keep(fresh, step)


def write_model(loop: Any, model: Model, trainer: Finetune, base: Path | None, folder: Path) -> Agreement | None:
    """Save the weights as they are now, so that plain transformers or PEFT load them; training can go on.

    Called by all ranks, because ZeRO gathers weights; the first one writes.
    """
    first = loop.is_world_process_zero()
    with caching(loop.model.config):
        if trainer.method == "full" and trainer.deepspeed == "none":
            if first:
                write_whole_model(loop.model, model.dtype, folder)
        else:
            loop.save_model(str(folder))
    if not first:
        return None
    tidy(folder, model, base)
    if trainer.method == "full":
        return None
    whole = base if base is not None and not is_adapter(base) else None
    if whole is None and not trainer.merge:
        return None
    with unsplit(loop.args):
        return fold(folder, model, whole)


@contextlib.contextmanager
def unsplit(arguments: Any) -> Iterator[None]:
    """While inside, models are loaded whole: ZeRO-3 has transformers split each over all ranks, which are not here."""
    from transformers.integrations.deepspeed import set_hf_deepspeed_config, unset_hf_deepspeed_config

    unset_hf_deepspeed_config()
    try:
        yield
    finally:
        if (held := getattr(arguments, "hf_deepspeed_config", None)) is not None:
            set_hf_deepspeed_config(held)


def write_whole_model(trained: Any, dtype: str, folder: Path) -> None:
    """Save float32 weights in the model's own type, without changing those that training goes on with."""
    import torch

    stored: dict[int, Any] = {}  # tied weights share memory, and must do so when saved
    for weights in trained.state_dict().values():
        if weights.data_ptr() not in stored:
            kind = getattr(torch, dtype) if weights.is_floating_point() else weights.dtype
            stored[weights.data_ptr()] = weights.to(kind)
    named = {name: stored[weights.data_ptr()] for name, weights in trained.state_dict().items()}
    trained.save_pretrained(str(folder), state_dict=named)
    path = folder / "config.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | {"dtype": dtype}, indent=2, sort_keys=True) + "\n")


@contextlib.contextmanager
def caching(config: Any) -> Iterator[None]:
    """A configuration with its KV cache on: training turns it off, and a model saved like that generates slowly."""
    before, config.use_cache = config.use_cache, True
    try:
        yield
    finally:
        config.use_cache = before
