"""An experiment as a value: everything that decides one trained model and its scores."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Annotated

from pydantic import Field

from lema.blend import Blend, Budget
from lema.datasets import Published
from lema.errors import ConfigError
from lema.evolution import Strategy
from lema.evolving import check_evolution
from lema.formats import Format
from lema.models import Model
from lema.protocols import Corrector, Engine, Sampling, Task, Trainer
from lema.slices import Slice
from lema.spec import Spec, runtime, spec
from lema.tracking import Tracking


@spec
class Generation(Spec):
    """How mistakes are collected: which questions, how many paths each, at which temperature."""

    kind = "generation"
    questions: Slice
    sampling: Sampling
    seed: int = 0
    correct_per_question: Annotated[int, Field(ge=1)] | None = None
    correct_at_most: Annotated[int, Field(ge=1)] | None = None
    part: Annotated[int, Field(ge=1)] = runtime(default=200)  # questions between two saves


@spec
class Scored(Spec):
    """A task that a model is scored on, and which of its questions: by default all that results are reported on."""

    kind = "scored"
    task: Task
    questions: Slice | None = None

    @property
    def where(self) -> Slice:
        return self.questions or Slice(split=self.task.test_split)


@spec
class Evaluation(Spec):
    """How a model is scored. `base` also scores the model before training.

    `questions` are those of the experiment's own task. `tasks` are all tasks to score on; none: that one.
    On the command line and in files they are names of the group `task`.
    """

    kind = "evaluation"
    questions: Slice
    tasks: tuple[Scored, ...] = ()
    engine: Engine
    sampling: Sampling
    base: bool = True
    seed: int = 0
    part: Annotated[int, Field(ge=1)] = runtime(default=200)  # questions between two saves


@spec
class Experiment(Spec):
    """One point of a sweep: everything that decides one trained model and its score.

    `seed` decides the mix's order, what a budget keeps, and training; sampling has its own, so that
    the points of a sweep over seeds share their sampled and corrected paths.
    """

    kind = "experiment"
    model: Model
    task: Task
    format: Format
    reasoner: Engine
    generation: Generation
    corrector: Corrector
    cot_questions: Slice
    data_mix: Blend
    data_budget: Budget
    trainer: Trainer
    evaluation: Evaluation
    evolution_strategy: Strategy | None = None
    teacher: Engine | None = runtime(default=None)  # only a place for `${teacher}`; a corrector holds it
    tracking: Tracking | None = runtime(default=None)
    seed: Annotated[int, Field(ge=0)] = 0

    @property
    def scored(self) -> tuple[Scored, ...]:
        """What the models are scored on, the experiment's own task if nothing else is said."""
        return self.evaluation.tasks or (Scored(task=self.task, questions=self.evaluation.questions),)

    def check(self) -> None:
        self.check_slices()
        if self.evolution_strategy is not None:
            check_evolution(self, self.evolution_strategy)
        if self.data_mix.cot and isinstance(self.task, Published) and not self.task.worked:
            raise ConfigError(f"data_mix.cot: {self.task.without_paths()}")
        self.trainer.check_model(self.model, from_checkpoint=False)
        most = self.most_examples()
        if self.data_budget.examples is not None and most is not None and self.data_budget.examples > most:
            raise ConfigError(
                f"data_budget.examples: {self.data_budget.examples:,} is more than the {most:,} that this mix can have "
                "(one a question of cot_questions, and one a sampled path of generation.questions)"
            )
        if self.evaluation.sampling.n != 1:
            raise ConfigError(
                f"evaluation.sampling.n: pass@1 takes one path a question, got {self.evaluation.sampling.n}"
            )

    def check_slices(self) -> None:
        """Every slice is of a split that its task has, and nothing is both learned from and scored on."""
        for name, learned in self.sources():
            known = self.task.splits
            if learned.split not in known:
                raise ConfigError(
                    f"{name}.split: {self.task.name} has no split {learned.split!r}, only {', '.join(known)}"
                )
        for scored in self.scored:
            where, task = scored.where, scored.task
            if where.split not in task.splits:
                raise ConfigError(
                    f"evaluation.questions.split: {task.name} has no split {where.split!r}, "
                    f"only {', '.join(task.splits)}"
                )
            for name, learned in self.sources():
                if self.learns_from(name) and task.name == self.task.name and learned.overlaps(where):
                    raise ConfigError(
                        f"{name} ({learned}) and evaluation.questions ({where}) overlap: "
                        "a model must not be scored on questions that it learned from. Choose other slices."
                    )

    def sources(self) -> tuple[tuple[str, Slice], ...]:
        """The slices of the experiment's task that training examples can come from, by field."""
        return ("cot_questions", self.cot_questions), ("generation.questions", self.generation.questions)

    def most_examples(self) -> int | None:
        """An upper bound on the mix, known before anything runs; None when a slice goes to its split's end."""
        paths = self.generation.correct_per_question or self.generation.sampling.n
        parts = (
            (self.data_mix.cot, self.cot_questions, 1),
            (self.data_mix.needs_corrections, self.generation.questions, paths),
        )
        most = 0
        for counts, where, each in parts:
            if counts and where.stop is None:
                return None
            most += each * ((where.stop or 0) - where.start) if counts else 0
        if self.evolution_strategy is not None and self.data_mix.needs_corrections:
            most += self.evolution_strategy.count * self.evolution_strategy.rounds * paths
        return most

    def learns_from(self, source: str) -> bool:
        """Whether training examples come from the questions of this slice."""
        return self.data_mix.cot if source == "cot_questions" else self.data_mix.needs_corrections

    def notes(self) -> Iterator[str]:
        """What a reader of the numbers must know about where the data came from."""
        for scored in self.scored:
            for name, learned in self.sources():
                same = scored.task.name == self.task.name and learned.split == scored.where.split
                if same and self.learns_from(name):
                    yield (
                        f"Training examples come from {learned}, of the same split as the questions scored "
                        f"({scored.where}); the two slices do not overlap."
                    )
