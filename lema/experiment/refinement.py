"""Refinement: programs that fail, injected or of a student, to learn repairs from (PaD, arXiv 2305.13888, §3.3)."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from lema.base.errors import ConfigError
from lema.base.protocols import Sampling
from lema.base.spec import runtime, spec
from lema.experiment.build import Build
from lema.experiment.parts import Part
from lema.experiment.synthesis import running, student
from lema.pad.injecting import KINDS, ErrorKind
from lema.stages.refine import Refine
from lema.stages.synthesise import Synthesise
from lema.store.stage import Stage

Count = Annotated[int, Field(ge=1)]


@spec
class Refinement(Part):
    """Programs that fail, with those that should stand in their place (paper §3.3).

    Args:
        injected: classes of the errors that are put into right programs; none to inject nothing.
        per_program: broken versions of each program, of different classes.
        sampled: how a student, trained on the programs alone, is sampled for failures of its own on the questions of
            the synthesis; None not to.
        seed: of what is injected where, and of sampling.
    """

    kind = "refinement"
    slot = "refinement"
    adds = "repairs"
    injected: tuple[ErrorKind, ...] = KINDS
    per_program: Count = 1
    sampled: Sampling | None = None
    seed: int = 0
    part: Count = runtime(default=200)  # programs, or questions, between two saves

    def check(self) -> None:
        if not self.injected and self.sampled is None:
            raise ConfigError("refinement: with no class of injected errors and no sampling nothing fails")
        if self.injected and self.per_program > len(self.injected):
            raise ConfigError(
                f"refinement.per_program: {self.per_program} broken versions are of different classes, and there are "
                f"{len(self.injected)} (refinement.injected)"
            )
        if len(set(self.injected)) < len(self.injected):
            raise ConfigError(f"refinement.injected: give each class once, not {', '.join(self.injected)}")
        if self.sampled is not None and self.sampled.temperature == 0 and self.sampled.n > 1:
            raise ConfigError(
                f"refinement.sampled: {self.sampled.n} greedy programs are one, {self.sampled.n} times over"
            )

    def material(self, build: Build) -> tuple[Stage, ...]:
        """The repairs. A student that is sampled for failures has learned from the programs alone."""
        e = build.e
        (programs,) = build.material("programs")
        assert isinstance(programs, Synthesise)
        sampled = None
        if self.sampled is not None:
            sampled = student(build, programs.questions, self.sampled, self.seed, self.part)
        return (
            Refine(
                programs=programs,
                executing=running(e).executing,
                format=e.format,
                injected=self.injected,
                per_program=self.per_program,
                sampled=sampled,
                seed=self.seed,
                part=self.part,
            ),
        )
