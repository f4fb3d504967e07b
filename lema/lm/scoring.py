"""Log-probabilities that a model gives to texts that are there already; nothing is sampled."""

from __future__ import annotations

import contextlib
import math
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import msgspec

from lema.errors import InputError, StageFailed
from lema.lm.choosing import Context
from lema.lm.encoding import Encoded, encode
from lema.lm.loading import load_model, load_tokenizer, pick_device
from lema.lm.pairs import padded, start_token
from lema.models import Model
from lema.records import Example


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
def open_scorer(
    model: Model,
    checkpoint: Path | None = None,
    *,
    chat: bool = False,
    quantised: bool = False,
    device: str = "auto",
    batch_tokens: int = 8192,
) -> Iterator[Score]:
    """Load a model and score completions under it: token ids and losses are those of training.

    Of an encoder-decoder, what its decoder gives the completion after its encoder has read the prompt.

    Args:
        checkpoint: a trained model or adapter to use in place of the base weights.
        chat: prompts are user turns of the model's chat template.
        batch_tokens: bound on the tokens, padding included, that go through the model at once.

    Raises (on use):
        InputError: an example is longer than the model's context.
        StageFailed: a score is not a number.
    """
    tokenizer = load_tokenizer(model, checkpoint)
    loaded = load_model(model, checkpoint, device=pick_device(device), quantised=quantised)
    start = start_token(model.name, loaded.config, getattr(loaded, "generation_config", None))

    def score(examples: Sequence[Example]) -> list[Scored]:
        encoded = encode(tokenizer, examples, chat=chat, start_token=start)
        check_lengths(loaded, examples, encoded)
        scores: list[Scored | None] = [None] * len(examples)
        for batch in batches([example.tokens for example in encoded], batch_tokens):
            totals = logprobs(loaded, [encoded[number] for number in batch])
            for number, total in zip(batch, totals, strict=True):
                if not math.isfinite(total):
                    raise StageFailed(f"{model.name} gives {examples[number].question_id} a log-probability of {total}")
                scores[number] = Scored(logprob=total, tokens=encoded[number].targets)
        return [found for found in scores if found is not None]

    yield score


def check_lengths(model: Any, examples: Sequence[Example], encoded: Sequence[Encoded]) -> None:
    """Raise InputError if an example does not fit the model's context: none is ever cut."""
    room = getattr(model.config, "max_position_embeddings", None)
    for example, tokens in zip(examples, encoded, strict=True):
        # An encoder-decoder has a context for each of the two.
        needed = max(len(tokens.ids), len(tokens.read or ()))
        if room is not None and needed > room:
            what = "prompt and completion" if tokens.read is None else "prompt or completion"
            raise InputError(
                f"{what} of question {example.question_id} have {needed:,} tokens, more than "
                f"the model's context of {room:,}: take a model with a longer one, or leave that question out"
            )


def batches(lengths: Sequence[int], most: int) -> Iterator[list[int]]:
    """Numbers of the texts that go through the model together: neighbours in length, longest first."""
    batch: list[int] = []
    for number in sorted(range(len(lengths)), key=lambda number: -lengths[number]):
        if batch and lengths[batch[0]] * (len(batch) + 1) > most:
            yield batch
            batch = []
        batch.append(number)
    if batch:
        yield batch


def logprobs(model: Any, batch: Sequence[Encoded]) -> list[float]:
    """Summed log-probability of each completion, in float32 a token and float64 in sum.

    Padded on the right and without a mask, as in training: attention is causal, so no token sees padding. Encoders,
    which see everything, have a mask.
    """
    import torch

    device = next(model.parameters()).device
    longest = max(len(example.ids) for example in batch)
    ids = torch.zeros((len(batch), longest), dtype=torch.long)
    wanted = torch.zeros((len(batch), longest - 1), dtype=torch.bool)
    for row, example in enumerate(batch):
        ids[row, : len(example.ids)] = torch.tensor(example.ids)
        wanted[row, example.prompt - 1 : len(example.ids) - 1] = True
    ids, wanted = ids.to(device), wanted.to(device)
    given = {"input_ids": ids}
    if batch[0].read is not None:
        read, mask = (tensor.to(device) for tensor in padded([example.read or () for example in batch]))
        given = {"input_ids": read, "attention_mask": mask, "decoder_input_ids": ids}
    with torch.inference_mode():
        logits = model(**given, use_cache=False).logits[:, :-1][wanted].float()  # prompts need no softmax
        found = -torch.nn.functional.cross_entropy(logits, ids[:, 1:][wanted], reduction="none").double()
    totals = torch.zeros(len(batch), dtype=torch.double, device=device)
    totals.index_add_(0, wanted.nonzero()[:, 0], found)
    return [float(total) for total in totals.cpu()]


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
