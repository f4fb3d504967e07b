"""Toy discriminators whose behaviour is known, and candidates for them to pick from."""

from __future__ import annotations

import random
import re
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from lema.base.protocols import Complete, Prompt, Reply, Sampling
from lema.base.question_slice import Slice
from lema.base.spec import Spec, spec
from lema.config.options import Point
from lema.data.formats import Format
from lema.discrimination.asking import Asking
from lema.experiment.discrimination import Discrimination
from lema.experiment.sections import Evaluation
from lema.stages.discriminate import Discriminate
from lema.stages.generate import Generate
from toys.lab import Sums, ToyModel, points

SHOWN = re.compile(r"^Answer \d+: (.*)$", re.MULTILINE)


@spec
class Picker(Spec):
    """Writes the number of the candidate that its `way` says: `oracle`, `random`, `first`, `largest`, `silent`."""

    kind = "toy_picker"
    way: str = "oracle"
    name: str = "picker"

    @contextmanager
    def open(self, *, checkpoint: Path | None = None, replies: Path | None = None) -> Iterator[Complete]:
        def complete(prompts: Sequence[Prompt], sampling: Sampling) -> list[list[Reply]]:
            return [[self.reply(prompt)] for prompt in prompts]

        yield complete

    def reply(self, prompt: Prompt) -> Reply:
        shown = SHOWN.findall(prompt.text.split("\n\n")[-1])
        right = str(2 * int(prompt.fields["question"].split()[2]))
        place = {
            "oracle": lambda: shown.index(right) if right in shown else 0,
            "random": lambda: random.Random(prompt.text).randrange(len(shown)),
            "first": lambda: 0,
            "largest": lambda: max(range(len(shown)), key=lambda k: int(shown[k]) if shown[k].isdecimal() else -1),
            "silent": lambda: -1,
        }[self.way]()
        text = " no number" if place < 0 else f" {place + 1}."
        return Reply(text=text, prompt_tokens=10, completion_tokens=2)


@spec
class Both(ToyModel):
    """Solves as `ToyModel` does, and picks as `Picker` does, better after training."""

    kind = "toy_both"
    way: str = "random"

    def reply(self, prompt: Prompt, sample: int, chance: float, seed: int) -> Reply:
        if "The right one is" not in prompt.text:
            return super().reply(prompt, sample, chance, seed)
        return Picker(way="oracle" if seed else self.way).reply(prompt)


def picking_points(mixes: Sequence[str] = ("cot",), seeds: Sequence[int] = (0,), **changed: Any) -> list[Point]:
    """Toy experiments whose models pick: at random before training, as the oracle after it."""
    section: dict[str, Any] = {
        "seeds": (0, 1),
        "read_outs": ("label_text", "pairwise"),
        "demos": Slice(split="train", stop=20),
        "cyclic": True,
    }
    evaluation = Evaluation(questions=Slice(split="test", stop=80), engine=Both(), sampling=Sampling())
    return points(mixes, seeds, evaluation=evaluation, discrimination=Discrimination(**(section | changed)))


def sampled(stop: int = 120, n: int = 4, seed: int = 0, **changed: Any) -> Generate:
    """Candidates of toy sums, of which a little more than half are right."""
    fields: dict[str, Any] = {
        "task": Sums(),
        "questions": Slice(split="test", stop=stop),
        "engine": ToyModel(chance=0.55),
        "format": Format(),
        "sampling": Sampling(n=n, temperature=0.7),
        "seed": seed,
    }
    return Generate(**(fields | changed))


def discriminated(way: str = "oracle", candidates: Generate | None = None, **changed: Any) -> Discriminate:
    """Picks by a toy discriminator."""
    fields: dict[str, Any] = {
        "candidates": candidates or sampled(),
        "task": Sums(),
        "engine": Picker(way=way),
        "format": Format(),
        "asking": Asking(shots=2),
        "demos": Slice(split="train", stop=20),
    }
    return Discriminate(**(fields | changed))
