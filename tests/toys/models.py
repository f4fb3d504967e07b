"""Toy models, tokenizers and examples, made on the spot: real in kind, small in size."""

from __future__ import annotations

import dataclasses
import random
from pathlib import Path
from typing import Any

from lema.base.protocols import TrainJob
from lema.base.records import Example, dump
from lema.lm.model import SHIPPED, Model
from lema.trainers.finetune import Finetune
from lema.trainers.objective import told

CHAT = (
    "{{ bos_token }}{% for m in messages %}"
    "{% if m['role'] == 'user' %}<|user|>\n{{ m['content'] }}<|end|>\n"
    "{% else %}<|assistant|>\n{{ m['content'] }}<|end|>\n{% endif %}"
    "{% endfor %}{% if add_generation_prompt %}<|assistant|>\n{% endif %}"
)


def toy_tokenizer(*, chat: bool = True) -> Any:
    """A byte-level BPE tokenizer that starts every text with `<s>`; turns end with `<|end|>`, texts with `</s>`."""
    from tokenizers import Tokenizer, decoders, models, pre_tokenizers, processors, trainers
    from transformers import PreTrainedTokenizerFast

    special = ["<s>", "</s>", "<pad>", "<|user|>", "<|assistant|>", "<|end|>"]
    inner = Tokenizer(models.BPE())
    inner.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    inner.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(
        vocab_size=320,
        special_tokens=special,
        initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
        show_progress=False,
    )
    inner.train_from_iterator([f"{e.prompt} {e.completion}" for e in toy_examples(50)], trainer)
    inner.post_processor = processors.TemplateProcessing(single="<s> $A", special_tokens=[("<s>", 0)])
    tokenizer = PreTrainedTokenizerFast(
        tokenizer_object=inner,
        bos_token="<s>",
        eos_token="</s>",
        pad_token="<pad>",
        additional_special_tokens=special[3:],
    )
    tokenizer.chat_template = CHAT if chat else None
    return tokenizer


def toy_model(folder: Path, *, chat: bool = True, layers: int = 2, width: int = 64, seed: int = 0) -> Model:
    """A Llama with random weights and its tokenizer, saved in a folder."""
    import torch
    from transformers import LlamaConfig, LlamaForCausalLM

    tokenizer = toy_tokenizer(chat=chat)
    torch.manual_seed(seed)
    config = LlamaConfig(
        vocab_size=len(tokenizer),
        hidden_size=width,
        intermediate_size=2 * width,
        num_hidden_layers=layers,
        num_attention_heads=4,
        num_key_value_heads=2,
        max_position_embeddings=512,
        tie_word_embeddings=True,
        bos_token_id=0,
        eos_token_id=1,
        pad_token_id=2,
    )
    LlamaForCausalLM(config).save_pretrained(str(folder))
    tokenizer.save_pretrained(str(folder))
    return Model(name="toy", path=str(folder), dtype="float32")


def toy_seq2seq(folder: Path, *, seed: int = 0) -> Model:
    """A T5 with random weights and the toy tokenizer, saved in a folder."""
    import torch
    from transformers import T5Config, T5ForConditionalGeneration

    tokenizer = toy_tokenizer()
    torch.manual_seed(seed)
    config = T5Config(
        vocab_size=len(tokenizer),
        d_model=32,
        d_kv=8,
        d_ff=64,
        num_layers=2,
        num_heads=4,
        decoder_start_token_id=2,
        pad_token_id=2,
        eos_token_id=1,
    )
    T5ForConditionalGeneration(config).save_pretrained(str(folder))
    tokenizer.save_pretrained(str(folder))
    return Model(name="toy-seq2seq", path=str(folder), dtype="float32")


def fresh_t5(folder: Path, *, dropout: float = 0.0, width: int = 32) -> Model:
    """A T5 of two layers with the tokenizer of the shipped model, as a configuration: weights are drawn when loaded."""
    from transformers import AutoTokenizer, T5Config

    tokenizer = AutoTokenizer.from_pretrained(str(SHIPPED / "tiny"))
    config = T5Config(
        vocab_size=len(tokenizer),
        d_model=width,
        d_kv=width // 4,
        d_ff=2 * width,
        num_layers=2,
        num_heads=4,
        dropout_rate=dropout,
        decoder_start_token_id=tokenizer.pad_token_id,
        pad_token_id=tokenizer.pad_token_id,
        eos_token_id=tokenizer.eos_token_id,
    )
    config.save_pretrained(str(folder))
    tokenizer.save_pretrained(str(folder))
    return Model(name="fresh-t5", path=str(folder), fresh=True, dtype="float32")


def toy_examples(n: int, seed: int = 0) -> list[Example]:
    """Sums in words, of very different lengths."""
    draw = random.Random(seed)
    made = []
    for number in range(n):
        parts = [draw.randrange(1, 60) for _ in range(draw.choice([2, 2, 3, 5, 9]))]
        steps = [f"Step {k}: {parts[k - 1]} and {parts[k]}." for k in range(1, len(parts))]
        made.append(
            Example(
                prompt=f"Question: what is {' + '.join(map(str, parts))}?\nAnswer:\n",
                completion="\n".join([*steps, f"Step {len(parts)}: The answer is {sum(parts)}."]),
                question_id=f"toy-{number}",
                source="cot",
            )
        )
    return made


def write_examples(path: Path, examples: list[Example]) -> Path:
    path.write_bytes(dump(examples))
    return path


def toy_job(root: Path, of: Model, trainer: Finetune, examples: Path, **changes: Any) -> TrainJob:
    """A training job with its work folder and output in `root`."""
    given: dict[str, Any] = {
        "model": dataclasses.asdict(of),
        "trainer": {**dataclasses.asdict(trainer), "objective": told(trainer.objective)},  # type: ignore[call-overload]
        "base": None,
        "examples": str(examples),
        "chat": False,
        "seed": 0,
        "work": str(root / "work"),
        "output": str(root / "model"),
    }
    return TrainJob(**(given | changes))
