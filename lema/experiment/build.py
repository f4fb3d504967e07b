"""From an experiment to single stages: what the parts of an experiment and its pipeline build with."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from functools import cached_property

from lema.base.protocols import Engine
from lema.base.question_slice import Slice
from lema.experiment.experiment import Experiment
from lema.experiment.sections import Scored
from lema.lessons.data_budget import Budget
from lema.lessons.data_mix import DataMix
from lema.lessons.lesson import MaterialName
from lema.stages.correct import Correct
from lema.stages.evaluate import Evaluate
from lema.stages.generate import Generate
from lema.stages.mix import Made, Mix, TestSet
from lema.stages.select import Select
from lema.stages.train import Train
from lema.store.stage import Stage

#: A model that only makes what another one learns from has learned from all there is: the budget is that of the
#: experiment's own mix.
ALL = Budget(share=None)
#: In the order in which questions are looked through for leaks, and material is taught.
ORDER: tuple[MaterialName, ...] = ("right_paths", "corrections", "programs", "repairs")


class Build:
    """The stages of one experiment, each built when it is asked for, and once."""

    def __init__(self, e: Experiment) -> None:
        self.e = e
        self._made: dict[MaterialName, tuple[Stage, ...]] = {}

    @property
    def trains(self) -> bool:
        """Whether there is a trained model."""
        return all(part.trains for part in self.e.parts)

    @cached_property
    def needs(self) -> frozenset[MaterialName]:
        """The material that the mix or a part needs."""
        return self.e.data_mix.needs.union(*(part.measures_material for part in self.e.parts))

    def material(self, name: MaterialName) -> tuple[Stage, ...]:
        """The stages that make a material: the core's, then those of the parts."""
        if name not in self._made:
            own = self.corrections if name == "corrections" else ()
            adding = [part for part in self.e.parts if part.adds == name]
            self._made[name] = (*own, *(stage for part in adding for stage in part.material(self)))
        return self._made[name]

    @cached_property
    def corrections(self) -> tuple[Correct, ...]:
        """Corrections of the reasoner's mistakes, and of those of the reasoners beside it, a stage each."""
        return tuple(self.correct(self.paths(engine)) for engine in (self.e.reasoner, *self.e.generation.also))

    def paths(self, engine: Engine, questions: Slice | Stage | None = None, trained: Stage | None = None) -> Generate:
        """Paths sampled for mistakes.

        Args:
            questions: None: those of the experiment.
        """
        how = self.e.generation
        return Generate(
            task=self.e.task,
            questions=questions or how.questions,
            engine=engine,
            format=self.e.asked(trained=trained is not None),
            sampling=how.sampling,
            seed=how.seed,
            trained=trained,
            part=how.part,
        )

    def correct(self, paths: Generate) -> Correct:
        """The corrections of the mistakes among these paths."""
        how = self.e.generation
        return Correct(
            paths=paths,
            task=self.e.task,
            corrector=self.e.corrector,
            per_question=how.correct_per_question,
            limit=how.correct_at_most,
            keep=how.keep_corrections,
        )

    @cached_property
    def trained(self) -> Train:
        """The model that the experiment trains."""
        return self.train(self.e.data_mix, self.e.data_budget)

    def train(
        self, mix: DataMix, budget: Budget = ALL, made: Mapping[MaterialName, Sequence[Stage]] | None = None
    ) -> Train:
        """The model that is fine-tuned on a mix.

        Args:
            made: the stages of some materials, in place of all that make them.
        """
        e = self.e
        stages = {name: tuple((made or {}).get(name) or self.material(name)) for name in ORDER if name in mix.needs}
        examples = Mix(
            task=e.task,
            data_mix=mix,
            budget=budget,
            format=e.format,
            made=tuple(Made(material=name, stages=held) for name, held in stages.items() if held),
            cot_questions=e.cot_questions if "right_paths" in mix.needs else None,
            tokenizer=e.model if budget.target_tokens is not None else None,
            seed=e.seed,
            decontamination=e.decontamination,
            tests=self.tests(),
        )
        return Train(examples=examples, model=e.model, trainer=e.trainer, format=e.format, seed=e.seed)

    def tests(self, also: Sequence[str] = ()) -> tuple[TestSet, ...]:
        """What no training example may give away, where that is looked for.

        Args:
            also: further splits that something is learned from.
        """
        return tuple(self.held_out(also)) if self.e.decontamination is not None else ()

    def held_out(self, also: Sequence[str] = ()) -> Iterator[TestSet]:
        """The whole splits that are scored or that checkpoints are chosen on, so that taking fewer of their questions
        changes no training set.

        Where training examples come from the very split, the questions of it that are scored or chosen on. Of a task
        whose splits are apart by construction, those that are scored.
        """
        e = self.e
        chosen_on = e.checkpoint.questions
        learned = {source.where.split for source in e.sources() if e.learns_from(source)}.union(also)
        held = [(scored.task, scored.where) for scored in e.scored]
        if chosen_on is not None and not getattr(e.task, "apart", False):
            held.append((e.task, chosen_on))
        seen: list[TestSet] = []
        for task, where in held:
            same = task.name == e.task.name and where.split in learned
            one = TestSet(task=task, questions=where if same else Slice(split=where.split))
            if one not in seen:
                seen.append(one)
        yield from seen

    def chosen(self, scored: Scored) -> Train | Select:
        """The checkpoint of the training that a task is scored with."""
        e, choice = self.e, self.e.checkpoint
        if choice.by == "last":
            return self.trained
        on_dev = choice.questions
        return Select(
            trained=self.trained,
            by=choice.by,
            task=scored.task if on_dev is None else e.task,
            questions=scored.where if on_dev is None else on_dev,
            engine=e.evaluation.engine,
            format=e.format,
            sampling=e.evaluation.sampling,
            seed=e.evaluation.seed,
            # Without what the answers cost more by: the same checkpoint, however it is asked afterwards.
            answering=e.answering_of(trained=True).once(),
            part=choice.part,
        )

    @cached_property
    def scorer(self) -> Stage | None:
        """The training of what scores parts of answers; None where the answering has none trained."""
        return next((stage for part in self.e.parts if (stage := part.scorer(self)) is not None), None)

    def evaluate(self, scored: Scored, *, trained: bool) -> Evaluate:
        """The evaluation of the trained model, or of the model as it was, on one task."""
        e = self.e
        return Evaluate(
            task=scored.task,
            questions=scored.where,
            engine=e.evaluation.engine,
            format=e.format,
            sampling=e.evaluation.sampling,
            trained=self.chosen(scored) if trained else None,
            seed=e.evaluation.seed,
            answering=e.answering_of(trained=trained),
            scorer=self.scorer if trained else None,
            part=e.evaluation.part,
        )
