"""From an experiment to its stages: what follows what. A stage's inputs are its fields."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator, Sequence

from lema.blend import Budget
from lema.evolving import evolved_corrections
from lema.experiment import Experiment
from lema.stage import Stage
from lema.stages.correct import Correct
from lema.stages.evaluate import Evaluate
from lema.stages.generate import Generate
from lema.stages.mix import Mix
from lema.stages.train import Train


@dataclasses.dataclass(frozen=True)
class Pipeline:
    """The stages of one experiment, by role."""

    generate: Generate | None
    correct: Correct | None
    evolved: tuple[Correct, ...]  # corrections on evolved questions, one stage a round
    mix: Mix
    train: Train
    evaluate: tuple[Evaluate, ...]  # one a task
    base: tuple[Evaluate, ...]  # the same of the model before training; none when that is not asked for

    def targets(self) -> Iterator[Stage]:
        """Stages that nothing follows."""
        yield from self.base
        yield from self.evaluate


def pipeline(e: Experiment) -> Pipeline:
    """The stages of an experiment."""
    generate = correct = None
    evolved: list[Correct] = []
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
        if e.evolution_strategy is not None:
            evolved = evolved_corrections(
                e, e.evolution_strategy, correct, lambda rounds: train(e, correct, rounds, Budget(share=None))
            )
    trained = train(e, correct, evolved, e.data_budget)
    assert isinstance(trained.examples, Mix)
    base = evaluate(e, None) if e.evaluation.base else ()
    return Pipeline(generate, correct, tuple(evolved), trained.examples, trained, evaluate(e, trained), base)


def train(e: Experiment, correct: Correct | None, evolved: Sequence[Correct], budget: Budget) -> Train:
    """The model that is fine-tuned on these corrections and the rest of the mix.

    A model that only makes the mistakes of a later round learns from all there is: the budget is that of the
    experiment's own mix, which has the data of all rounds.
    """
    mix = Mix(
        task=e.task,
        cot_questions=e.cot_questions,
        corrections=correct,
        blend=e.data_mix,
        budget=budget,
        format=e.format,
        tokenizer=e.model if budget.target_tokens is not None else None,
        seed=e.seed,
        augmented=None,
        further=tuple(evolved),
        decontamination=None,
        tests=(),
    )
    return Train(examples=mix, model=e.model, trainer=e.trainer, format=e.format, seed=e.seed)


def evaluate(e: Experiment, trained: Train | None) -> tuple[Evaluate, ...]:
    """One evaluation a task, of the trained model or of the model as it was."""
    return tuple(
        Evaluate(
            task=scored.task,
            questions=scored.where,
            engine=e.evaluation.engine,
            format=e.format,
            sampling=e.evaluation.sampling,
            trained=trained,
            seed=e.evaluation.seed,
            part=e.evaluation.part,
        )
        for scored in e.scored
    )
