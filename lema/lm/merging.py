"""Folding an adapter into its weights, and looking whether the result still computes the same.

A merge can go wrong without a word: a scale that is applied twice, weights in 4 bits, or a type so coarse that a small
adapter is lost in its rounding.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import msgspec

from lema.base.errors import StageFailed
from lema.lm.encoding import prompts_ids, read_by_encoder
from lema.lm.pairs import padded, start_token

LIKELY = 10  # next tokens whose log-probabilities are compared
AT_ONCE = 8  # prompts
#: By type of the merged weights: the largest difference of a log-probability that is rounding, and the smallest share
#: of prompts with the same likeliest next token. docs/decisions/016-nodes.md has what was measured.
LIMITS = {"float32": (0.01, 0.95), "float16": (0.25, 0.9), "bfloat16": (1.0, 0.85)}
NAMES = ("Ada", "Ben", "Cleo", "Dev", "Eva", "Finn", "Gus", "Hana")
THINGS = ("apples", "books", "coins", "cards", "pens", "stamps", "eggs", "shells")
PROMPTS = tuple(
    f"Question: {name} has {7 + 3 * i + k} {thing}, buys {5 + 2 * k} more and gives {1 + i} away. "
    f"How many {thing} does {name} have now?\nAnswer:\n"
    for i, name in enumerate(NAMES)
    for k, thing in enumerate(THINGS)
)


class Agreement(msgspec.Struct, frozen=True, kw_only=True):
    """How close a merged model is to the adapter on its base, over the next tokens of `prompts` prompts."""

    prompts: int
    largest: float  # difference of a log-probability (natural), over the likeliest tokens of each prompt
    same_next: float  # share of prompts with the same likeliest next token

    def check(self, dtype: str) -> None:
        """Raise StageFailed if weights of this type are further apart than rounding explains."""
        most, least = LIMITS[dtype]
        if not (self.largest <= most and self.same_next >= least):
            raise StageFailed(
                f"merging the adapter changes what the model computes: on {self.prompts} prompts log-probabilities of "
                f"the next token differ by up to {self.largest:.3g} ({dtype} allows {most}), and the likeliest one is "
                f"the same for {self.same_next:.1%} (at least {least:.0%}). Take weights "
                "of a finer type (model.dtype=float32); with trainer.merge=false training leaves the adapter apart"
            )


def merge(adapted: Any, tokenizer: Any, *, stored: str | None = None) -> tuple[Any, Agreement]:
    """A PEFT model as a plain one with the adapter in its weights, and how well they agree; changes `adapted`.

    Args:
        adapted: the adapter on weights that are not quantised.
        tokenizer: its tokenizer.
        stored: the type that the weights will be saved in; they are rounded to it, and keep their own.

    Raises:
        StageFailed: they do not agree.
    """
    import torch

    rows = [tokenizer(text)["input_ids"] for text in PROMPTS]
    if adapted.config.is_encoder_decoder:
        rows = read_by_encoder(tokenizer, prompts_ids(tokenizer, PROMPTS))
    before = next_tokens(adapted.eval(), rows)
    merged = adapted.merge_and_unload().eval()
    own = str(merged.dtype).removeprefix("torch.")
    if stored is not None and stored != own:
        merged = merged.to(getattr(torch, stored)).to(getattr(torch, own))
    agreement = compare(before, next_tokens(merged, rows))
    agreement.check(stored or own)
    return merged, agreement


def next_tokens(model: Any, rows: Sequence[Sequence[int]]) -> Any:
    """Log-probabilities of the token after each row of ids: (rows, vocabulary), float32.

    Of an encoder-decoder, whose encoder reads the rows, those of the first token that it writes.
    """
    import torch

    start = start_token("this model", model.config, getattr(model, "generation_config", None))
    device = next(model.parameters()).device
    found = []
    with torch.no_grad():
        for first in range(0, len(rows), AT_ONCE):
            some = rows[first : first + AT_ONCE]
            if start is not None:
                ids, mask = (tensor.to(device) for tensor in padded(some))
                told = torch.full((len(some), 1), start, device=device)
                last = model(input_ids=ids, attention_mask=mask, decoder_input_ids=told, use_cache=False).logits[:, -1]
                found.append(last.float().log_softmax(-1).cpu())
                continue
            longest = max(map(len, some))
            # Padded on the right, where causal attention does not look.
            ids = torch.tensor([[*row, *[row[-1]] * (longest - len(row))] for row in some], device=device)
            logits = model(input_ids=ids, use_cache=False).logits
            last = logits[torch.arange(len(some)), torch.tensor([len(row) - 1 for row in some])]
            found.append(last.float().log_softmax(-1).cpu())
    return torch.cat(found)


def compare(before: Any, after: Any) -> Agreement:
    """Two tables of log-probabilities, (prompts, vocabulary)."""
    likely = before.topk(min(LIKELY, before.shape[1])).indices
    apart = (before.gather(1, likely) - after.gather(1, likely)).abs().max()
    same = (before.argmax(1) == after.argmax(1)).float().mean()
    return Agreement(prompts=len(before), largest=float(apart), same_next=float(same))
