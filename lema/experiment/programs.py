"""The stages of program-aided distillation in an experiment: synthesis, refinement data, and votes (decision 020)."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

from lema.base.errors import ConfigError
from lema.data.datasets import parts_of, told_parts
from lema.pad.learned import Learned
from lema.pad.stepping import check_engine
from lema.stages.generate import Generate
from lema.stages.prefixes import Prefixes
from lema.stages.refine import Refine
from lema.stages.synthesise import Synthesise
from lema.stages.train import Train

if TYPE_CHECKING:
    from lema.base.protocols import Sampling
    from lema.base.question_slice import Slice
    from lema.experiment.experiment import Experiment
    from lema.experiment.sections import Scored
    from lema.lessons.data_mix import Blend
    from lema.pad.executing import Executing
    from lema.stages.mix import TestSet
    from lema.store.stage import Stage

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
    if (scorer := learned_scorer(e)) is not None:
        check_scorer(e, scorer)


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
    sampled = None
    if section.sampled is not None:
        sampled = student(e, programs.questions, section.sampled, section.seed, section.part, learn)
    return Refine(
        programs=programs,
        executing=e.executing.once(),
        format=e.format,
        injected=section.injected,
        per_program=section.per_program,
        sampled=sampled,
        seed=section.seed,
        part=section.part,
    )


def student(e: Experiment, questions: Slice, sampling: Sampling, seed: int, part: int, learn: Learn) -> Generate:
    """Programs of the model that has learned from programs alone; what it fails at, and what it gets wrong."""
    assert e.executing is not None
    return Generate(
        task=e.task,
        questions=questions,
        engine=e.evaluation.engine,
        format=e.format,
        sampling=sampling,
        seed=seed,
        trained=learn(dataclasses.replace(e.data_mix, name="programs", refinements=0.0)),
        executing=e.executing.once(),
        part=part,
    )


def learned_scorer(e: Experiment) -> Learned | None:
    """The scorer of steps that this experiment trains; None where its beam has another or heeds none."""
    how = executed(e, trained=True)
    beam = how.beam if how is not None else None
    scorer = beam.scorer if beam is not None and beam.weight else None
    return scorer if isinstance(scorer, Learned) else None


def check_scorer(e: Experiment, scorer: Learned) -> None:
    """Raise ConfigError for a scorer that cannot be trained, or would be on questions that are scored."""
    scorer.trainer_or(e.trainer).check_model(scorer.model, from_checkpoint=scorer.start == "student")
    if scorer.start == "student" and scorer.model != e.model:
        raise ConfigError(
            f"executing.beam.scorer.start: student is {e.model.name}, and the scorer's model {scorer.model.name}. Take "
            "start=base, or the same model."
        )
    if scorer.questions is None:
        return
    name = "executing.beam.scorer.questions"
    e.check_split(name, scorer.questions)
    for scored in e.scored:
        if scored.task.name == e.task.name and scored.where.overlaps(scorer.questions, parts_of(e.task)):
            raise ConfigError(
                f"{name} ({scorer.questions}) and evaluation.questions ({scored.where}) overlap: a scorer must not "
                f"learn from questions that it helps to answer. Choose other slices.{told_parts(e.task)}"
            )


def train_scorer(e: Experiment, programs: Synthesise | None, tests: Sequence[TestSet], learn: Learn) -> Train | None:
    """The training of the beam's scorer, on programs of the student that refinements come from too."""
    scorer = learned_scorer(e)
    if scorer is None or programs is None or e.executing is None or e.executing.beam is None:
        return None
    where = scorer.questions or programs.questions
    sampled = student(e, where, scorer.sampling, scorer.seed, scorer.part, learn)
    prefixes = Prefixes(
        sampled=sampled,
        form=e.executing.form,
        format=e.format,
        right=scorer.right,
        wrong=scorer.wrong,
        comments=e.executing.beam.comments,
        balanced=scorer.balanced,
        at_most=scorer.at_most,
        seed=scorer.seed,
        decontamination=e.decontamination,
        tests=tuple(tests) if e.decontamination is not None else (),
    )
    trainer = scorer.trainer_or(e.trainer)
    base = sampled.trained if scorer.start == "student" else None
    return Train(examples=prefixes, model=scorer.model, trainer=trainer, format=e.format, seed=e.seed, base=base)


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
