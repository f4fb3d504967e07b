"""How a model predicts texts that are there already: how surprised it is, and among how many tokens it hesitates."""

from __future__ import annotations

import contextlib
import math
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Unpack

import msgspec

from lema.base.errors import StageFailed
from lema.base.records import Example
from lema.lm.encoding import Encoded
from lema.lm.model import Model
from lema.lm.reading import How, at_targets, open_reader

if TYPE_CHECKING:
    import torch

CELLS = 2**25  # probabilities that are held at once: tokens times the size of the vocabulary


class Predicted(msgspec.Struct, frozen=True, kw_only=True):
    """One completion given its prompt, under teacher forcing: sums over its tokens, the end token with them."""

    tokens: int
    bits: float  # -log2 of its probability
    entropy: float  # of the distribution of each next token, in bits
    top: int  # tokens that the model finds likeliest where they stand


#: How each example is predicted, in order.
Predict = Callable[[Sequence[Example]], list[Predicted]]


@contextlib.contextmanager
def open_predictor(model: Model, checkpoint: Path | None = None, **how: Unpack[How]) -> Iterator[Predict]:
    """Load a model and look at its predictions of completions; arguments as in `lema.lm.reading.open_reader`.

    Raises (on use):
        InputError: an example is longer than the model's context.
        StageFailed: a sum is not a number.
    """
    with open_reader(predictions, model, checkpoint, **how) as read:

        def predict(examples: Sequence[Example]) -> list[Predicted]:
            found = read(examples)
            for example, one in zip(examples, found, strict=True):
                if not math.isfinite(one.bits + one.entropy):
                    raise StageFailed(f"{model.name} gives the target of {example.question_id} {one.bits} bits")
            return found

        yield predict


def predictions(model: Any, batch: Sequence[Encoded]) -> list[Predicted]:
    """Sums over the target tokens of each text of a batch, from one pass of the model; in float32 a token and float64
    in sum."""
    import torch

    with torch.inference_mode():
        logits, targets, rows = at_targets(model, batch)
        some = max(1, CELLS // logits.shape[-1])
        parts = range(0, len(targets), some)
        each = torch.cat([of_tokens(logits[at : at + some], targets[at : at + some]) for at in parts])
    sums = torch.zeros((len(batch), 3), dtype=torch.double, device=each.device)
    sums.index_add_(0, rows, each)
    return [
        Predicted(tokens=len(example.ids) - example.prompt, bits=nats / LN2, entropy=entropy / LN2, top=round(top))
        for example, (nats, entropy, top) in zip(batch, sums.tolist(), strict=True)
    ]


LN2 = math.log(2)


def of_tokens(logits: torch.Tensor, targets: torch.Tensor) -> torch.Tensor:
    """Surprise and entropy of some next tokens in nats, and whether the target is the likeliest: [tokens x 3]."""
    import torch

    logprobs = logits.float().log_softmax(-1)
    surprise = -logprobs.gather(-1, targets[:, None])[:, 0]
    entropy = torch.special.entr(logprobs.exp()).sum(-1)  # 0 for a token of probability 0
    return torch.stack([surprise, entropy, logits.argmax(-1) == targets], dim=-1).double()
