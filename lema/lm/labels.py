"""Log-probabilities of a few labels right behind a prompt; nothing is sampled."""

from __future__ import annotations

import contextlib
from array import array
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

from lema.errors import InputError, StageFailed
from lema.lm.encoding import Encoded, prompts_ids
from lema.lm.loading import load_model, load_tokenizer, pick_device
from lema.lm.scoring import batches, logprobs
from lema.models import Model

#: [prompts x labels] natural logs of the probabilities of each label's tokens, without an end token.
ScoreLabels = Callable[[Sequence[str], Sequence[str]], list[list[float]]]


@contextlib.contextmanager
def open_labels(
    model: Model,
    checkpoint: Path | None = None,
    *,
    chat: bool = False,
    quantised: bool = False,
    device: str = "auto",
    batch_tokens: int = 8192,
) -> Iterator[ScoreLabels]:
    """Load a model and score labels under it.

    Labels are tokenised apart from the prompt, as completions are in training. Where each is one token, one look at
    the prompt scores them all.

    Args:
        chat: prompts are user turns of the model's chat template, and labels begin its reply.
        batch_tokens: bound on the tokens, padding included, that go through the model at once.

    Raises (on use):
        InputError: a label has no tokens, or a prompt is longer than the model's context.
        StageFailed: a score is not a number.
    """
    tokenizer = load_tokenizer(model, checkpoint)
    loaded = load_model(model, checkpoint, device=pick_device(device), quantised=quantised)

    def score(prompts: Sequence[str], labels: Sequence[str]) -> list[list[float]]:
        ends = label_ids(tokenizer, labels)
        starts = prompts_ids(tokenizer, prompts, chat=chat)
        check_room(loaded, starts, max(map(len, ends)), model.name)
        if all(len(end) == 1 for end in ends) and all(starts):
            found = single(loaded, starts, [end[0] for end in ends], batch_tokens)
        else:
            found = several(loaded, starts, ends, batch_tokens)
        if any(value != value or value in (float("inf"), float("-inf")) for row in found for value in row):
            raise StageFailed(f"{model.name} gives a label a log-probability that is not a number")
        return found

    yield score


def label_ids(tokenizer: Any, labels: Sequence[str]) -> list[list[int]]:
    """Token ids of each label.

    Raises:
        InputError: one has none, or two have the same.
    """
    ids = [list(row) for row in tokenizer(list(labels), add_special_tokens=False)["input_ids"]]
    if not all(ids) or len(set(map(tuple, ids))) < len(ids):
        raise InputError(
            f"the labels {', '.join(map(repr, labels))} are not different tokens for this model, so their "
            "log-probabilities say nothing. Take another read-out."
        )
    return ids


def check_room(model: Any, starts: Sequence[Sequence[int]], most: int, name: str) -> None:
    """Raise InputError if a prompt with a label does not fit the model's context: none is ever cut."""
    room = getattr(model.config, "max_position_embeddings", None)
    longest = max(map(len, starts), default=0) + most
    if room is not None and longest > room:
        raise InputError(
            f"a prompt and its label have {longest:,} tokens, more than the context of {name} ({room:,}): take fewer "
            "shots, final answers in place of full solutions, or a model with a longer context"
        )


def several(model: Any, starts: Sequence[list[int]], ends: Sequence[list[int]], batch_tokens: int) -> list[list[float]]:
    """Each prompt with each label as a text of its own."""
    texts = [Encoded(ids=array("i", [*start, *end]), prompt=max(1, len(start))) for start in starts for end in ends]
    found = [0.0] * len(texts)
    for batch in batches([len(text.ids) for text in texts], batch_tokens):
        for number, total in zip(batch, logprobs(model, [texts[number] for number in batch]), strict=True):
            found[number] = total
    return [found[at : at + len(ends)] for at in range(0, len(found), len(ends))]


def single(model: Any, starts: Sequence[list[int]], labels: Sequence[int], batch_tokens: int) -> list[list[float]]:
    """Each prompt once; padded on the right and without a mask, as attention is causal."""
    import torch

    device = next(model.parameters()).device
    found: list[list[float]] = [[] for _ in starts]
    for batch in batches([len(start) for start in starts], batch_tokens):
        longest = max(len(starts[number]) for number in batch)
        ids = torch.zeros((len(batch), longest), dtype=torch.long)
        for row, number in enumerate(batch):
            ids[row, : len(starts[number])] = torch.tensor(starts[number])
        last = torch.tensor([len(starts[number]) - 1 for number in batch], device=device)
        with torch.inference_mode():
            logits = model(input_ids=ids.to(device), use_cache=False).logits
            ends = logits[torch.arange(len(batch), device=device), last].float().log_softmax(-1)
        for number, row in zip(batch, ends[:, list(labels)].double().cpu().tolist(), strict=True):
            found[number] = row
    return found
