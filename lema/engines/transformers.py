"""A model run in this process: any causal language model that transformers loads, adapters too."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Sequence
from hashlib import blake2b
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, ClassVar, Literal

from pydantic import Field

from lema.errors import InputError
from lema.lm.encoding import prompts_ids, stop_ids
from lema.lm.loading import load_model, load_tokenizer, pick_device
from lema.models import Model
from lema.protocols import Complete, Prompt, Reply, Sampling
from lema.spec import Spec, runtime, spec

if TYPE_CHECKING:
    from lema.lm.decoding import Decoder, Row


@spec
class Transformers(Spec):
    """Samples with a model in memory, on a GPU where there is one.

    Args:
        quantised: NF4 with double quantisation, as in QLoRA training.
        batch_size: samples decoded at once.
        batch_tokens: bound on samples at once times the length that they may reach (memory).
        threads: CPU threads; None leaves what torch is set to.
    """

    kind = "transformers"
    needs: ClassVar[str] = "gpu"  # what a cluster must give it
    model: Model
    quantised: bool = False
    batch_size: Annotated[int, Field(ge=1)] = runtime(default=64)
    batch_tokens: Annotated[int, Field(ge=1)] = runtime(default=131072)
    device: Literal["auto", "cpu", "cuda"] = runtime(default="auto")
    threads: Annotated[int, Field(ge=1)] | None = runtime(default=None)

    @property
    def name(self) -> str:
        return self.model.name

    @contextlib.contextmanager
    def open(self, *, checkpoint: Path | None = None, replies: Path | None = None) -> Iterator[Complete]:  # noqa: ARG002
        """Load model and tokenizer; `replies` is not used, since these cost nothing but time."""
        with thread_limit(self.threads):
            from transformers.utils.logging import disable_progress_bar

            from lema.lm.decoding import Decoder

            disable_progress_bar()  # its bars for loading weights would run through those of the stages
            tokenizer = load_tokenizer(self.model, checkpoint)
            device = pick_device(self.device)
            model = load_model(self.model, checkpoint, device=device, quantised=self.quantised)
            decoder = Decoder(model, rows=self.batch_size, tokens=self.batch_tokens)

            def complete(prompts: Sequence[Prompt], sampling: Sampling) -> list[list[Reply]]:
                return sample(decoder, tokenizer, prompts, sampling, name=self.name)

            yield complete


@contextlib.contextmanager
def thread_limit(threads: int | None) -> Iterator[None]:
    """A number of CPU threads for torch, and its former one afterwards."""
    import torch

    former = torch.get_num_threads()
    torch.set_num_threads(threads or former)
    try:
        yield
    finally:
        torch.set_num_threads(former)


def sample(
    decoder: Decoder, tokenizer: Any, prompts: Sequence[Prompt], sampling: Sampling, *, name: str
) -> list[list[Reply]]:
    """n replies for each prompt, in the order given.

    Raises:
        InputError: a prompt leaves the model no room for an answer.
    """
    rows = list(start_rows(decoder.model, tokenizer, prompts, sampling, name=name))
    stops = StopStrings(tokenizer, sampling.stop)
    replies: list[list[Reply]] = [[Reply(text="")] * sampling.n for _ in prompts]
    places = {id(row): place for place, row in enumerate(rows)}
    for row in decoder.decode(rows, sampling, stops.seen if sampling.stop else None):
        replies[row.index][places[id(row)] % sampling.n] = stops.reply(row)
    return replies


def start_rows(
    model: Any, tokenizer: Any, prompts: Sequence[Prompt], sampling: Sampling, *, name: str
) -> Iterator[Row]:
    """One row a sample, the samples of a prompt side by side."""
    from lema.lm.decoding import Row

    room = context(model)
    ends = {chat: end_tokens(model, tokenizer, chat=chat) for chat in {prompt.chat for prompt in prompts}}
    for index, (prompt, ids) in enumerate(zip(prompts, token_ids(tokenizer, prompts), strict=True)):
        if not ids or (room is not None and len(ids) >= room):
            raise InputError(
                f"prompt {prompt.id!r} has {len(ids):,} tokens for {name}, whose context is {room:,}: "
                "there is no room for an answer. Shorten the prompt, or take another model."
                if ids
                else f"prompt {prompt.id!r} is empty: {name} has nothing to continue"
            )
        limit = sampling.max_tokens if room is None else min(sampling.max_tokens, room - len(ids))
        for number in range(sampling.n):
            key = noise_key(prompt, number)
            yield Row(prompt=ids, index=index, key=key, limit=limit, ends=ends[prompt.chat])


def noise_key(prompt: Prompt, sample: int) -> int:
    """What decides the random numbers of one sample."""
    named = f"{prompt.seed}\0{sample}\0{prompt.text}".encode()
    return int.from_bytes(blake2b(named, digest_size=16).digest())


def token_ids(tokenizer: Any, prompts: Sequence[Prompt]) -> list[list[int]]:
    """Token ids of prompts, in order."""
    ids: list[list[int]] = [[] for _ in prompts]
    for chat in (False, True):
        places = [place for place, prompt in enumerate(prompts) if prompt.chat is chat]
        rows = prompts_ids(tokenizer, [prompts[place].text for place in places], chat=chat)
        for place, row in zip(places, rows, strict=True):
            ids[place] = row
    return ids


def end_tokens(model: Any, tokenizer: Any, *, chat: bool) -> frozenset[int]:
    """Tokens at which a sample ends: those of the tokenizer's format and of the model's generation settings."""
    settings = getattr(model, "generation_config", None)
    named = getattr(settings, "eos_token_id", None)
    listed = [] if named is None else [named] if isinstance(named, int) else named
    return frozenset([*stop_ids(tokenizer, chat=chat), *listed])


def context(model: Any) -> int | None:
    """Most tokens that the model can see, where its configuration says."""
    room = getattr(model.config, "max_position_embeddings", None)
    return int(room) if room and room > 0 else None


class StopStrings:
    """Finds stop strings among tokens, whichever way they are cut into tokens."""

    def __init__(self, tokenizer: Any, stops: Sequence[str]) -> None:
        from lema.lm.decoding import STOP_EVERY

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

    def reply(self, row: Row) -> Reply:
        """The reply of a finished row, cut before the first stop string."""
        ids, finish = row.ids, row.finish
        text = self.text(ids)
        if self.within(text):
            used = next(count for count in range(1, len(ids) + 1) if self.within(self.text(ids[:count])))
            text = self.text(ids[:used])
            text = text[: min(text.find(stop) for stop in self.stops if stop in text)]
            ids, finish = ids[:used], "stop"
        return Reply(
            text=text,
            finish_reason=finish,
            prompt_tokens=len(row.prompt),
            completion_tokens=len(ids),
            logprobs=tuple(row.logprobs[: len(ids)]) if row.logprobs else None,
        )
