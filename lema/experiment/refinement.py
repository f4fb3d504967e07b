"""Refinement: programs that fail, injected or of a student, to learn repairs from (PaD, arXiv 2305.13888, §3.3).

Beyond the paper, a student's programs that run and give a wrong value can be learned from as well.
"""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from lema.base.errors import ConfigError
from lema.base.protocols import Sampling
from lema.base.spec import runtime, since, spec
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
        wrong_values: whether that student's programs that run and give a wrong value are learned from too. Python has
            nothing to say of these, and most of what a student gets wrong is of this kind; they are found by the
            reference answer, so that at inference no program is asked about again for it.
        seed: of what is injected where, and of sampling.
    """

    kind = "refinement"
    slot = "refinement"
    adds = "repairs"
    injected: tuple[ErrorKind, ...] = KINDS
    per_program: Count = 1
    sampled: Sampling | None = None
    wrong_values: bool = since(default=False)
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
        if self.wrong_values and self.sampled is None:
            raise ConfigError(
                "refinement.wrong_values: they are those of a student that is sampled, and refinement.sampled is null. "
                "Take refinement=wrong_values."
            )
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
                wrong_values=self.wrong_values,
                seed=self.seed,
                part=self.part,
            ),
        )
