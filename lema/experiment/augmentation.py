"""Augmentation: further right paths of training questions, sampled and filtered (paper §2.3, §3.2)."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Annotated

from pydantic import Field

from lema.base.protocols import Engine, Sampling
from lema.base.question_slice import Slice
from lema.base.spec import runtime, since, spec
from lema.data.formats import Format
from lema.experiment.build import Build
from lema.experiment.experiment import Experiment
from lema.experiment.parts import Part, Source
from lema.stages.augment import Augment
from lema.stages.generate import Generate
from lema.store.stage import Stage

Count = Annotated[int, Field(ge=1)]


@spec
class Augmentation(Part):
    """Further CoT examples: right paths that an engine samples on training questions (paper §2.3, §3.2).

    `format` words the request; None takes the experiment's. `per_question` bounds how many right, different paths
    of a question are kept, and without `filtered` wrong ones are kept too. A task without worked solutions has
    its CoT from here alone.
    """

    kind = "augmentation"
    slot = "augmentation"
    adds = "right_paths"
    questions: Slice
    engine: Engine
    sampling: Sampling
    format: Format | None = None
    per_question: Count | None = None
    filtered: bool = since(default=True)
    seed: int = 0
    part: Count = runtime(default=200)  # questions between two saves

    def sources(self) -> Iterator[Source]:
        yield Source("augmentation.questions", self.questions, "right_paths")

    def most(self, e: Experiment) -> int | None:  # noqa: ARG002
        return self.questions.times(min(self.per_question or self.sampling.n, self.sampling.n))

    def material(self, build: Build) -> tuple[Stage, ...]:
        paths = Generate(
            task=build.e.task,
            questions=self.questions,
            engine=self.engine,
            format=self.format or build.e.format,
            sampling=self.sampling,
            seed=self.seed,
            part=self.part,
        )
        return (Augment(paths=paths, task=build.e.task, per_question=self.per_question, filtered=self.filtered),)
