"""A model run in this process: any causal language model that transformers loads, adapters too."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Sequence
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, ClassVar, Literal

from pydantic import Field

from lema.base.protocols import Complete, Prompt, Reply, Sampling
from lema.base.spec import Spec, runtime, spec
from lema.lm.choosing import choice_ids, choose, noise_key
from lema.lm.loading import check_continues, load_config, load_model, load_tokenizer, pick_device
from lema.lm.model import Model
from lema.lm.replies import StopStrings, check_room, context, end_tokens, token_ids
from lema.lm.scoring import next_logprobs

if TYPE_CHECKING:
    from lema.lm.decoding import Decoder, Row

READ = 8192  # tokens, padding included, that are read at once where choices are compared


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
        """Load model and tokenizer; `replies` is not used, since these cost nothing but time.

        Raises:
            ConfigError: the model is an encoder-decoder.
        """
        check_continues(self.model, load_config(self.model, checkpoint), "lema.engines.transformers.Transformers")
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
    if sampling.choices:
        return choice(decoder, tokenizer, prompts, sampling, name=name)
    rows = list(start_rows(decoder.model, tokenizer, prompts, sampling, name=name))
    stops = StopStrings(tokenizer, sampling.stop)
    replies: list[list[Reply]] = [[Reply(text="")] * sampling.n for _ in prompts]
    places = {id(row): place for place, row in enumerate(rows)}
    for row in decoder.decode(rows, sampling, stops.seen if sampling.stop else None):
        replies[row.index][places[id(row)] % sampling.n] = stops.reply(
            row.ids, row.finish, prompt_tokens=len(row.prompt), logprobs=row.logprobs
        )
    return replies


def choice(
    decoder: Decoder, tokenizer: Any, prompts: Sequence[Prompt], sampling: Sampling, *, name: str
) -> list[list[Reply]]:
    """n replies for each prompt, each one of `sampling.choices`.

    Raises:
        InputError: a prompt leaves the model no room for the longest of them.
    """
    labels = choice_ids(tokenizer, sampling.choices)
    ids = token_ids(tokenizer, prompts)
    check_room(prompts, ids, context(decoder.model.config), name=name, needed=max(map(len, labels)))
    ask = partial(next_logprobs, decoder.model, batch_tokens=READ)
    return choose(prompts, ids, labels, sampling, ask)


def start_rows(
    model: Any, tokenizer: Any, prompts: Sequence[Prompt], sampling: Sampling, *, name: str
) -> Iterator[Row]:
    """One row a sample, the samples of a prompt side by side."""
    from lema.lm.decoding import Row

    room = context(model.config)
    settings = getattr(model, "generation_config", None)
    ends = {chat: end_tokens(settings, tokenizer, chat=chat) for chat in {prompt.chat for prompt in prompts}}
    rows = token_ids(tokenizer, prompts)
    check_room(prompts, rows, room, name=name)
    for index, (prompt, ids) in enumerate(zip(prompts, rows, strict=True)):
        limit = sampling.max_tokens if room is None else min(sampling.max_tokens, room - len(ids))
        for number in range(sampling.n):
            key = noise_key(prompt, number)
            yield Row(prompt=ids, index=index, key=key, limit=limit, ends=ends[prompt.chat])
