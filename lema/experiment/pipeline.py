"""From an experiment to its stages: what follows what. A stage's inputs are its fields."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator, Mapping, Sequence
from typing import TypeVar

from lema.base.protocols import Verifier
from lema.data.datasets import Published
from lema.experiment.build import ORDER, Build
from lema.experiment.experiment import Experiment
from lema.lessons.lesson import MaterialName
from lema.stages.evaluate import Evaluate
from lema.stages.grade import Grade
from lema.stages.mix import Mix
from lema.stages.train import Train
from lema.store.stage import Stage

S = TypeVar("S", bound=Stage)


@dataclasses.dataclass(frozen=True)
class Pipeline:
    """The stages of one experiment, by role."""

    material: Mapping[MaterialName, tuple[Stage, ...]]  # what the mix and the parts need, by name
    mix: Mix
    train: Train
    evaluate: tuple[Evaluate, ...]  # one a task; none where no model is trained
    base: tuple[Evaluate, ...]  # the same of the model before training; none when that is not asked for
    scorer: Stage | None = None  # training of what scores parts of answers
    grade: tuple[Grade, ...] = ()  # evaluations under the grader of the paper's authors
    measured: tuple[Stage, ...] = ()  # what the parts measure of models

    def targets(self) -> Iterator[Stage]:
        """Stages that nothing follows."""
        yield from (*self.base, *self.evaluate, *self.grade, *self.measured)

    def measures(self, kind: type[S]) -> tuple[S, ...]:
        """The measuring stages of one class."""
        return tuple(stage for stage in self.measured if isinstance(stage, kind))


def pipeline(e: Experiment) -> Pipeline:
    """The stages of an experiment."""
    build = Build(e)
    base = tuple(build.evaluate(scored, trained=False) for scored in e.scored) if e.evaluation.base else ()
    after = tuple(build.evaluate(scored, trained=True) for scored in e.scored) if build.trains else ()
    mix = build.trained.examples
    assert isinstance(mix, Mix)
    return Pipeline(
        material={name: build.material(name) for name in ORDER if name in build.needs},
        mix=mix,
        train=build.trained,
        evaluate=after,
        base=base,
        scorer=build.scorer if build.trains else None,
        grade=tuple(graded(e, (*base, *after))),
        measured=tuple(stage for part in e.parts for stage in part.measured(build)),
    )


def graded(e: Experiment, evaluations: Sequence[Evaluate]) -> Iterator[Grade]:
    """The evaluations under the grader of the paper's authors, where the task names it and it is asked for."""
    for evaluation in evaluations if e.evaluation.published_grader else ():
        verifier = published_grader(evaluation)
        if verifier is not None:
            yield Grade(solutions=evaluation, verifier=verifier)


def published_grader(evaluation: Evaluate) -> Verifier | None:
    """The grader that the paper's authors used for the task; None for others, and for answers that it cannot read."""
    if not evaluation.answering.regradable or not isinstance(evaluation.task, Published):
        return None
    return evaluation.task.published
