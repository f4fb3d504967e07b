"""The stages of program-aided distillation in an experiment: synthesis, refinement data, and votes (decision 020)."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from typing import TYPE_CHECKING

from lema.errors import ConfigError
from lema.pad.stepping import check_engine
from lema.stages.generate import Generate
from lema.stages.refine import Refine
from lema.stages.synthesise import Synthesise

if TYPE_CHECKING:
    from lema.blend import Blend
    from lema.experiment import Experiment
    from lema.pad.executing import Executing
    from lema.sections import Scored
    from lema.stage import Stage
    from lema.stages.train import Train

#: The model that is fine-tuned on another mix of the same experiment.
Learn = Callable[["Blend"], "Train"]


def check_programs(e: Experiment) -> None:
    """Raise ConfigError for a mix of programs that this experiment cannot make."""
    if e.executing is None:
        raise ConfigError(
            f"executing: data_mix={e.data_mix.name} takes programs, and nothing says how they are run. Take "
            "executing=function or executing=body."
        )
    if e.synthesis is None:
        raise ConfigError(
            f"synthesis: data_mix={e.data_mix.name} takes programs, and nobody writes any. Take synthesis=traces "
            "(generated problems) or synthesis=teacher."
        )
    if e.executing.beam is not None:
        check_engine(e.evaluation.engine)
    if e.data_mix.refinements and e.refinement is None:
        raise ConfigError(
            f"refinement: data_mix={e.data_mix.name} takes repairs of programs, and nothing breaks any. Take "
            "refinement=injected or refinement=injected_and_sampled."
        )


def executed(e: Experiment, *, trained: bool) -> Executing | None:
    """How the answers of a model are run; None for one that answers with paths, as every model does before training."""
    return e.executing if trained and e.data_mix.programs else None


def synthesise(e: Experiment) -> Synthesise | None:
    """The programs that the mix takes, itself or their questions alone."""
    if not e.data_mix.needs_programs or e.synthesis is None or e.executing is None:
        return None
    return Synthesise(
        task=e.task,
        questions=e.synthesis.questions,
        teacher=e.synthesis.teacher,
        executing=e.executing.once(),
        per_question=e.synthesis.per_question,
        part=e.synthesis.part,
    )


def refine(e: Experiment, programs: Synthesise | None, learn: Learn) -> Refine | None:
    """The repairs that the mix takes. A student that is sampled for failures has learned from the programs alone."""
    section = e.refinement
    if not e.data_mix.refinements or programs is None or section is None or e.executing is None:
        return None
    student = None
    if section.sampled is not None:
        student = Generate(
            task=e.task,
            questions=e.synthesis.questions if e.synthesis is not None else programs.questions,
            engine=e.evaluation.engine,
            format=e.format,
            sampling=section.sampled,
            seed=section.seed,
            trained=learn(dataclasses.replace(e.data_mix, name="programs", refinements=0.0)),
            executing=e.executing.once(),
            part=section.part,
        )
    return Refine(
        programs=programs,
        executing=e.executing.once(),
        format=e.format,
        injected=section.injected,
        per_program=section.per_program,
        sampled=student,
        seed=section.seed,
        part=section.part,
    )


def votes(e: Experiment, scored: Scored, trained: Stage | None) -> Generate | None:
    """Several sampled answers to each question that is scored, for the majority's; None where nothing asks for them."""
    if e.evaluation.votes is None:
        return None
    how = executed(e, trained=trained is not None)
    return Generate(
        task=scored.task,
        questions=scored.where,
        engine=e.evaluation.engine,
        format=e.format,
        sampling=e.evaluation.votes,
        seed=e.evaluation.seed,
        trained=trained,
        # A beam finds one program; votes are drawn.
        executing=None if how is None else dataclasses.replace(how, beam=None),
        part=e.evaluation.part,
    )
