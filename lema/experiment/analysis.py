"""Analysis: what is measured of models beside accuracy, DeltaPPL and the output space (decision 022)."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Annotated, Literal

from pydantic import Field

from lema.answering.answering import Writes
from lema.base.errors import ConfigError
from lema.base.question_slice import Slice
from lema.base.spec import runtime, since, spec
from lema.data.datasets import Published, parts_of, told_parts
from lema.experiment.build import Build
from lema.experiment.experiment import Experiment
from lema.experiment.parts import Part
from lema.experiment.synthesis import Synthesis
from lema.lessons.lesson import MaterialName
from lema.stages.delta_ppl import DeltaPerplexity
from lema.stages.output_space import OutputSpace
from lema.stages.synthesise import Synthesise
from lema.store.stage import Stage

Count = Annotated[int, Field(ge=1)]


@spec
class Analysis(Part):
    """What else is measured of the model before and after training.

    Args:
        delta_ppl: how much likelier it finds corrections than mistakes (paper App. D.5).
        output_space: held-out questions, on whose gold targets it is measured how many next tokens the model hesitates
            between (PaD, arXiv 2305.13888); None: not measured.
    """

    kind = "analysis"
    slot = "analysis"
    delta_ppl: bool = since(default=True)
    output_space: Slice | None = since(default=None)
    quantised: bool = False  # score with 4-bit weights, as QLoRA trains
    seed: int = 0  # of the bootstrap
    device: Literal["auto", "cpu", "cuda"] = runtime(default="auto")
    batch_tokens: Count = runtime(default=8192)  # tokens that go through the model at once
    part: Count = runtime(default=500)  # corrections, or questions, between two saves

    def check(self) -> None:
        if not self.delta_ppl and self.output_space is None:
            raise ConfigError(
                "analysis: with delta_ppl=false and output_space=null nothing is measured; take analysis=none"
            )

    @property
    def measures_material(self) -> frozenset[MaterialName]:
        return frozenset({"corrections"}) if self.delta_ppl else frozenset()

    def check_in(self, e: Experiment) -> None:
        """Raise ConfigError for questions that no output space can be measured on."""
        where = self.output_space
        if where is None:
            return
        e.check_split("analysis.output_space", where)
        for source in e.sources():
            if e.learns_from(source) and source.where.overlaps(where, parts_of(e.task)):
                raise ConfigError(
                    f"analysis.output_space ({where}) and {source.field} ({source.where}) overlap: it is measured on "
                    f"questions that the model has not learned from. Choose other slices.{told_parts(e.task)}"
                )
        if target(e) != "program" and isinstance(e.task, Published) and not e.task.worked:
            raise ConfigError(
                f"analysis.output_space: {e.task.name} has no worked solutions that a model could be measured on. Take "
                "another task, or a mix of programs."
            )

    def measured(self, build: Build) -> Iterator[Stage]:
        """Each measure of the model before training and after it, with the checkpoint that the first task is scored
        with."""
        if not build.trains:
            return
        e = build.e
        for run in (None, build.chosen(e.scored[0])):
            if self.delta_ppl:
                yield DeltaPerplexity(
                    corrections=build.corrections[0],
                    model=e.model,
                    format=e.format,
                    trained=run,
                    quantised=self.quantised,
                    seed=self.seed,
                    device=self.device,
                    batch_tokens=self.batch_tokens,
                    part=self.part,
                )
            if self.output_space is not None:
                yield OutputSpace(
                    task=e.task,
                    questions=self.output_space,
                    target=target(e),
                    model=e.model,
                    format=e.format,
                    programs=gold_programs(e, self.output_space),
                    trained=run,
                    quantised=self.quantised,
                    seed=self.seed,
                    device=self.device,
                    batch_tokens=self.batch_tokens,
                    part=self.part,
                )


def target(e: Experiment) -> Writes:
    """What the trained model answers with."""
    return e.data_mix.writes


def gold_programs(e: Experiment, where: Slice) -> Synthesise | None:
    """The first right program of each held-out question, by the teacher of the training questions."""
    if target(e) != "program" or not isinstance(e.synthesis, Synthesis):
        return None
    return e.synthesis.programs(e, where, 1)
