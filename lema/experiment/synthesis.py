"""Synthesis: programs by a teacher (PaD, arXiv 2305.13888, §3.1), students of them, and scorers of their lines."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Annotated

from pydantic import Field

from lema.answering.program import RunProgram, running_programs
from lema.base.errors import ConfigError
from lema.base.protocols import Sampling
from lema.base.question_slice import Slice
from lema.base.spec import runtime, spec
from lema.data.datasets import parts_of, told_parts
from lema.experiment.build import Build
from lema.experiment.experiment import Experiment
from lema.experiment.parts import Part, Source
from lema.pad.learned import Learned
from lema.pad.teachers import Writer
from lema.stages.generate import Generate
from lema.stages.prefixes import Prefixes
from lema.stages.synthesise import Synthesise
from lema.stages.train import Train
from lema.store.stage import Stage

Count = Annotated[int, Field(ge=1)]


@spec
class Synthesis(Part):
    """Programs of training questions by a teacher, kept iff they run and give the right answer (paper §3.1)."""

    kind = "synthesis"
    slot = "synthesis"
    adds = "programs"
    questions: Slice
    teacher: Writer
    per_question: Count | None = None
    part: Count = runtime(default=200)  # questions between two saves

    def check_in(self, e: Experiment) -> None:
        """Raise ConfigError for a mix of programs that this experiment cannot make, or answer with."""
        if "programs" not in e.data_mix.needs:
            return
        how = running(e)
        if e.data_mix.writes == "program":
            how.check_engine(e.evaluation.engine)
            if (scorer := learned_scorer(e)) is not None:
                check_scorer(e, scorer)

    def sources(self) -> Iterator[Source]:
        yield Source("synthesis.questions", self.questions, "programs")

    def most(self, e: Experiment) -> int | None:  # noqa: ARG002
        return self.questions.times(min(self.per_question or self.teacher.per_question, self.teacher.per_question))

    def material(self, build: Build) -> tuple[Stage, ...]:
        return (self.programs(build.e, self.questions, self.per_question),)

    def programs(self, e: Experiment, questions: Slice, per_question: int | None) -> Synthesise:
        """The programs of some questions by this teacher."""
        return Synthesise(
            task=e.task,
            questions=questions,
            teacher=self.teacher,
            executing=running(e).executing,
            per_question=per_question,
            part=self.part,
        )

    def scorer(self, build: Build) -> Stage | None:
        """The training of the beam's scorer, on programs of the student that refinements come from too."""
        e, scorer = build.e, learned_scorer(build.e)
        if scorer is None:
            return None
        how, where = running(e), scorer.questions or self.questions
        assert how.beam is not None
        sampled = student(build, where, scorer.sampling, scorer.seed, scorer.part)
        prefixes = Prefixes(
            sampled=sampled,
            form=how.form,
            format=e.format,
            right=scorer.right,
            wrong=scorer.wrong,
            comments=how.beam.comments,
            balanced=scorer.balanced,
            at_most=scorer.at_most,
            seed=scorer.seed,
            decontamination=e.decontamination,
            tests=build.tests(() if scorer.questions is None else (scorer.questions.split,)),
        )
        trainer = scorer.trainer_or(e.trainer)
        base = sampled.trained if scorer.start == "student" else None
        return Train(examples=prefixes, model=scorer.model, trainer=trainer, format=e.format, seed=e.seed, base=base)


def running(e: Experiment) -> RunProgram:
    """How the experiment runs programs.

    Raises:
        ConfigError: nothing says it.
    """
    found = running_programs(e.answering)
    if found is None:
        raise ConfigError(
            f"answering: data_mix={e.data_mix.name} takes programs, and nothing says how they are run. Take "
            "answering=function or answering=body."
        )
    return found


def student(build: Build, questions: Slice, sampling: Sampling, seed: int, part: int) -> Generate:
    """Programs of the model that has learned from programs alone; what it fails at, and what it gets wrong."""
    e = build.e
    return Generate(
        task=e.task,
        questions=questions,
        engine=e.evaluation.engine,
        format=e.format,
        sampling=sampling,
        seed=seed,
        trained=build.train(e.data_mix.alone("programs", "programs")),
        answering=running(e).once(),
        part=part,
    )


def learned_scorer(e: Experiment) -> Learned | None:
    """The scorer of steps that this experiment trains; None where its beam has another or heeds none."""
    how = running_programs(e.answering) if e.data_mix.writes == "program" else None
    beam = how.beam if how is not None else None
    scorer = beam.scorer if beam is not None and beam.weight else None
    return scorer if isinstance(scorer, Learned) else None


def check_scorer(e: Experiment, scorer: Learned) -> None:
    """Raise ConfigError for a scorer that cannot be trained, or would be on questions that are scored."""
    scorer.trainer_or(e.trainer).check_model(scorer.model, from_checkpoint=scorer.start == "student")
    if scorer.start == "student" and scorer.model != e.model:
        raise ConfigError(
            f"answering.beam.scorer.start: student is {e.model.name}, and the scorer's model {scorer.model.name}. Take "
            "start=base, or the same model."
        )
    if scorer.questions is None:
        return
    name = "answering.beam.scorer.questions"
    e.check_split(name, scorer.questions)
    for scored in e.scored:
        if scored.task.name == e.task.name and scored.where.overlaps(scorer.questions, parts_of(e.task)):
            raise ConfigError(
                f"{name} ({scorer.questions}) and evaluation.questions ({scored.where}) overlap: a scorer must not "
                f"learn from questions that it helps to answer. Choose other slices.{told_parts(e.task)}"
            )
