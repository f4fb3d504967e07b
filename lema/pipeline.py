"""From an experiment to its stages: what follows what. A stage's inputs are its fields."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator
from typing import Annotated

from pydantic import Field

from lema.blend import Blend, Budget
from lema.errors import ConfigError
from lema.formats import Format
from lema.models import Model
from lema.protocols import Corrector, Engine, Sampling, Task, Trainer
from lema.slices import Slice
from lema.spec import Spec, runtime, spec
from lema.stage import Stage
from lema.stages.correct import Correct
from lema.stages.evaluate import Evaluate
from lema.stages.generate import Generate
from lema.stages.mix import Mix
from lema.stages.train import Train
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
class Evaluation(Spec):
    """How a model is scored. `base` also scores the model before training."""

    kind = "evaluation"
    questions: Slice
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
    evolution_strategy: Spec | None = None
    teacher: Engine | None = runtime(default=None)  # only a place for `${teacher}`; a corrector holds it
    tracking: Tracking | None = runtime(default=None)
    seed: Annotated[int, Field(ge=0)] = 0

    def check(self) -> None:
        for name, learned in (
            ("cot_questions", self.cot_questions),
            ("generation.questions", self.generation.questions),
        ):
            known = self.task.splits
            if learned.split not in known:
                raise ConfigError(
                    f"{name}.split: {self.task.name} has no split {learned.split!r}, only {', '.join(known)}"
                )
            if self.learns_from(name) and learned.overlaps(self.evaluation.questions):
                raise ConfigError(
                    f"{name} ({learned}) and evaluation.questions ({self.evaluation.questions}) overlap: "
                    "a model must not be scored on questions that it learned from. Choose other slices."
                )
        if self.evaluation.questions.split not in self.task.splits:
            raise ConfigError(
                f"evaluation.questions.split: {self.task.name} has no split {self.evaluation.questions.split!r}, "
                f"only {', '.join(self.task.splits)}"
            )
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
        return most

    def learns_from(self, source: str) -> bool:
        """Whether training examples come from the questions of this slice."""
        return self.data_mix.cot if source == "cot_questions" else self.data_mix.needs_corrections

    def notes(self) -> list[str]:
        """What a reader of the numbers must know about where the data came from."""
        scored = self.evaluation.questions
        sources = {"cot_questions": self.cot_questions, "generation.questions": self.generation.questions}
        return [
            f"Training examples come from {learned}, of the same split as the questions scored ({scored}); "
            "the two slices do not overlap."
            for name, learned in sources.items()
            if self.learns_from(name) and learned.split == scored.split
        ]


@dataclasses.dataclass(frozen=True)
class Pipeline:
    """The stages of one experiment, by role."""

    generate: Generate | None
    correct: Correct | None
    mix: Mix
    train: Train
    evaluate: Evaluate
    base: Evaluate | None

    def targets(self) -> Iterator[Stage]:
        """Stages that nothing follows."""
        if self.base is not None:
            yield self.base
        yield self.evaluate


def pipeline(e: Experiment) -> Pipeline:
    """The stages of an experiment."""
    generate = correct = None
    if e.data_mix.needs_corrections:
        generate = Generate(
            task=e.task,
            questions=e.generation.questions,
            engine=e.reasoner,
            format=e.format,
            sampling=e.generation.sampling,
            seed=e.generation.seed,
            part=e.generation.part,
        )
        correct = Correct(
            paths=generate,
            task=e.task,
            corrector=e.corrector,
            per_question=e.generation.correct_per_question,
            limit=e.generation.correct_at_most,
        )
    mix = Mix(
        task=e.task,
        cot_questions=e.cot_questions,
        corrections=correct,
        blend=e.data_mix,
        budget=e.data_budget,
        format=e.format,
        tokenizer=e.model if e.data_budget.target_tokens is not None else None,
        seed=e.seed,
    )
    train = Train(examples=mix, model=e.model, trainer=e.trainer, format=e.format, seed=e.seed)
    return Pipeline(generate, correct, mix, train, evaluate(e, train), evaluate(e, None) if e.evaluation.base else None)


def evaluate(e: Experiment, trained: Train | None) -> Evaluate:
    return Evaluate(
        task=e.task,
        questions=e.evaluation.questions,
        engine=e.evaluation.engine,
        format=e.format,
        sampling=e.evaluation.sampling,
        trained=trained,
        seed=e.evaluation.seed,
        part=e.evaluation.part,
    )
