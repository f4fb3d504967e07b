"""Prompts as tokens and tokens as replies: what engines that run a model themselves have in common."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from lema.base.errors import InputError
from lema.base.protocols import Prompt, Reply
from lema.lm.encoding import prompts_ids, stop_ids

STOP_EVERY = 8  # tokens between two looks for stop strings


def token_ids(tokenizer: Any, prompts: Sequence[Prompt]) -> list[list[int]]:
    """Token ids of prompts, in order: those of the trainer."""
    ids: list[list[int]] = [[] for _ in prompts]
    for chat in (False, True):
        places = [place for place, prompt in enumerate(prompts) if prompt.chat is chat]
        rows = prompts_ids(tokenizer, [prompts[place].text for place in places], chat=chat)
        for place, row in zip(places, rows, strict=True):
            ids[place] = row
    return ids


def end_tokens(settings: Any, tokenizer: Any, *, chat: bool) -> frozenset[int]:
    """Tokens at which a sample ends: those of the tokenizer's format and of the model's generation settings."""
    named = getattr(settings, "eos_token_id", None)
    listed = [] if named is None else [named] if isinstance(named, int) else named
    return frozenset([*stop_ids(tokenizer, chat=chat), *listed])


def context(config: Any) -> int | None:
    """Most tokens that a model can see, where its configuration says."""
    room = getattr(config, "max_position_embeddings", None)
    return int(room) if room and room > 0 else None


def check_room(
    prompts: Sequence[Prompt], ids: Sequence[Sequence[int]], room: int | None, *, name: str, needed: int = 1
) -> None:
    """Raise InputError for a prompt that leaves no room for so many tokens, or has none itself."""
    for prompt, row in zip(prompts, ids, strict=True):
        if not row:
            raise InputError(f"prompt {prompt.id!r} is empty: {name} has nothing to continue")
        if room is not None and len(row) + needed > room:
            raise InputError(
                f"prompt {prompt.id!r} has {len(row):,} tokens for {name}, whose context is {room:,}: "
                "there is no room for an answer. Shorten the prompt, or take another model."
            )


class StopStrings:
    """Finds stop strings among tokens, whichever way they are cut into tokens."""

    def __init__(self, tokenizer: Any, stops: Sequence[str]) -> None:
        self.tokenizer = tokenizer
        self.stops = stops
        # A character takes at most a token a byte; the first tokens of a window may decode differently.
        self.window = max((len(stop.encode()) for stop in stops), default=0) + STOP_EVERY + 4

    def text(self, ids: Sequence[int]) -> str:
        return str(self.tokenizer.decode(ids, skip_special_tokens=True, clean_up_tokenization_spaces=False))

    def seen(self, ids: list[int]) -> bool:
        """Whether a stop string is among the last tokens, and in the whole."""
        return self.within(self.text(ids[-self.window :])) and self.within(self.text(ids))

    def within(self, text: str) -> bool:
        return any(stop in text for stop in self.stops)

    def reply(
        self, ids: Sequence[int], finish: str, *, prompt_tokens: int, logprobs: Sequence[float] | None = None
    ) -> Reply:
        """The reply of a finished sample, cut before the first stop string."""
        text = self.text(ids)
        if self.within(text):
            used = next(count for count in range(1, len(ids) + 1) if self.within(self.text(ids[:count])))
            text = self.text(ids[:used])
            text = text[: min(text.find(stop) for stop in self.stops if stop in text)]
            ids, finish = ids[:used], "stop"
        return Reply(
            text=text,
            finish_reason=finish,
            prompt_tokens=prompt_tokens,
            completion_tokens=len(ids),
            logprobs=tuple(logprobs[: len(ids)]) if logprobs else None,
        )
