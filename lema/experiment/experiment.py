"""An experiment as a value: everything that decides one trained model and its scores."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Annotated

from pydantic import Field

from lema.base.errors import ConfigError
from lema.base.protocols import Corrector, Engine, Task, Trainer
from lema.base.question_slice import Slice
from lema.base.spec import Spec, runtime, spec
from lema.data.datasets import Published, parts_of, told_parts
from lema.data.formats import Format
from lema.evolution.strategy import Strategy
from lema.experiment.analyses import check_output_space
from lema.experiment.discrimination import check_discrimination
from lema.experiment.evolution import check_evolution
from lema.experiment.programs import check_programs
from lema.experiment.sections import Analysis, Augmentation, Checkpoint, Discrimination, Evaluation, Generation, Scored
from lema.lessons.data_mix import Blend, Budget
from lema.likeness import Decontamination
from lema.lm.model import Model
from lema.pad.executing import Executing
from lema.pad.sections import Refinement, Synthesis
from lema.tracking.runs import Tracking


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
    cot_questions: Slice | None  # None: no reference paths
    data_mix: Blend
    data_budget: Budget
    trainer: Trainer
    evaluation: Evaluation
    evolution_strategy: Strategy | None = None
    augmentation: Augmentation | None = None
    decontamination: Decontamination | None = None
    checkpoint: Checkpoint = Checkpoint()
    analysis: Analysis | None = None
    discrimination: Discrimination | None = None
    executing: Executing | None = None
    synthesis: Synthesis | None = None
    refinement: Refinement | None = None
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
        if self.discrimination is not None:
            check_discrimination(self, self.discrimination)
        if self.data_mix.needs_programs:
            check_programs(self)
        if self.analysis is not None and self.analysis.output_space is not None:
            check_output_space(self, self.analysis.output_space)
        reasoners = [self.reasoner.name, *(engine.name for engine in self.generation.also)]
        if len(set(reasoners)) < len(reasoners):
            raise ConfigError(
                "generation.also: reasoners beside `reasoner` must be others, each given once, not "
                f"{', '.join(reasoners)}"
            )
        self.check_cot()
        self.check_checkpoint()
        self.trainer.check_model(self.model, from_checkpoint=False)
        most = self.most_examples()
        wanted = self.data_budget.examples
        if wanted == "cot" and not self.data_mix.cot:
            raise ConfigError(
                f"data_budget.examples: cot is as many examples as the mix has CoT examples, and data_mix="
                f"{self.data_mix.name} has none. Take a mix with CoT, or a number (data_budget=examples)."
            )
        if isinstance(wanted, int) and most is not None and wanted > most:
            raise ConfigError(
                f"data_budget.examples: {wanted:,} is more than the {most:,} that this mix can have "
                "(one a question of cot_questions, and one a sampled path of generation.questions)"
                + (" with the programs of synthesis.questions and their repairs" if self.data_mix.programs else "")
            )
        if self.evaluation.sampling.n != 1:
            raise ConfigError(
                f"evaluation.sampling.n: pass@1 takes one path a question, got {self.evaluation.sampling.n}"
            )

    def check_cot(self) -> None:
        """A mix with CoT has somewhere to take it from."""
        if not self.data_mix.cot:
            return
        if self.cot_questions is not None and isinstance(self.task, Published) and not self.task.worked:
            raise ConfigError(f"cot_questions: {self.task.without_paths()}")
        if self.cot_questions is None and self.augmentation is None:
            raise ConfigError(
                f"cot_questions: data_mix={self.data_mix.name} takes CoT, and there is none without cot_questions or "
                "augmentation. Give one of them (augmentation=teacher), or take data_mix=corrections."
            )

    def check_checkpoint(self) -> None:
        """A choice among checkpoints has checkpoints to choose from, and questions that nothing else uses."""
        choice = self.checkpoint
        if choice.by == "last":
            return
        if getattr(self.trainer, "keep_every", None) is None:
            raise ConfigError(
                f"trainer.keep_every: checkpoint={choice.by} chooses among checkpoints, and this trainer keeps none "
                "but the last. Say how many steps are between two that are kept (trainer.keep_every=100), or take "
                "checkpoint=last."
            )
        if self.evaluation.sampling.temperature != 0:
            raise ConfigError(
                f"evaluation.sampling.temperature: checkpoint={choice.by} chooses by greedy paths (0), got "
                f"{self.evaluation.sampling.temperature:g}. Take checkpoint=last to score sampled ones."
            )
        if choice.questions is None:
            return
        self.check_split("checkpoint.questions", choice.questions)
        used = [(name, where) for name, where in self.sources() if self.learns_from(name)]
        used += [("evaluation.questions", scored.where) for scored in self.scored if scored.task.name == self.task.name]
        for name, where in used:
            if where.overlaps(choice.questions, parts_of(self.task)):
                raise ConfigError(
                    f"checkpoint.questions ({choice.questions}) and {name} ({where}) overlap: a checkpoint must not be "
                    "chosen on questions that it learned from or is scored on. Choose other slices."
                    f"{told_parts(self.task)}"
                )

    def check_split(self, name: str, where: Slice) -> None:
        """The slice is of a split that the task has."""
        if where.split not in self.task.splits:
            raise ConfigError(
                f"{name}.split: {self.task.name} has no split {where.split!r}, only {', '.join(self.task.splits)}"
                + (". Name a part of one that nothing else uses, or take checkpoint=last." if "check" in name else "")
            )

    def check_slices(self) -> None:
        """Every slice is of a split that its task has, and nothing is both learned from and scored on."""
        for name, learned in self.sources():
            self.check_split(name, learned)
        for scored in self.scored:
            where, task = scored.where, scored.task
            if where.split not in task.splits:
                raise ConfigError(
                    f"evaluation.questions.split: {task.name} has no split {where.split!r}, "
                    f"only {', '.join(task.splits)}"
                )
            for name, learned in self.sources():
                same = self.learns_from(name) and task.name == self.task.name
                if same and learned.overlaps(where, parts_of(task)):
                    raise ConfigError(
                        f"{name} ({learned}) and evaluation.questions ({where}) overlap: "
                        "a model must not be scored on questions that it learned from. Choose other slices."
                        f"{told_parts(task)}"
                    )

    def sources(self) -> tuple[tuple[str, Slice], ...]:
        """The slices of the experiment's task that training examples can come from, by field."""
        augmented = None if self.augmentation is None else self.augmentation.questions
        named = (
            ("cot_questions", self.cot_questions),
            ("augmentation.questions", augmented),
            ("generation.questions", self.generation.questions),
            ("synthesis.questions", None if self.synthesis is None else self.synthesis.questions),
        )
        return tuple((name, where) for name, where in named if where is not None)

    def most_examples(self) -> int | None:
        """An upper bound on the mix, known before anything runs; None when a slice goes to its split's end."""
        paths = self.generation.correct_per_question or self.generation.sampling.n
        paths *= 1 + len(self.generation.also)
        each = {
            "cot_questions": 1,
            "augmentation.questions": self.augmentation.most if self.augmentation is not None else 0,
            "generation.questions": paths,
            "synthesis.questions": self.synthesis.most if self.synthesis is not None and self.data_mix.programs else 0,
        }
        most = 0
        for name, where in self.sources():
            if self.learns_from(name):
                if where.stop is None:
                    return None
                made = each[name] * (where.stop - where.start)
                most += made + round(self.data_mix.refinements * made if name == "synthesis.questions" else 0)
        if self.evolution_strategy is not None and self.data_mix.needs_corrections:
            most += self.evolution_strategy.count * self.evolution_strategy.rounds * paths
        return most

    def learns_from(self, source: str) -> bool:
        """Whether training examples come from the questions of this slice."""
        if source == "synthesis.questions":
            return self.data_mix.needs_programs
        return self.data_mix.needs_corrections if source == "generation.questions" else self.data_mix.cot

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
