"""Log-probabilities that a model gives to texts that are there already; nothing is sampled."""

from __future__ import annotations

import contextlib
import math
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any, Unpack

import msgspec

from lema.base.errors import StageFailed
from lema.base.records import Example
from lema.lm.choosing import Context
from lema.lm.encoding import Encoded
from lema.lm.model import Model
from lema.lm.reading import How, at_targets, batches, open_reader


class Scored(msgspec.Struct, frozen=True, kw_only=True):
    """One completion given its prompt: natural log of its probability, and its tokens, both with the end token."""

    logprob: float
    tokens: int

    @property
    def perplexity(self) -> float:
        """exp of the mean negative log-probability of a token."""
        return math.exp(-self.logprob / self.tokens)


#: The score of each example, in order.
Score = Callable[[Sequence[Example]], list[Scored]]


@contextlib.contextmanager
def open_scorer(model: Model, checkpoint: Path | None = None, **how: Unpack[How]) -> Iterator[Score]:
    """Load a model and score completions under it; arguments as in `lema.lm.reading.open_reader`.

    Raises (on use):
        InputError: an example is longer than the model's context.
        StageFailed: a score is not a number.
    """
    with open_reader(scores, model, checkpoint, **how) as read:

        def score(examples: Sequence[Example]) -> list[Scored]:
            found = read(examples)
            for example, one in zip(examples, found, strict=True):
                if not math.isfinite(one.logprob):
                    raise StageFailed(f"{model.name} gives {example.question_id} a log-probability of {one.logprob}")
            return found

        yield score


def scores(model: Any, batch: Sequence[Encoded]) -> list[Scored]:
    """Summed log-probability of each completion, in float32 a token and float64 in sum."""
    import torch

    with torch.inference_mode():
        logits, targets, rows = at_targets(model, batch)
        found = -torch.nn.functional.cross_entropy(logits.float(), targets, reduction="none").double()
    totals = torch.zeros(len(batch), dtype=torch.double, device=found.device)
    totals.index_add_(0, rows, found)
    return [
        Scored(logprob=total, tokens=example.targets) for total, example in zip(totals.tolist(), batch, strict=True)
    ]


def next_logprobs(model: Any, contexts: Sequence[Context], *, batch_tokens: int) -> list[list[float]]:
    """Log-probabilities of given next tokens after each context, in float32.

    Only contexts that no other one goes on from are read: the others are on the way.

    Args:
        batch_tokens: bound on the tokens, padding included, that go through the model at once.
    """
    import torch

    order = sorted(range(len(contexts)), key=lambda number: contexts[number][0])
    carried: dict[tuple[int, ...], list[int]] = {}  # what is read -> numbers of the contexts that it begins with
    longer: tuple[int, ...] = ()
    for number in reversed(order):
        ids = contexts[number][0]
        longer = longer if longer[: len(ids)] == ids else ids
        carried.setdefault(longer, []).append(number)
    read = list(carried)
    device = next(model.parameters()).device
    found: list[list[float]] = [[] for _ in contexts]
    for batch in batches([len(ids) for ids in read], batch_tokens):
        width = max(len(read[row]) for row in batch)
        # Padded on the right and without a mask, as above.
        padded = torch.tensor([[*read[row], *[0] * (width - len(read[row]))] for row in batch], device=device)
        with torch.inference_mode():
            logits = model(input_ids=padded, use_cache=False).logits
            for place, row in enumerate(batch):
                for number in carried[read[row]]:
                    before, wanted = contexts[number]
                    last = logits[place, len(before) - 1].float().log_softmax(-1)
                    found[number] = last[list(wanted)].tolist()
    return found
