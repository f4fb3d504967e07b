"""The analysis `correction_skill`: whether trained models learned to write the corrections that they were taught."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator
from typing import Annotated, Any

from pydantic import Field

from lema.base.errors import ConfigError
from lema.base.question_slice import Slice
from lema.base.spec import Spec, runtime, since, spec
from lema.data.correction_wording import Part
from lema.data.datasets import parts_of, told_parts
from lema.experiment.build import Build
from lema.experiment.experiment import Experiment
from lema.experiment.sections import Scored
from lema.lessons.corrections import Corrections
from lema.stages.correction_skill import CorrectionSkill
from lema.stages.generate import Generate
from lema.store.stage import Stage

Count = Annotated[int, Field(ge=1)]


@spec
class AskedToCorrect(Spec):
    """What a trained model is asked to correct, and how.

    Args:
        mistakes: held-out questions of the experiment's own task, whose wrong paths by the model before training are
            asked about; None takes the questions that are scored, which cost nothing where that model is scored anyway.
        at_most: held-out mistakes, one a question.
        taught_at_most: corrections of the training set.
        max_tokens: of a correction; None: twice those of a path, since it says why before it says how.
        temperature: of the second sample that stands beside each correction, and of paths of `mistakes`.
        seed: of these samples.
    """

    kind = "asked_to_correct"
    mistakes: Slice | None = since(default=None)
    at_most: Annotated[int, Field(ge=2)] = 100
    taught_at_most: Annotated[int, Field(ge=0)] = 40
    max_tokens: Count | None = since(default=None)
    temperature: Annotated[float, Field(gt=0)] = 0.7
    seed: Annotated[int, Field(ge=0)] = 1
    part: Count = runtime(default=200)  # mistakes between two saves

    def check_in(self, e: Experiment) -> None:
        """Raise ConfigError for mistakes on questions that the model learns from."""
        if self.mistakes is None:
            return
        e.check_split("analysis.correction_skill.mistakes", self.mistakes)
        for source in e.sources():
            if e.learns_from(source) and source.where.overlaps(self.mistakes, parts_of(e.task)):
                raise ConfigError(
                    f"analysis.correction_skill.mistakes ({self.mistakes}) and {source.field} ({source.where}) "
                    "overlap: corrections of questions that the model learned from show nothing. Choose other slices."
                    f"{told_parts(e.task)}"
                )

    def measured(self, build: Build) -> Iterator[Stage]:
        """The corrections of the trained model, with the checkpoint that its own task is scored with."""
        e = build.e
        scored = own_task(e)
        again: dict[str, Any] = {"n": 1, "temperature": self.temperature}
        most = self.max_tokens or 2 * e.evaluation.sampling.max_tokens
        greedy: dict[str, Any] = {"n": 1, "temperature": 0.0, "max_tokens": most}
        yield CorrectionSkill(
            mistakes=self.paths(build, scored),
            at_most=self.at_most,
            mix=build.trained.examples,
            corrections=build.material("corrections") if "corrections" in e.data_mix.needs else (),
            taught_at_most=self.taught_at_most,
            task=scored.task,
            engine=e.evaluation.engine,
            format=e.format,
            trained=build.chosen(scored),
            sampling=dataclasses.replace(e.evaluation.sampling, **greedy),
            again=dataclasses.replace(e.evaluation.sampling, **again),
            without=without(e),
            answering=e.answering_of(trained=True).once(),
            seed=self.seed,
            part=self.part,
        )

    def paths(self, build: Build, scored: Scored) -> Stage:
        """Judged paths of the model before training, among which the mistakes are."""
        if self.mistakes is None:
            return build.evaluate(scored, trained=False)
        e = build.e
        drawn: dict[str, Any] = {"n": 1, "temperature": self.temperature}
        return Generate(
            task=e.task,
            questions=self.mistakes,
            engine=e.evaluation.engine,
            format=e.asked(trained=False),
            sampling=dataclasses.replace(e.evaluation.sampling, **drawn),
            seed=self.seed,
            part=self.part,
        )


def own_task(e: Experiment) -> Scored:
    """The first scored task that is the experiment's own; where none is, the first."""
    return next((scored for scored in e.scored if scored.task.name == e.task.name), e.scored[0])


def without(e: Experiment) -> tuple[Part, ...]:
    """Parts that the corrections of the mix do not have; of a mix without corrections none: all are asked for."""
    return next((lesson.without for lesson in e.data_mix.lessons if isinstance(lesson, Corrections)), ())
