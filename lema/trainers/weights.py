"""The model that is trained, and the folder that it ends in."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

from lema.base.errors import ConfigError, InputError
from lema.lm.loading import ADAPTER, is_adapter, load_model, load_tokenizer, seeded
from lema.lm.merging import Agreement, merge
from lema.lm.model import Model
from lema.trainers.finetune import Finetune

#: Files that libraries leave in a folder and that no one who loads it needs.
LITTER = ("training_args.bin", "README.md")


def build(model: Model, trainer: Finetune, base: Path | None, device: str, seed: int) -> Any:
    """The model with its trainable parameters open.

    An adapter as `base` is trained on with LoRA and QLoRA if it has the shape that is asked for;
    full fine-tuning folds it into the weights first.

    Raises:
        ConfigError: the adapter is to be folded into weights that are split.
        InputError: the adapter has another shape.
        StageFailed: the weights with the adapter folded in do not compute what it does.
        MissingExtra: QLoRA without bitsandbytes.
    """
    if trainer.method == "full":
        if trainer.deepspeed == "zero3" and base is not None and is_adapter(base):
            raise ConfigError(
                "trainer.deepspeed=zero3 splits the weights before the adapter that training starts from could be "
                "folded into them: use zero2 or none, or train that adapter with trainer.merge=true"
            )
        # The weights are their own master copy: half precision would lose small updates.
        loaded = load_model(model, base, device=device, dtype="float32")
        return loaded.requires_grad_(True)  # weights that an adapter was folded into are closed
    continued = base if base is not None and is_adapter(base) else None
    whole = base if continued is None else None
    quantised = trainer.method == "qlora"
    half = "float32" if device == "cpu" else model.dtype
    storage = half if quantised and trainer.deepspeed == "zero3" else None
    loaded = load_model(model, whole, device=device, quantised=quantised, storage=storage)
    if quantised:
        from peft import prepare_model_for_kbit_training

        loaded = prepare_model_for_kbit_training(loaded, use_gradient_checkpointing=False)
    if continued is not None:
        return _continue(loaded, continued, trainer)
    from peft import LoraConfig, get_peft_model

    config = LoraConfig(
        r=trainer.lora_rank,
        lora_alpha=trainer.lora_alpha,
        lora_dropout=trainer.lora_dropout,
        target_modules=sorted(trainer.lora_targets) or linear_layers(loaded),
        bias="none",
        task_type="SEQ_2_SEQ_LM" if loaded.config.is_encoder_decoder else "CAUSAL_LM",
    )
    with seeded(seed):
        return get_peft_model(loaded, config)


def linear_layers(model: Any) -> list[str]:
    """Names of all linear layers but the output layer, as the paper's training code adapts them.

    Short names, which stand for the layers of all blocks: inference engines expect them so.
    """
    import torch

    output = model.get_output_embeddings()
    found = {
        name.rpartition(".")[2]
        for name, module in model.named_modules()
        if isinstance(module, torch.nn.Linear) and module is not output
    }
    return sorted(found)


def count_parameters(model: Any) -> tuple[int, int]:
    """How many parameters there are, and how many of them are trained (4-bit ones share a byte; ZeRO-3 hides all)."""
    everything = trained = 0
    for parameter in model.parameters():
        number = getattr(parameter, "ds_numel", parameter.numel())
        everything += 2 * number * parameter.element_size() if type(parameter).__name__ == "Params4bit" else number
        trained += number if parameter.requires_grad else 0
    return everything, trained


def _continue(loaded: Any, adapter: Path, trainer: Finetune) -> Any:
    from peft import PeftModel

    held = json.loads((adapter / ADAPTER).read_text())
    for field, name in (("r", "lora_rank"), ("lora_alpha", "lora_alpha")):
        if held[field] != getattr(trainer, name):
            raise InputError(
                f"{adapter / ADAPTER}: the adapter to start from has {field}={held[field]}, but "
                f"trainer.{name}={getattr(trainer, name)}: set trainer.{name}={held[field]}"
            )
    return PeftModel.from_pretrained(loaded, str(adapter), is_trainable=True)


def save_checkpointing(model: Any) -> None:
    """Recompute activations in the backward pass instead of keeping them."""
    inner = model.get_base_model() if hasattr(model, "peft_config") else model
    settings = {"use_reentrant": False}  # the reentrant kind gives no gradient to adapters on frozen inputs
    if hasattr(inner, "activation_checkpointing_enable"):
        inner.activation_checkpointing_enable(settings)
    else:  # transformers before 5.20
        inner.gradient_checkpointing_enable(settings)


def check_packing(model: Any, vocabulary: int) -> None:
    """Raise ConfigError unless this model keeps packed examples apart.

    Whether it does depends on its code, on the attention kernel and on the version of transformers;
    a model that does not would train on nonsense without a word.
    """
    import torch

    first = torch.arange(7) % vocabulary
    second = torch.arange(3, 12) % vocabulary
    device = next(model.parameters()).device
    model.eval()
    for layer in model.modules():
        if type(layer).__name__ == "Linear4bit":
            # In evaluation mode bitsandbytes repacks 4-bit weights for good on some CPUs (AVX-512 BF16), into a
            # form that has no gradient: training would go on, and be wrong.
            layer.train()
    ids = torch.cat([first, second])[None].to(device)
    positions = torch.cat([torch.arange(7), torch.arange(9)])[None].to(device)
    with torch.no_grad():
        # With a cache transformers does not look for packed examples; Trainer turns it off as well.
        packed = model(input_ids=ids, position_ids=positions, use_cache=False).logits[0, 7:].float()
        alone = model(input_ids=ids[:, 7:], use_cache=False).logits[0].float()
    apart = float((packed - alone).norm() / alone.norm())
    if not apart < 0.02:
        raise ConfigError(
            f"trainer.packing: this model lets packed examples see each other (its outputs differ by {apart:.1%} "
            "from those of the same example alone): use trainer.packing=false"
        )


def tidy(folder: Path, model: Model, base: Path | None) -> None:
    """Make a saved folder whole and the same on every machine: tokenizer in, machine-bound content out."""
    for name in LITTER:
        (folder / name).unlink(missing_ok=True)
    load_tokenizer(model, base).save_pretrained(str(folder))
    if (folder / ADAPTER).is_file():
        config = json.loads((folder / ADAPTER).read_text())
        config["base_model_name_or_path"] = model.hub or model.name
        config["revision"] = model.revision
        # A set in memory, and so in another order in every process.
        if isinstance(config["target_modules"], list):
            config["target_modules"].sort()
        (folder / ADAPTER).write_text(json.dumps(config, indent=2, sort_keys=True) + "\n")


def fold(adapter: Path, model: Model, base: Path | None) -> Agreement:
    """Turn a saved adapter into a whole model, in place, and return how well the two agree.

    Folded into unquantised weights, as in the paper's evaluation: those of `base`, a checkpoint of our
    own, or the model's. An adapter on a checkpoint is always folded, since nobody who loads it could know
    which one it belongs to: its configuration can name a model of the hub, but not a folder of a store.

    Raises:
        StageFailed: they do not agree; the adapter stays as it is.
    """
    import torch
    from peft import PeftModel

    tokenizer = load_tokenizer(model, base)
    with seeded(0):  # PEFT draws an adapter before it loads one, and training may go on after this
        whole = load_model(model, base, device="cpu", dtype="float32")
        adapted = PeftModel.from_pretrained(whole, str(adapter))
        merged, agreement = merge(adapted, tokenizer, stored=model.dtype)
    fresh = adapter.with_name(f"{adapter.name}.whole")
    merged.to(getattr(torch, model.dtype)).save_pretrained(str(fresh))
    tokenizer.save_pretrained(str(fresh))
    shutil.rmtree(adapter)
    fresh.rename(adapter)
    return agreement
