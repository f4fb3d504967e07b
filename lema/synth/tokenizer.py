"""The word-level tokenizer of models that are trained on this laboratory."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from lema.synth.vocabulary import BEGIN, END, PAD, TOKEN, UNKNOWN, vocabulary


def build_tokenizer(longest: int = 1024) -> Any:
    """A `PreTrainedTokenizerFast`; decoding what it encoded gives the text back to the letter.

    Nothing is added at either end of a text: the parts of an example can be encoded one by one.

    Args:
        longest: the model's context, in tokens.
    """
    from tokenizers import Regex, Tokenizer, decoders, models, pre_tokenizers
    from transformers import PreTrainedTokenizerFast

    inner = Tokenizer(models.WordLevel({token: i for i, token in enumerate(vocabulary())}, unk_token=UNKNOWN))
    inner.pre_tokenizer = pre_tokenizers.Split(Regex(TOKEN), behavior="isolated")
    inner.decoder = decoders.Fuse()
    return PreTrainedTokenizerFast(
        tokenizer_object=inner,
        pad_token=PAD,
        unk_token=UNKNOWN,
        bos_token=BEGIN,
        eos_token=END,
        padding_side="left",
        clean_up_tokenization_spaces=False,
        model_max_length=longest,
    )


def save_tokenizer(folder: Path) -> None:
    """Write the files that plain `AutoTokenizer.from_pretrained(folder)` loads."""
    build_tokenizer().save_pretrained(str(folder))
