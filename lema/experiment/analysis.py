"""Analysis: what is measured of models beside accuracy: DeltaPPL, the output space (decision 022), and whether models
learned to correct (decision 030). On the command line a list of names: `analysis=[delta_ppl,correction_skill]`."""

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
from lema.experiment.correction_skill import AskedToCorrect
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
    """What else is measured: any of three, each by its name.

    Args:
        delta_ppl: how much likelier the model, before and after training, finds corrections than mistakes (paper App.
            D.5).
        output_space: held-out questions, on whose gold targets it is measured, before and after training, how many next
            tokens the model hesitates between (PaD, arXiv 2305.13888); None: not measured.
        correction_skill: what trained models are asked to correct; None: nothing.
    """

    kind = "analysis"
    slot = "analysis"
    delta_ppl: bool = False
    output_space: Slice | None = since(default=None)
    correction_skill: AskedToCorrect | None = since(default=None)
    quantised: bool = False  # score with 4-bit weights, as QLoRA trains: delta_ppl and output_space
    seed: int = 0  # of the bootstrap
    device: Literal["auto", "cpu", "cuda"] = runtime(default="auto")
    batch_tokens: Count = runtime(default=8192)  # tokens that go through the model at once
    part: Count = runtime(default=500)  # corrections, or questions, between two saves

    def check(self) -> None:
        if not (self.delta_ppl or self.output_space or self.correction_skill):
            raise ConfigError(
                "analysis: with delta_ppl=false, output_space=null and correction_skill=null nothing is measured. "
                "Choose some by name, as analysis=[delta_ppl,correction_skill], or analysis=none"
            )

    @property
    def measures_material(self) -> frozenset[MaterialName]:
        return frozenset({"corrections"}) if self.delta_ppl else frozenset()

    def check_in(self, e: Experiment) -> None:
        """Raise ConfigError for questions that something cannot be measured on."""
        if self.correction_skill is not None:
            self.correction_skill.check_in(e)
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
        for run in (None, build.chosen(build.e.scored[0])):
            if self.delta_ppl:
                yield self.preference(build, run)
            if self.output_space is not None:
                yield self.space(build, run, self.output_space)
        if self.correction_skill is not None:
            yield from self.correction_skill.measured(build)

    def preference(self, build: Build, run: Stage | None) -> DeltaPerplexity:
        """DeltaPPL of one model."""
        return DeltaPerplexity(
            corrections=build.corrections[0],
            model=build.e.model,
            format=build.e.format,
            trained=run,
            quantised=self.quantised,
            seed=self.seed,
            device=self.device,
            batch_tokens=self.batch_tokens,
            part=self.part,
        )

    def space(self, build: Build, run: Stage | None, where: Slice) -> OutputSpace:
        """The output space of one model."""
        e = build.e
        return OutputSpace(
            task=e.task,
            questions=where,
            target=target(e),
            model=e.model,
            format=e.format,
            programs=gold_programs(e, where),
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
