"""Choosing among a few given texts by the log-probability that a model gives to each (`Sampling.choices`)."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from hashlib import blake2b
from typing import Any

import numpy as np

from lema.base.errors import ConfigError, StageFailed
from lema.base.protocols import Prompt, Reply, Sampling

#: Token ids, and those of which the log-probability as the next token is wanted.
Context = tuple[tuple[int, ...], tuple[int, ...]]
#: The log-probability of each wanted token, context by context.
NextLogprobs = Callable[[Sequence[Context]], list[list[float]]]


def noise_key(prompt: Prompt, sample: int) -> int:
    """What decides the random numbers of one sample: 128 bits."""
    named = f"{prompt.seed}\0{sample}\0{prompt.text}".encode()
    return int.from_bytes(blake2b(named, digest_size=16).digest())


def choice_ids(tokenizer: Any, choices: Sequence[str]) -> list[tuple[int, ...]]:
    """Token ids of choices: of the text alone, as completions are tokenised, without the end token.

    Raises:
        ConfigError: the tokenizer makes nothing of a choice, or the same of two.
    """
    ids = tokenizer(list(choices), add_special_tokens=False, return_attention_mask=False)["input_ids"]
    labels = [tuple(row) for row in ids]
    if not all(labels) or len(set(labels)) < len(labels):
        raise ConfigError(
            f"choices: this model's tokenizer makes {labels} of {list(choices)}; take texts that it tells apart"
        )
    return labels


def choose(
    prompts: Sequence[Prompt],
    ids: Sequence[Sequence[int]],
    labels: Sequence[tuple[int, ...]],
    sampling: Sampling,
    ask: NextLogprobs,
) -> list[list[Reply]]:
    """n replies for each prompt, each one of `sampling.choices`.

    What choices have in common is asked about once: with choices of one token, a prompt is read once.

    Args:
        ids: token ids of the prompts.
        labels: token ids of the choices.
        ask: how the model is asked.

    Raises:
        StageFailed: the model gives a choice a log-probability that is not a number.
    """
    wanted: dict[tuple[int, ...], list[int]] = {}  # what stands before in a choice -> tokens that may come next
    for label in labels:
        for place, token in enumerate(label):
            after = wanted.setdefault(label[:place], [])
            if token not in after:
                after.append(token)
    asked = [((*row, *before), tuple(tokens)) for row in ids for before, tokens in wanted.items()]
    answers = iter(ask(asked))
    replies = []
    for prompt, row in zip(prompts, ids, strict=True):
        known = {before: dict(zip(tokens, next(answers), strict=True)) for before, tokens in wanted.items()}
        sums = [sum(known[label[:place]][token] for place, token in enumerate(label)) for label in labels]
        if not np.isfinite(sums).all():
            raise StageFailed(f"the model gives the choices of prompt {prompt.id!r} log-probabilities of {sums}")
        several = [choice_reply(sums, sampling, noise_key(prompt, number)) for number in range(sampling.n)]
        lengths = {text: len(label) for text, label in zip(sampling.choices, labels, strict=True)}
        replies.append([counted(reply, prompt=len(row), completion=lengths[reply.text]) for reply in several])
    return replies


def choice_reply(logprobs: Sequence[float], sampling: Sampling, key: int) -> Reply:
    """One reply to choices with these log-probabilities; the first of equally likely ones at temperature 0."""
    place = int(np.argmax(logprobs))
    if sampling.temperature > 0:
        odds = np.exp((np.asarray(logprobs) - max(logprobs)) / sampling.temperature).cumsum()
        noise = np.random.Generator(np.random.Philox(key=key)).random()
        place = min(int(np.searchsorted(odds, noise * odds[-1], side="right")), len(odds) - 1)
    return Reply(text=sampling.choices[place], choices=tuple(logprobs))


def counted(reply: Reply, *, prompt: int, completion: int) -> Reply:
    """The reply with its numbers of tokens."""
    return Reply(text=reply.text, choices=reply.choices, prompt_tokens=prompt, completion_tokens=completion)
