"""A deterministic fake for tests: says what it was told, and fails, hangs or dies when told."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from hashlib import sha256
from pathlib import Path
from typing import Annotated, Literal

from pydantic import Field

from lema.errors import StageFailed
from lema.protocols import Complete, Prompt, Reply, Sampling
from lema.spec import Spec, runtime, spec


@spec
class Rule(Spec):
    """What to say to prompts that hold `contains`: one of `replies`, chosen by seed and sample when there are several.

    `{id}`, `{seed}`, `{sample}` and the prompt's fields (`{question}`) are filled in.
    """

    kind = "scripted_rule"
    replies: Annotated[tuple[str, ...], Field(min_length=1)]
    contains: str = ""


@spec
class Scripted(Spec):
    """Answers by the first rule that fits; a word is a token.

    Args:
        trouble: what happens at prompt number `after` (counted from 0 since `open`): an error, a
            long sleep, or SIGKILL to this process.
        seconds: how long each prompt takes.
        log: file that gets a line with the prompt's id for each prompt answered.
    """

    kind = "scripted"
    rules: tuple[Rule, ...] = (Rule(replies=("Step 1: The answer is {seed}.",)),)
    label: str = "scripted"
    trouble: Literal["fail", "hang", "die"] | None = runtime(default=None)
    after: Annotated[int, Field(ge=0)] = runtime(default=0)
    seconds: Annotated[float, Field(ge=0)] = runtime(default=0.0)
    log: str | None = runtime(default=None)

    @property
    def name(self) -> str:
        return self.label

    @contextmanager
    def open(self, *, checkpoint: Path | None = None, replies: Path | None = None) -> Iterator[Complete]:  # noqa: ARG002
        count = 0

        def complete(prompts: Sequence[Prompt], sampling: Sampling) -> list[list[Reply]]:
            nonlocal count
            given = []
            for prompt in prompts:
                if self.trouble is not None and count >= self.after:
                    self.make_trouble(prompt)
                time.sleep(self.seconds)
                given.append([self.reply(prompt, sampling, sample) for sample in range(sampling.n)])
                self.note(prompt)
                count += 1
            return given

        yield complete

    def reply(self, prompt: Prompt, sampling: Sampling, sample: int) -> Reply:
        """The continuation with this number; greedy ones are all the same."""
        rule = next((rule for rule in self.rules if rule.contains in prompt.text), None)
        if rule is None:
            raise StageFailed(f"no rule of the scripted engine fits prompt {prompt.id!r}")
        seed, sample = (prompt.seed, sample) if sampling.temperature > 0 else (0, 0)
        draw = int.from_bytes(sha256(f"{seed}:{sample}:{prompt.text}".encode()).digest()[:8])
        text = rule.replies[draw % len(rule.replies)]
        for name, value in {**prompt.fields, "id": prompt.id, "seed": str(seed), "sample": str(sample)}.items():
            text = text.replace(f"{{{name}}}", value)
        cuts = [place for stop in sampling.stop if (place := text.find(stop)) >= 0]
        words = (text[: min(cuts)] if cuts else text).split(" ")
        return Reply(
            text=" ".join(words[: sampling.max_tokens]),
            finish_reason="length" if len(words) > sampling.max_tokens else "stop",
            prompt_tokens=len(prompt.text.split()),
            completion_tokens=min(len(words), sampling.max_tokens),
            logprobs=(-1.0,) * min(len(words), sampling.max_tokens) if sampling.logprobs else None,
        )

    def make_trouble(self, prompt: Prompt) -> None:
        if self.trouble == "fail":
            raise StageFailed(f"the scripted engine was told to fail at prompt {prompt.id!r}")
        if self.trouble == "hang":
            time.sleep(3600)
        os.kill(os.getpid(), signal.SIGKILL)

    def note(self, prompt: Prompt) -> None:
        if self.log is not None:
            with Path(self.log).open("a") as out:
                out.write(f"{prompt.id}\n")
