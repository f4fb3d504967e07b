"""Repairs (PaD, arXiv 2305.13888, §3.3): a program that fails and what Python says of it in, one that is right out."""

from __future__ import annotations

import random
from collections.abc import Iterator, Mapping, Sequence
from typing import Annotated

from pydantic import Field

from lema.base.errors import InputError
from lema.base.records import Example
from lema.base.spec import spec
from lema.data.formats import Format
from lema.lessons.lesson import Lesson, Material, MaterialName, Taught


@spec
class Repairs(Lesson):
    """As many repairs as `refinements` says for each program that the mix has, drawn by the seed."""

    kind = "repairs"
    needs = ("programs", "repairs")
    refinements: Annotated[float, Field(ge=0)] = 1.0

    @property
    def needed(self) -> tuple[MaterialName, ...]:
        return self.needs if self.refinements else ()

    def examples(self, material: Material, format_: Format) -> Iterator[Taught]:  # noqa: ARG002
        for artifact in material.of("repairs"):
            for repair in artifact.rows("refinements.jsonl", Example):
                yield Taught(repair, ("refinement", repair.prompt, repair.completion))

    def drawn(self, there: Sequence[int], taught: Mapping[str, int], seed: int) -> Sequence[int]:
        wanted = self.wanted(taught.get("programs", 0))
        if wanted > len(there):
            raise InputError(
                f"data_mix.refinements={self.refinements:g} for each program needs {wanted:,} refinements, and "
                f"there are {len(there):,}. Lower data_mix.refinements, or make more: refinement.per_program, "
                "refinement.sampled."
            )
        return sorted(random.Random(f"refinements {seed}").sample(there, wanted))

    def most(self, items: Mapping[str, int]) -> int:
        return self.wanted(items.get("programs", 0))

    def wanted(self, programs: int) -> int:
        return round(self.refinements * programs)
