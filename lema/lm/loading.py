"""Loading models and tokenizers: shared by the trainer and the engines that run a model here."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from lema.base.errors import ConfigError, InputError
from lema.base.optional import require
from lema.lm.merging import merge as folded
from lema.lm.model import Model
from lema.lm.pairs import start_token

ADAPTER = "adapter_config.json"
NO_FILE = ("no file named", "does not appear to have a file named")  # what transformers says of a folder, of the hub


def is_adapter(folder: Path) -> bool:
    """Whether a checkpoint folder holds an adapter, which needs its base model, or a whole model.

    Raises:
        InputError: it holds neither.
    """
    if (folder / ADAPTER).is_file():
        return True
    if not (folder / "config.json").is_file():
        raise InputError(f"{folder} holds neither a model (config.json) nor an adapter ({ADAPTER})")
    return False


def pick_device(wanted: str = "auto") -> str:
    """`cpu` or `cuda`; `auto` is the GPU where there is one.

    Raises:
        ConfigError: a GPU is asked for and there is none.
    """
    import torch

    if wanted == "auto":
        return "cuda" if torch.cuda.is_available() else "cpu"
    if wanted == "cuda" and not torch.cuda.is_available():
        raise ConfigError("device is 'cuda', but torch finds no GPU on this machine: use device=cpu or device=auto")
    return wanted


def load_tokenizer(model: Model, checkpoint: Path | None = None) -> Any:
    """The tokenizer of a checkpoint, which trained models carry along, else of the model."""
    from transformers import AutoTokenizer

    if checkpoint is not None and (checkpoint / "tokenizer_config.json").is_file():
        return AutoTokenizer.from_pretrained(str(checkpoint), trust_remote_code=model.trust_remote_code)
    return AutoTokenizer.from_pretrained(model.source(), **_origin(model))


def load_config(model: Model, checkpoint: Path | None = None) -> Any:
    """The configuration of a whole checkpoint, else of the model: an adapter has that of what it is on."""
    from transformers import AutoConfig

    if checkpoint is not None and not is_adapter(checkpoint):
        return AutoConfig.from_pretrained(str(checkpoint), trust_remote_code=model.trust_remote_code)
    return AutoConfig.from_pretrained(model.source(), **_origin(model))


def load_ends(model: Model, checkpoint: Path | None = None) -> Any:
    """The generation settings that a model would have, without loading it: they name tokens that end an answer."""
    from transformers import GenerationConfig

    try:
        if checkpoint is not None:
            return GenerationConfig.from_pretrained(str(checkpoint))
        return GenerationConfig.from_pretrained(model.source(), revision=model.revision or "main")
    except OSError:  # the model has no file of them
        return GenerationConfig.from_model_config(load_config(model, checkpoint))


def start_token_of(model: Model, checkpoint: Path | None = None) -> int | None:
    """`start_token` of a model that is not loaded, or of a checkpoint."""
    config = load_config(model, checkpoint)
    if not config.is_encoder_decoder:
        return None
    whole = None if checkpoint is None or is_adapter(checkpoint) else checkpoint
    return start_token(model.name, config, load_ends(model, whole))


def load_model(
    model: Model,
    checkpoint: Path | None = None,
    *,
    device: str = "cpu",
    dtype: str | None = None,
    quantised: bool = False,
    storage: str | None = None,
    merge: bool = True,
    trainable: bool = False,
) -> Any:
    """A language model in evaluation mode: causal, or an encoder-decoder (T5, BART), as its configuration says.

    Args:
        model: the base model.
        checkpoint: a trained whole model, loaded in place of the base weights, or an adapter on them.
        device: `cpu` or `cuda`.
        dtype: of the weights; by default the model's own, and float32 on a CPU, where half
            precision is 10-80 times slower.
        quantised: NF4 with double quantisation (QLoRA).
        storage: the type that 4-bit weights pose as, so that ZeRO-3 splits them like all others; bytes by default.
        merge: fold an adapter into the weights, as the paper does before inference. Never into 4-bit ones, which
            would be rounded again: there it stays apart.
        trainable: leave an adapter unmerged and open to training.

    Raises:
        InputError: the checkpoint is no model.
        ConfigError: there are no weights in safetensors, or transformers cannot write text with such a model.
        StageFailed: the merged model does not compute what the adapter does.
        MissingExtra: bitsandbytes is needed and not installed.
    """
    dtype = dtype or ("float32" if device == "cpu" else model.dtype)
    adapter = checkpoint if checkpoint is not None and is_adapter(checkpoint) else None
    whole = checkpoint if adapter is None else None
    loaded = _load_whole(model, whole, device=device, dtype=dtype, quantised=quantised, storage=storage)
    if adapter is not None:
        from peft import PeftModel

        loaded = PeftModel.from_pretrained(loaded, str(adapter), is_trainable=trainable)
    if not quantised:
        loaded = loaded.to(device)
    if adapter is not None and merge and not trainable and not quantised:
        loaded, _ = folded(loaded, load_tokenizer(model, adapter))
    return loaded.eval()


def load_seq2seq(model: Model, checkpoint: Path | None = None, *, device: str = "cpu", quantised: bool = False) -> Any:
    """`load_model` of an encoder-decoder model (T5, UL2, BART).

    Raises:
        ConfigError: the model is no encoder-decoder.
    """
    if not load_config(model, checkpoint).is_encoder_decoder:
        raise ConfigError(
            f"model: {model.name} is no encoder-decoder model. Take lema.engines.transformers.Transformers for it "
            "(evaluation=greedy, reasoner=model)."
        )
    return load_model(model, checkpoint, device=device, quantised=quantised)


def check_continues(model: Model, config: Any, who: str) -> None:
    """Raise ConfigError if a model with this configuration does not continue texts, which `who` has it do."""
    if config.is_encoder_decoder:
        raise ConfigError(
            f"model: {model.name} is an encoder-decoder model, and {who} runs those that continue a text. Take "
            "lema.engines.seq2seq.Seq2Seq for it (evaluation_engine=seq2seq, reasoner=seq2seq)."
        )


def _load_whole(
    model: Model, checkpoint: Path | None, *, device: str, dtype: str, quantised: bool, storage: str | None
) -> Any:
    import torch
    from transformers import AutoModelForCausalLM, AutoModelForSeq2SeqLM

    config = load_config(model, checkpoint)
    kind = AutoModelForSeq2SeqLM if config.is_encoder_decoder else AutoModelForCausalLM
    settings: dict[str, Any] = {"dtype": getattr(torch, dtype), "attn_implementation": model.attention}
    if checkpoint is None and model.fresh:
        with seeded(model.init_seed):
            return kind.from_config(config, **settings)
    if quantised:
        # With ZeRO-3 the device is DeepSpeed's business, and transformers refuses to be told.
        settings |= {"quantization_config": nf4(dtype, storage)} | ({} if storage else {"device_map": {"": device}})
    if checkpoint is not None:
        return kind.from_pretrained(
            str(checkpoint), trust_remote_code=model.trust_remote_code, use_safetensors=True, **settings
        )
    try:
        return kind.from_pretrained(model.source(), use_safetensors=True, **_origin(model), **settings)
    except OSError as fault:
        if not any(f"{words} model.safetensors" in str(fault) for words in NO_FILE):
            raise
        raise ConfigError(
            f"model: {model.source()}{at(model)} has no weights in safetensors, and pickled ones are not read. Save "
            "it once with transformers (from_pretrained, then save_pretrained, of model and tokenizer) and take the "
            "folder: model.hub=null model.revision=null model.path=<folder>"
        ) from None


def at(model: Model) -> str:
    return f", revision {model.revision}" if model.revision else ""


def _origin(model: Model) -> dict[str, Any]:
    """Where from, and whether code of the model may run: only ever as its configuration says."""
    return {"revision": model.revision or "main", "trust_remote_code": model.trust_remote_code}


def nf4(dtype: str, storage: str | None) -> Any:
    """Loading in 4 bits (NF4, quantised twice), computing in `dtype`; the weights pose as `storage`, or as bytes.

    Raises:
        MissingExtra: bitsandbytes is not installed.
    """
    import torch

    require("bitsandbytes", extra="qlora", why="QLoRA (4-bit NF4)")
    from transformers import BitsAndBytesConfig

    return BitsAndBytesConfig(
        load_in_4bit=True,
        bnb_4bit_quant_type="nf4",
        bnb_4bit_use_double_quant=True,
        bnb_4bit_compute_dtype=getattr(torch, dtype),
        bnb_4bit_quant_storage=getattr(torch, storage or "uint8"),
    )


@contextlib.contextmanager
def seeded(seed: int) -> Iterator[None]:
    """Random numbers of torch from a seed, with its former state restored afterwards."""
    import torch

    own = [torch.cuda.current_device()] if torch.cuda.is_available() else []  # all of them would be started
    with torch.random.fork_rng(devices=own):
        torch.manual_seed(seed)
        yield
