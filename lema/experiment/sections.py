"""The sections of an experiment: how mistakes are collected, CoT is augmented, and models are chosen and scored."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from lema.base.errors import ConfigError
from lema.base.protocols import Engine, Sampling, Task
from lema.base.question_slice import Slice
from lema.base.spec import Spec, runtime, since, spec
from lema.data.formats import Format
from lema.discrimination.asking import Asking, Distractors, ReadOut, View

Count = Annotated[int, Field(ge=1)]


@spec
class Generation(Spec):
    """How mistakes are collected: which questions, how many paths each, at which temperature.

    `also` are reasoners beside the experiment's own, whose mistakes are corrected and learned from as well (the
    paper takes those of six models, §3.2); each samples as many paths, in a stage of its own.
    """

    kind = "generation"
    questions: Slice
    sampling: Sampling
    seed: int = 0
    correct_per_question: Count | None = None
    correct_at_most: Count | None = None
    also: tuple[Engine, ...] = since(())
    part: Count = runtime(default=200)  # questions between two saves


@spec
class Augmentation(Spec):
    """Further CoT examples: right paths that an engine samples on training questions (paper §2.3, §3.2).

    `format` words the request; None takes the experiment's. `per_question` bounds how many right, different paths
    of a question are kept, and without `filtered` wrong ones are kept too. A task without worked solutions has
    its CoT from here alone.
    """

    kind = "augmentation"
    questions: Slice
    engine: Engine
    sampling: Sampling
    format: Format | None = None
    per_question: Count | None = None
    filtered: bool = since(default=True)
    seed: int = 0
    part: Count = runtime(default=200)  # questions between two saves

    @property
    def most(self) -> int:
        """Paths of a question that can be kept."""
        return min(self.per_question or self.sampling.n, self.sampling.n)


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
class Analysis(Spec):
    """What else is measured of the model before and after training.

    Args:
        delta_ppl: how much likelier it finds corrections than mistakes (paper App. D.5).
        output_space: held-out questions, on whose gold targets it is measured how many next tokens the model hesitates
            between (PaD, arXiv 2305.13888); None: not measured.
    """

    kind = "analysis"
    delta_ppl: bool = since(default=True)
    output_space: Slice | None = since(default=None)
    quantised: bool = False  # score with 4-bit weights, as QLoRA trains
    seed: int = 0  # of the bootstrap
    device: Literal["auto", "cpu", "cuda"] = runtime(default="auto")
    batch_tokens: Count = runtime(default=8192)  # tokens that go through the model at once
    part: Count = runtime(default=500)  # corrections, or questions, between two saves

    def check(self) -> None:
        if not self.delta_ppl and self.output_space is None:
            raise ConfigError(
                "analysis: with delta_ppl=false and output_space=null nothing is measured; take analysis=none"
            )


@spec
class Discrimination(Spec):
    """Can models pick their own right answers (SELF-[IN]CORRECT, arXiv 2404.04298)? n candidates, then a pick of one.

    Args:
        questions: of the experiment's own task; None takes all that are scored, of all tasks.
        seeds: of sampling candidates, one set of them each; a question's sets are one cluster.
        engine: who samples the candidates; None: the model that picks.
        demos: training questions for the worked examples of the prompt.
        format: wording of the candidates' prompts and of the picks'; None takes the experiment's.
        seed: of the orders, and of the worked examples.
        trained: also for the trained model. False trains nothing: the model as it is, with its accuracy.

    The other fields are those of `lema.discrimination.asking.Asking`, for each read-out.
    """

    kind = "discrimination"
    questions: Slice | None = None
    sampling: Sampling = Sampling(n=4, temperature=0.7)
    seeds: tuple[Annotated[int, Field(ge=0)], ...] = (0,)
    engine: Engine | None = None
    read_outs: tuple[ReadOut, ...] = ("label_text",)
    view: View = "final_answer"
    reasoning: bool = False
    shots: Annotated[int, Field(ge=0, le=32)] = 2
    distractors: Distractors = "own"
    demos: Slice | None = None
    cyclic: bool = False
    format: Format | None = None
    seed: int = 0
    max_tokens: Count = 256  # of a written pick
    trained: bool = True
    device: Literal["auto", "cpu", "cuda"] = runtime(default="auto")
    batch_tokens: Count = runtime(default=8192)
    part: Count = runtime(default=200)  # questions between two saves

    def check(self) -> None:
        if self.sampling.temperature == 0:
            raise ConfigError(
                f"discrimination.sampling.temperature: {self.sampling.n} greedy candidates are one, "
                f"{self.sampling.n} times over. Give a temperature above 0 (the paper: 0.7)."
            )
        for name, held in (("seeds", self.seeds), ("read_outs", self.read_outs)):
            if not held or len(set(held)) < len(held):
                raise ConfigError(f"discrimination.{name}: give at least one, each once, not {list(held)}")
        for read_out in self.read_outs:
            self.asking(read_out).check()

    def asking(self, read_out: ReadOut) -> Asking:
        """How this read-out is asked; `likelihood` puts no question, so that nothing of it applies there."""
        if read_out == "likelihood":
            return Asking(read_out=read_out, view="full_solution", shots=0)
        return Asking(
            read_out=read_out,
            view=self.view,
            reasoning=self.reasoning,
            shots=self.shots,
            distractors=self.distractors,
        )


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
    `votes` samples several answers to each question, for the accuracy of their majority (maj@k).
    """

    kind = "evaluation"
    questions: Slice
    tasks: tuple[Scored, ...] = ()
    engine: Engine
    sampling: Sampling
    base: bool = True
    seed: int = 0
    votes: Sampling | None = None
    published_grader: bool = runtime(default=False)
    part: Count = runtime(default=200)  # questions between two saves

    def check(self) -> None:
        if self.votes is not None and (self.votes.n < 2 or self.votes.temperature == 0):
            raise ConfigError(
                "evaluation.votes: a majority needs several answers: n of at least 2 and a temperature above 0, "
                f"not {self.votes.n} and {self.votes.temperature:g}"
            )
