"""From an experiment to its stages: what follows what. A stage's inputs are its fields."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator, Sequence

from lema.base.protocols import Engine, Verifier
from lema.base.question_slice import Slice
from lema.data.datasets import Published
from lema.experiment.analyses import analyses, needs_corrections
from lema.experiment.discrimination import discriminations
from lema.experiment.evolution import evolved_corrections
from lema.experiment.experiment import Experiment
from lema.experiment.programs import executed, learned_scorer, refine, synthesise, train_scorer, votes
from lema.experiment.sections import Augmentation, Scored
from lema.lessons.data_mix import Blend, Budget
from lema.stages.augment import Augment
from lema.stages.correct import Correct
from lema.stages.delta_ppl import DeltaPerplexity
from lema.stages.discriminate import Discriminate
from lema.stages.evaluate import Evaluate
from lema.stages.generate import Generate
from lema.stages.grade import Grade
from lema.stages.mix import Mix, TestSet
from lema.stages.output_space import OutputSpace
from lema.stages.refine import Refine
from lema.stages.select import Select
from lema.stages.synthesise import Synthesise
from lema.stages.train import Train
from lema.store.stage import Stage


@dataclasses.dataclass(frozen=True)
class Pipeline:
    """The stages of one experiment, by role."""

    generate: Generate | None
    correct: Correct | None
    others: tuple[Correct, ...]  # corrections of other reasoners' mistakes, one stage each
    evolved: tuple[Correct, ...]  # corrections on evolved questions, one stage a round
    mix: Mix
    train: Train
    evaluate: tuple[Evaluate, ...]  # one a task
    base: tuple[Evaluate, ...]  # the same of the model before training; none when that is not asked for
    grade: tuple[Grade, ...] = ()  # both, under the grader of the paper's authors
    analyse: tuple[DeltaPerplexity | OutputSpace, ...] = ()  # of the model before and after training
    discriminate: tuple[Discriminate, ...] = ()  # of both too
    synthesise: Synthesise | None = None
    refine: Refine | None = None
    scorer: Train | None = None  # of steps of programs
    votes: tuple[Generate, ...] = ()  # several answers to each question that is scored

    def targets(self) -> Iterator[Stage]:
        """Stages that nothing follows."""
        yield from self.base
        yield from self.evaluate
        yield from self.grade
        yield from self.analyse
        yield from self.discriminate
        yield from self.votes


def pipeline(e: Experiment) -> Pipeline:
    """The stages of an experiment."""
    generate = correct = None
    others: list[Correct] = []
    evolved: list[Correct] = []
    if needs_corrections(e):
        generate, correct = corrections(e, e.reasoner)
    learned = correct if e.data_mix.needs_corrections else None
    if learned is not None:
        others = [corrections(e, engine)[1] for engine in e.generation.also]
    if learned is not None and e.evolution_strategy is not None:
        evolved = evolved_corrections(
            e,
            e.evolution_strategy,
            (learned, *others),
            lambda rounds: train(e, learned, [*others, *rounds], Budget(share=None)),
        )
    trained = train(e, learned, [*others, *evolved], e.data_budget)
    assert isinstance(trained.examples, Mix)
    base = tuple(evaluate(e, scored, None) for scored in e.scored) if e.evaluation.base else ()
    untrained = e.discrimination is not None and not e.discrimination.trained
    scorer = None if untrained else scorer_of_steps(e, learned, [*others, *evolved])
    after = () if untrained else tuple(evaluate(e, scored, choose(e, trained, scored), scorer) for scored in e.scored)
    return Pipeline(
        generate=generate,
        correct=correct,
        others=tuple(others),
        evolved=tuple(evolved),
        mix=trained.examples,
        train=trained,
        evaluate=after,
        base=base,
        grade=tuple(graded(e, (*base, *after))),
        analyse=() if untrained else tuple(analyses(e, correct, choose(e, trained, e.scored[0]))),
        discriminate=tuple(discriminations(e, lambda scored: choose(e, trained, scored))),
        synthesise=trained.examples.programs if isinstance(trained.examples.programs, Synthesise) else None,
        scorer=scorer,
        refine=trained.examples.refinements if isinstance(trained.examples.refinements, Refine) else None,
        votes=tuple(
            stage
            for scored in e.scored
            for run in ((None,) if e.evaluation.base else ()) + (() if untrained else (choose(e, trained, scored),))
            if (stage := votes(e, scored, run)) is not None
        ),
    )


def corrections(e: Experiment, reasoner: Engine) -> tuple[Generate, Correct]:
    """The mistakes of a reasoner, and their corrections."""
    generate = Generate(
        task=e.task,
        questions=e.generation.questions,
        engine=reasoner,
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
    return generate, correct


def augment(e: Experiment, augmentation: Augmentation) -> Augment:
    """Further right paths of training questions."""
    paths = Generate(
        task=e.task,
        questions=augmentation.questions,
        engine=augmentation.engine,
        format=augmentation.format or e.format,
        sampling=augmentation.sampling,
        seed=augmentation.seed,
        part=augmentation.part,
    )
    return Augment(paths=paths, task=e.task, per_question=augmentation.per_question, filtered=augmentation.filtered)


def train(
    e: Experiment, correct: Correct | None, further: Sequence[Correct], budget: Budget, blend: Blend | None = None
) -> Train:
    """The model that is fine-tuned on these corrections and the rest of the mix.

    A model that only makes the mistakes of a later round learns from all there is: the budget is that of the
    experiment's own mix, which has the data of all rounds.

    Args:
        further: corrections of other reasoners' mistakes, and of mistakes on evolved questions.
        blend: another mix than the experiment's.
    """
    augmentation = e.augmentation if e.data_mix.cot else None
    programs = synthesise(e)
    mixed = blend or e.data_mix
    refinements = None
    if mixed.refinements:
        refinements = refine(e, programs, lambda other: train(e, correct, further, Budget(share=None), other))
    mix = Mix(
        task=e.task,
        cot_questions=e.cot_questions,
        corrections=correct,
        blend=mixed,
        budget=budget,
        format=e.format,
        tokenizer=e.model if budget.target_tokens is not None else None,
        seed=e.seed,
        augmented=None if augmentation is None else augment(e, augmentation),
        further=tuple(further),
        decontamination=e.decontamination,
        tests=tuple(held_out(e)) if e.decontamination is not None else (),
        programs=programs,
        refinements=refinements,
    )
    return Train(examples=mix, model=e.model, trainer=e.trainer, format=e.format, seed=e.seed)


def scorer_of_steps(e: Experiment, correct: Correct | None, further: Sequence[Correct]) -> Train | None:
    """The training of what scores the lines of a beam; None where that does not learn."""
    scorer = learned_scorer(e)
    if scorer is None:
        return None
    also = () if scorer.questions is None else (scorer.questions.split,)
    return train_scorer(
        e, synthesise(e), tuple(held_out(e, also)), lambda other: train(e, correct, further, Budget(share=None), other)
    )


def held_out(e: Experiment, also: Sequence[str] = ()) -> Iterator[TestSet]:
    """What no training example may give away: the whole splits that are scored, so that scoring fewer of their
    questions changes no training set.

    Where training examples come from the very split, the questions of it that are scored.

    Args:
        also: further splits that something is learned from.
    """
    learned = {where.split for name, where in e.sources() if e.learns_from(name)}.union(also)
    for scored in e.scored:
        same = scored.task.name == e.task.name and scored.where.split in learned
        yield TestSet(task=scored.task, questions=scored.where if same else Slice(split=scored.where.split))


def choose(e: Experiment, trained: Train, scored: Scored) -> Train | Select:
    """The checkpoint of a training run that a task is scored with."""
    choice = e.checkpoint
    if choice.by == "last":
        return trained
    on_dev = choice.questions
    return Select(
        trained=trained,
        by=choice.by,
        task=scored.task if on_dev is None else e.task,
        questions=scored.where if on_dev is None else on_dev,
        engine=e.evaluation.engine,
        format=e.format,
        sampling=e.evaluation.sampling,
        seed=e.evaluation.seed,
        # Without what the answers cost more by: the same checkpoint, however it is asked afterwards.
        executing=None if (executing := executed(e, trained=True)) is None else executing.once(),
        part=choice.part,
    )


def evaluate(e: Experiment, scored: Scored, trained: Stage | None, scorer: Stage | None = None) -> Evaluate:
    """The evaluation of a trained model, or of the model as it was, on one task."""
    return Evaluate(
        task=scored.task,
        questions=scored.where,
        engine=e.evaluation.engine,
        format=e.format,
        sampling=e.evaluation.sampling,
        trained=trained,
        seed=e.evaluation.seed,
        executing=executed(e, trained=trained is not None),
        scorer=scorer,
        part=e.evaluation.part,
    )


def graded(e: Experiment, evaluations: Sequence[Evaluate]) -> Iterator[Grade]:
    """The evaluations under the grader of the paper's authors, where the task names it and it is asked for."""
    for evaluation in evaluations if e.evaluation.published_grader else ():
        verifier = published_grader(evaluation)
        if verifier is not None:
            yield Grade(solutions=evaluation, verifier=verifier)


def published_grader(evaluation: Evaluate) -> Verifier | None:
    """The grader that the paper's authors used for the task; None for other tasks, and for programs."""
    if evaluation.executing is not None:  # it reads paths
        return None
    return evaluation.task.published if isinstance(evaluation.task, Published) else None
