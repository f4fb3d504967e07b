"""Evolution: new questions, mistakes on them, and corrections of these (paper §2.2, App. C.5)."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Annotated, Literal

from pydantic import Field

from lema.base.errors import ConfigError
from lema.base.protocols import Evolver, Task
from lema.base.question_slice import Slice
from lema.base.spec import spec
from lema.evolution.voting import Voting
from lema.experiment.build import Build
from lema.experiment.experiment import Experiment
from lema.experiment.parts import Part
from lema.likeness import Decontamination, NearDuplicates
from lema.stages.correct import Correct
from lema.stages.evolve import Evolve
from lema.store.stage import Stage


@spec
class Strategy(Part):
    """Where new questions come from (paper §2.2, App. C.5).

    `seeds_from` is what seeds are drawn from, always with replacement: `corrections` draws rows of the correction
    data, so that a question is drawn in proportion to how many accepted corrections it has
    (correction-centric evolution); `task` draws from all questions that mistakes are collected on (general evolution).

    Each round samples and corrects mistakes on the new questions; from the second on they are those of
    the model that was fine-tuned with the data of the rounds before.

    `voting` labels the new questions; None takes the answers that the evolver gives. `near_duplicates` and
    `decontamination` say which new questions repeat another, or one that is scored; generated problems are
    compared exactly, whatever these say.
    """

    kind = "evolution_strategy"
    slot = "evolution_strategy"
    adds = "corrections"
    name: str
    seeds_from: Literal["corrections", "task"]
    evolver: Evolver
    count: Annotated[int, Field(ge=1)] = 10_000
    rounds: Annotated[int, Field(ge=1)] = 1
    voting: Voting | None = None
    near_duplicates: NearDuplicates = NearDuplicates()
    decontamination: Decontamination = Decontamination()
    seed: int = 0

    def check(self) -> None:
        if self.voting is None and not self.evolver.labels:
            raise ConfigError(
                f"evolution_strategy.voting: {self.evolver.name} writes questions without answers. "
                "Say who answers them: evolution_strategy=teacher_general or teacher_correction_centric do."
            )

    def check_in(self, e: Experiment) -> None:
        """Raise ConfigError for an experiment that cannot follow this strategy."""
        self.evolver.check_task(e.task)
        if "corrections" not in e.data_mix.needs:
            raise ConfigError(
                f"evolution_strategy: {self.name} makes correction data, and data_mix={e.data_mix.name} takes none. "
                "Choose a mix with corrections, or evolution_strategy=none."
            )

    def most(self, e: Experiment) -> int | None:
        return self.count * self.rounds * e.generation.paths_of_one

    def material(self, build: Build) -> tuple[Stage, ...]:
        """The corrections on new questions, a stage a round.

        All rounds have the same new questions. The first has the mistakes of the experiment's reasoner, each later one
        those of the model that was fine-tuned with the data of the rounds before.
        """
        e = build.e
        questions = self.evolve(build)
        rounds: list[Correct] = []
        for _ in range(self.rounds):
            before = (*build.corrections, *rounds)
            trained = build.train(e.data_mix, made={"corrections": before}) if rounds else None
            # A reasoner may be an engine that cannot take trained weights; the one that scores them can.
            engine = e.reasoner if trained is None else e.evaluation.engine
            rounds.append(build.correct(build.paths(engine, questions, trained)))
        return tuple(rounds)

    def held_out(self, build: Build) -> Iterator[tuple[Task, Slice]]:
        """What no new question may repeat."""
        e = build.e
        yield from ((scored.task, Slice(split=scored.where.split)) for scored in e.scored)
        if e.checkpoint.questions is not None and not getattr(e.task, "apart", False):
            yield e.task, e.checkpoint.questions

    def evolve(self, build: Build) -> Evolve:
        """The stage of the new questions.

        They are compared with the whole splits that models are scored on, so that scoring fewer of their questions
        changes nothing here, and with what checkpoints are chosen on.
        """
        e = build.e
        return Evolve(
            task=e.task,
            format=e.format,
            seeds_from=build.corrections if self.seeds_from == "corrections" else e.generation.questions,
            count=self.count,
            evolver=self.evolver,
            voting=self.voting,
            tests=tuple(self.held_out(build)),
            near_duplicates=self.near_duplicates,
            decontamination=self.decontamination,
            seed=self.seed,
        )
