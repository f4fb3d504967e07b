"""The sections that every experiment has: how mistakes are collected, and how models are chosen and scored."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from lema.base.errors import ConfigError
from lema.base.protocols import Engine, Sampling, Task
from lema.base.question_slice import Slice
from lema.base.spec import Spec, runtime, since, spec
from lema.data.formats import Format

Count = Annotated[int, Field(ge=1)]


@spec
class Generation(Spec):
    """How mistakes are collected: which questions, how many paths each, at which temperature.

    `also` are reasoners beside the experiment's own, whose mistakes are corrected and learned from as well (the
    paper takes those of six models, §3.2); each samples as many paths, in a stage of its own. `keep_corrections` says
    which corrections are kept: by their final answer as in the paper, or by the trace of generated problems, which
    knows the first wrong step and whether every step is right.

    `format` is how reasoners that were not fine-tuned are asked (the paper's few-shot prompt, §2.1); None takes the
    experiment's. A model that the experiment has trained, as in later rounds of evolution, is asked as it was taught.
    """

    kind = "generation"
    questions: Slice
    sampling: Sampling
    seed: int = 0
    correct_per_question: Count | None = None
    correct_at_most: Count | None = None
    also: tuple[Engine, ...] = since(())
    format: Format | None = since(default=None)
    keep_corrections: Literal["answer", "trace"] = since("answer")
    part: Count = runtime(default=200)  # questions between two saves

    @property
    def paths_of_one(self) -> int:
        """Paths of a question by one reasoner that can be corrected."""
        return self.correct_per_question or self.sampling.n


@spec
class Checkpoint(Spec):
    """Which checkpoint of a training run is scored (paper §3.3).

    `best_on_dev` is the one with the most right answers to `questions`, which nothing else uses.
    `best_on_test` is chosen on the questions that are scored, for each task its own: what the paper did. Numbers chosen
    that way are too high, and are labelled wherever they appear.
    """

    kind = "checkpoint"
    by: Literal["last", "best_on_dev", "best_on_test"] = "last"
    questions: Slice | None = None
    part: Count = runtime(default=200)  # questions given to the engine at once

    def check(self) -> None:
        if self.by == "best_on_dev" and self.questions is None:
            raise ConfigError(
                "checkpoint.questions: say which questions, neither trained on nor scored, best_on_dev chooses on"
            )
        if self.by != "best_on_dev" and self.questions is not None:
            raise ConfigError(f"checkpoint.questions: {self.by} chooses on no questions of its own; leave them null")


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
    On the command line and in files they are names of the group `task`. `published_grader` judges the same solutions
    again by the grader of the paper's authors, for tasks that have one, so that numbers can be compared with theirs.
    How a question is answered is the experiment's `answering`.
    """

    kind = "evaluation"
    questions: Slice
    tasks: tuple[Scored, ...] = ()
    engine: Engine
    sampling: Sampling
    base: bool = True
    seed: int = 0
    published_grader: bool = runtime(default=False)
    part: Count = runtime(default=200)  # questions between two saves

    def check(self) -> None:
        for number, scored in enumerate(self.tasks):
            if scored in self.tasks[:number]:
                raise ConfigError(f"tasks[{number}]: {scored.task.name} is there already, with the same questions")
