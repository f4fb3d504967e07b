"""The sections of an experiment on programs: where they come from, and how broken ones are made to learn from."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from lema.base.errors import ConfigError
from lema.base.protocols import Sampling
from lema.base.question_slice import Slice
from lema.base.spec import Spec, runtime, spec
from lema.pad.teachers import Writer

Count = Annotated[int, Field(ge=1)]
#: The classes of the paper's table of failures.
ErrorKind = Literal["NameError", "UnboundLocalError", "SyntaxError"]
KINDS: tuple[ErrorKind, ...] = ("NameError", "UnboundLocalError", "SyntaxError")


@spec
class Synthesis(Spec):
    """Programs of training questions by a teacher, kept iff they run and give the right answer (paper §3.1)."""

    kind = "synthesis"
    questions: Slice
    teacher: Writer
    per_question: Count | None = None
    part: Count = runtime(default=200)  # questions between two saves

    @property
    def most(self) -> int:
        """Programs of a question that can be kept."""
        return min(self.per_question or self.teacher.per_question, self.teacher.per_question)


@spec
class Refinement(Spec):
    """Programs that fail, with those that should stand in their place (paper §3.3).

    Args:
        injected: classes of the errors that are put into right programs; none to inject nothing.
        per_program: broken versions of each program, of different classes.
        sampled: how a student, trained on the programs alone, is sampled for failures of its own on the questions of
            the synthesis; None not to.
        seed: of what is injected where, and of sampling.
    """

    kind = "refinement"
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
