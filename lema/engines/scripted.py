"""A model that follows a script: for tests of everything around a model."""

from __future__ import annotations

import math
import re
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from hashlib import blake2b
from pathlib import Path
from typing import Annotated, ClassVar, NamedTuple

import msgspec
from pydantic import Field

from lema.base.errors import ConfigError
from lema.base.protocols import Complete, Prompt, Reply, Sampling
from lema.base.spec import Spec, runtime, spec
from lema.lm.choosing import choice_reply, noise_key

#: `{1}`, `{name}` or `{a|b|c}`. A brace that opens anything else, such as a new line, is a brace.
PLACE = re.compile(r"\{(\w+|[^{}]*\|[^{}]*)\}")


class Draw(NamedTuple):
    """What decides the choices of one reply."""

    prompt: Prompt
    sample: int
    greedy: bool

    def choose(self, options: Sequence[str], place: int) -> str:
        """One of the options at a place of the template: the first one when greedy."""
        if self.greedy:
            return options[0]
        named = f"{self.prompt.seed}\0{self.sample}\0{place}\0{self.prompt.text}".encode()
        return options[int.from_bytes(blake2b(named, digest_size=8).digest()) % len(options)]


@spec
class Scripted(Spec):
    """Replies by the first rule whose pattern is found in the prompt, else by `default`.

    In a reply, `{1}` and `{name}` stand for groups of the pattern, `{seed}` for the prompt's seed,
    and `{a|b|c}` for one of the alternatives: drawn by prompt, seed and number of the sample, and
    the first of them at temperature 0. A token is a word. A trained checkpoint changes nothing.
    Of `choices`, the one that the reply equals (white space around it aside) gets probability 0.9, and
    the others share the rest; a reply that equals none makes all of them alike.

    Args:
        rules: pairs of a regular expression and a reply.
        fail_after: prompts after which a RuntimeError is raised, counted from each opening.
        delay: seconds a prompt takes.
    """

    kind = "scripted"
    needs: ClassVar[str] = "cpu"  # what a cluster must give it
    name: str = "scripted"
    rules: tuple[tuple[str, str], ...] = ()
    default: str = ""
    fail_after: Annotated[int, Field(ge=0)] | None = runtime(default=None)
    delay: Annotated[float, Field(ge=0)] = runtime(default=0.0)

    def check(self) -> None:
        for number, (pattern, template) in enumerate(self.rules):
            try:
                compiled = re.compile(pattern)
            except re.error as error:
                raise ConfigError(f"rules[{number}]: {pattern!r} is no regular expression: {error}") from None
            groups = {*compiled.groupindex, *map(str, range(compiled.groups + 1))}
            self.check_places(f"rules[{number}]", template, groups)
        self.check_places("default", self.default, set())

    def check_places(self, at: str, template: str, groups: set[str]) -> None:
        for inside in PLACE.findall(template):
            if "|" not in inside and inside not in {"seed", *groups}:
                raise ConfigError(f"{at}: {{{inside}}} is no group of the pattern, nor {{seed}} or {{a|b}}")

    @contextmanager
    def open(self, *, checkpoint: Path | None = None, replies: Path | None = None) -> Iterator[Complete]:  # noqa: ARG002
        asked = 0

        def complete(prompts: Sequence[Prompt], sampling: Sampling) -> list[list[Reply]]:
            nonlocal asked
            answered = []
            for prompt in prompts:
                if asked == self.fail_after:
                    raise RuntimeError(f"{self.name} fails after {asked} prompts, as its script says")
                time.sleep(self.delay)
                answered.append([self.reply(prompt, sampling, sample) for sample in range(sampling.n)])
                asked += 1
            return answered

        yield complete

    def reply(self, prompt: Prompt, sampling: Sampling, sample: int) -> Reply:
        """One sample, cut at the token limit and before the first stop string."""
        whole = self.say(Draw(prompt, sample, sampling.temperature == 0))
        if sampling.choices:
            return chosen(prompt, sample, sampling, whole)
        words = list(re.finditer(r"\S+", whole))
        over = len(words) > sampling.max_tokens
        text = whole[: words[sampling.max_tokens - 1].end()] if over else whole
        stops = [text.find(stop) for stop in sampling.stop if stop in text]
        text = text[: min(stops, default=len(text))]
        count = len(text.split())
        return Reply(
            text=text,
            finish_reason="length" if over and not stops else "stop",
            prompt_tokens=len(prompt.text.split()),
            completion_tokens=count,
            logprobs=(0.0,) * count if sampling.logprobs else None,
        )

    def say(self, draw: Draw) -> str:
        """The text of the rule that fits."""
        for pattern, template in self.rules:
            found = re.search(pattern, draw.prompt.text)
            if found:
                return filled(template, found, draw)
        return filled(self.default, None, draw)


def chosen(prompt: Prompt, sample: int, sampling: Sampling, said: str) -> Reply:
    """A reply to a question with choices, of which the script says one."""
    same = [choice.strip() == said.strip() for choice in sampling.choices]
    others = 0.1 / max(1, len(same) - 1)
    odds = [0.9 if right else others for right in same] if any(same) and len(same) > 1 else [1 / len(same)] * len(same)
    found = choice_reply([math.log(p) for p in odds], sampling, noise_key(prompt, sample))
    return msgspec.structs.replace(found, prompt_tokens=len(prompt.text.split()))


def filled(template: str, found: re.Match[str] | None, draw: Draw) -> str:
    """The template with its places filled, once: what a group brings in is text."""

    def value(place: re.Match[str]) -> str:
        inside = place[1]
        if "|" in inside:
            return draw.choose(inside.split("|"), place.start())
        if inside == "seed":
            return str(draw.prompt.seed)
        if found is None:
            return place[0]
        return found[int(inside) if inside.isdecimal() else inside] or ""

    return PLACE.sub(value, template)
