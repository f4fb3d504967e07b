"""The rounds of evolution: new questions, mistakes on them, corrections of these (paper §2.2, App. C.5)."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

from lema.base.errors import ConfigError
from lema.base.question_slice import Slice
from lema.evolution.strategy import Strategy
from lema.stages.correct import Correct
from lema.stages.evolve import Evolve
from lema.stages.generate import Generate

if TYPE_CHECKING:
    from lema.experiment.experiment import Experiment
    from lema.stages.train import Train

#: The model that is fine-tuned with these corrections beside those of the task's own questions.
Learn = Callable[[Sequence[Correct]], "Train"]


def check_evolution(e: Experiment, strategy: Strategy) -> None:
    """Raise ConfigError for a strategy that this experiment cannot follow."""
    strategy.evolver.check_task(e.task)
    if not e.data_mix.needs_corrections:
        raise ConfigError(
            f"evolution_strategy: {strategy.name} makes correction data, and data_mix={e.data_mix.name} takes none. "
            "Choose a mix with corrections, or evolution_strategy=none."
        )


def evolved_corrections(e: Experiment, strategy: Strategy, base: Sequence[Correct], learn: Learn) -> list[Correct]:
    """The corrections on new questions, a stage a round.

    All rounds have the same new questions. The first has the mistakes of the experiment's reasoner,
    each later one those of the model that was fine-tuned with the data of the rounds before.
    """
    questions = evolve(e, strategy, base)
    rounds: list[Correct] = []
    for _ in range(strategy.rounds):
        trained = learn(rounds) if rounds else None
        paths = Generate(
            task=e.task,
            questions=questions,
            # A reasoner may be an engine that cannot take trained weights; the one that scores them can.
            engine=e.reasoner if trained is None else e.evaluation.engine,
            format=e.format,
            sampling=e.generation.sampling,
            seed=e.generation.seed,
            trained=trained,
            part=e.generation.part,
        )
        rounds.append(
            Correct(
                paths=paths,
                task=e.task,
                corrector=e.corrector,
                per_question=e.generation.correct_per_question,
                limit=e.generation.correct_at_most,
            )
        )
    return rounds


def evolve(e: Experiment, strategy: Strategy, base: Sequence[Correct]) -> Evolve:
    """The stage of the new questions.

    They are compared with the whole split that models are scored on, so that scoring fewer of its
    questions changes nothing here.
    """
    return Evolve(
        task=e.task,
        format=e.format,
        seeds_from=tuple(base) if strategy.seeds_from == "corrections" else e.generation.questions,
        count=strategy.count,
        evolver=strategy.evolver,
        voting=strategy.voting,
        tests=tuple((scored.task, Slice(split=scored.where.split)) for scored in e.scored),
        near_duplicates=strategy.near_duplicates,
        decontamination=strategy.decontamination,
        seed=strategy.seed,
    )
