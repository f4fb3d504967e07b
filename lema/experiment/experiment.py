"""An experiment as a value: everything that decides one trained model and its scores."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator
from typing import Annotated

from pydantic import Field

from lema.answering.answering import Answering
from lema.answering.path import PATH
from lema.base.errors import ConfigError
from lema.base.protocols import Corrector, Engine, Task, Trainer
from lema.base.question_slice import Slice
from lema.base.spec import Spec, runtime, spec
from lema.data.datasets import Published, parts_of, told_parts
from lema.data.formats import Format
from lema.experiment.parts import Part, Source
from lema.experiment.sections import Checkpoint, Evaluation, Generation, Scored
from lema.lessons.data_budget import Budget
from lema.lessons.data_mix import DataMix
from lema.lessons.lesson import MAKERS
from lema.likeness import Decontamination
from lema.lm.model import Model
from lema.tracking.runs import Tracking


@spec
class Experiment(Spec):
    """One point of a sweep: everything that decides one trained model and its score.

    `seed` decides the mix's order, what a budget keeps, and training; sampling has its own, so that
    the points of a sweep over seeds share their sampled and corrected paths. The optional parts are
    `lema.experiment.parts.Part`s, each in a file of its own.
    """

    kind = "experiment"
    model: Model
    task: Task
    format: Format
    reasoner: Engine
    generation: Generation
    corrector: Corrector
    cot_questions: Slice | None  # None: no reference paths
    data_mix: DataMix
    data_budget: Budget
    trainer: Trainer
    evaluation: Evaluation
    answering: Answering = PATH
    evolution_strategy: Part | None = None
    augmentation: Part | None = None
    decontamination: Decontamination | None = None
    checkpoint: Checkpoint = Checkpoint()
    analysis: Part | None = None
    discrimination: Part | None = None
    synthesis: Part | None = None
    refinement: Part | None = None
    teacher: Engine | None = runtime(default=None)  # only a place for `${teacher}`; a corrector holds it
    tracking: Tracking | None = runtime(default=None)
    seed: Annotated[int, Field(ge=0)] = 0

    @property
    def scored(self) -> tuple[Scored, ...]:
        """What the models are scored on, the experiment's own task if nothing else is said."""
        return self.evaluation.tasks or (Scored(task=self.task, questions=self.evaluation.questions),)

    @property
    def parts(self) -> tuple[Part, ...]:
        """The optional parts that it has, in the order of the fields."""
        held = (getattr(self, field.name) for field in dataclasses.fields(self))
        return tuple(value for value in held if isinstance(value, Part))

    def answering_of(self, *, trained: bool) -> Answering:
        """How the trained model, or the model as it was, answers: what it was not taught it does not write."""
        return self.answering.learned(self.data_mix.writes if trained else "path")

    def asked(self, *, trained: bool) -> Format:
        """How paths are asked for: of a model that learned the experiment's format, or of one that did not."""
        return self.format if trained else self.generation.format or self.format

    def check(self) -> None:
        self.check_slices()
        for field in dataclasses.fields(self):
            part = getattr(self, field.name)
            if isinstance(part, Part):
                if part.slot != field.name:
                    raise ConfigError(f"{field.name}: {type(part).__name__} belongs at {part.slot}")
                part.check_in(self)
        self.check_material()
        self.check_reasoners()
        self.check_checkpoint()
        self.trainer.check_model(self.model, from_checkpoint=False)
        self.check_budget()
        if self.evaluation.sampling.n != 1:
            raise ConfigError(
                f"evaluation.sampling.n: pass@1 takes one answer a question, got {self.evaluation.sampling.n}"
            )

    def check_material(self) -> None:
        """The mix has somewhere to take each of its materials from, and what it teaches can be answered with."""
        mix = self.data_mix
        self.answering_of(trained=True)
        for material, (slot, choices) in MAKERS.items():
            if material in mix.needs and getattr(self, slot) is None:
                raise ConfigError(
                    f"{slot}: data_mix={mix.name} takes {material}, and nothing makes any. Take {choices}."
                )
        if "right_paths" not in mix.needs:
            return
        if self.cot_questions is not None and isinstance(self.task, Published) and not self.task.worked:
            raise ConfigError(f"cot_questions: {self.task.without_paths()}")
        if self.cot_questions is None and self.augmentation is None:
            raise ConfigError(
                f"cot_questions: data_mix={mix.name} takes CoT, and there is none without cot_questions or "
                "augmentation. Give one of them (augmentation=teacher), or take data_mix=corrections."
            )

    def check_reasoners(self) -> None:
        for name, form in (("format", self.format), ("generation.format", self.generation.format)):
            try:
                (form or self.format).check_task(self.task.name)
            except ConfigError as fault:
                raise ConfigError(f"{name}.{fault}") from None
        reasoners = [self.reasoner.name, *(engine.name for engine in self.generation.also)]
        if len(set(reasoners)) < len(reasoners):
            raise ConfigError(
                "generation.also: reasoners beside `reasoner` must be others, each given once, not "
                f"{', '.join(reasoners)}"
            )
        if self.generation.keep_corrections == "trace" and isinstance(self.task, Published):
            raise ConfigError(
                f"generation.keep_corrections: {self.task.name} has no traces to read corrections against, generated "
                "problems do (task=gsm_synth). Take generation.keep_corrections=answer."
            )

    def check_budget(self) -> None:
        """The budget is not larger than the mix can be."""
        wanted, most = self.data_budget.examples, self.most_examples()
        if wanted == "cot" and not self.data_mix.has_cot:
            raise ConfigError(
                f"data_budget.examples: cot is as many examples as the mix has CoT examples, and data_mix="
                f"{self.data_mix.name} has none. Take a mix with CoT, or a number (data_budget=examples)."
            )
        if isinstance(wanted, int) and most is not None and wanted > most:
            raise ConfigError(
                f"data_budget.examples: {wanted:,} is more than the {most:,} that this mix can have "
                "(one a question of cot_questions, and one a sampled path of generation.questions)"
                + (" with the programs of synthesis.questions and their repairs" if self.synthesis is not None else "")
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
        used = [(source.field, source.where) for source in self.sources() if self.learns_from(source)]
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
        for source in self.sources():
            self.check_split(source.field, source.where)
        for scored in self.scored:
            where, task = scored.where, scored.task
            if where.split not in task.splits:
                raise ConfigError(
                    f"evaluation.questions.split: {task.name} has no split {where.split!r}, "
                    f"only {', '.join(task.splits)}"
                )
            for source in self.sources():
                same = self.learns_from(source) and task.name == self.task.name
                if same and source.where.overlaps(where, parts_of(task)):
                    raise ConfigError(
                        f"{source.field} ({source.where}) and evaluation.questions ({where}) overlap: "
                        "a model must not be scored on questions that it learned from. Choose other slices."
                        f"{told_parts(task)}"
                    )

    def sources(self) -> Iterator[Source]:
        """The slices of the experiment's task that training examples can come from."""
        if self.cot_questions is not None:
            yield Source("cot_questions", self.cot_questions, "right_paths")
        yield Source("generation.questions", self.generation.questions, "corrections")
        for part in self.parts:
            yield from part.sources()

    def learns_from(self, source: Source) -> bool:
        """Whether training examples come from the questions of this slice."""
        return source.material in self.data_mix.needs

    def most_examples(self) -> int | None:
        """An upper bound on the mix, known before anything runs; None when a slice goes to its split's end."""
        reasoners = 1 + len(self.generation.also)
        there: list[tuple[str, int | None]] = [
            ("right_paths", 0 if self.cot_questions is None else self.cot_questions.times(1)),
            ("corrections", self.generation.questions.times(self.generation.paths_of_one * reasoners)),
            *((part.adds, part.most(self)) for part in self.parts if part.adds is not None),
        ]
        items: dict[str, int] = {}
        for material, most in there:
            if material in self.data_mix.needs:
                if most is None:
                    return None
                items[material] = items.get(material, 0) + most
        return self.data_mix.most(items)

    def notes(self) -> Iterator[str]:
        """What a reader of the numbers must know about where the data came from."""
        for scored in self.scored:
            for source in self.sources():
                same = scored.task.name == self.task.name and source.where.split == scored.where.split
                if same and self.learns_from(source):
                    yield (
                        f"Training examples come from {source.where}, of the same split as the questions scored "
                        f"({scored.where}); the two slices do not overlap."
                    )
