"""An engine that says what it was told to say."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from lema.base.protocols import Complete, Prompt, Reply, Sampling
from lema.base.spec import Spec, spec

CUT = "<cut>"


@spec
class Canned(Spec):
    """Answers a prompt of seed k with reply k; one that ends in `<cut>` has hit the token limit there."""

    kind = "canned"
    replies: tuple[str, ...]

    @property
    def name(self) -> str:
        return "canned"

    @contextmanager
    def open(self, *, checkpoint: Path | None = None, replies: Path | None = None) -> Iterator[Complete]:
        def complete(prompts: Sequence[Prompt], sampling: Sampling) -> list[list[Reply]]:
            return [[self.reply(prompt)] * sampling.n for prompt in prompts]

        yield complete

    def reply(self, prompt: Prompt) -> Reply:
        text = self.replies[prompt.seed % len(self.replies)]
        cut = text.endswith(CUT)
        return Reply(text=text.removesuffix(CUT), finish_reason="length" if cut else "stop")
