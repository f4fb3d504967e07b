"""Discrimination: can a model pick its own right answer (SELF-[IN]CORRECT, arXiv 2404.04298)? Decision 019.

For each model, task, set of candidates and read-out there is a stage.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Annotated, Literal

from pydantic import Field

from lema.base.errors import ConfigError
from lema.base.protocols import Engine, Sampling
from lema.base.question_slice import Slice
from lema.base.spec import runtime, spec
from lema.data.datasets import parts_of, told_parts
from lema.data.formats import Format
from lema.discrimination.asking import Asking, Distractors, ReadOut, View
from lema.experiment.build import Build
from lema.experiment.experiment import Experiment
from lema.experiment.parts import Part
from lema.experiment.sections import Scored
from lema.stages.discriminate import Discriminate
from lema.stages.generate import Generate
from lema.store.stage import Stage

Count = Annotated[int, Field(ge=1)]


@spec
class Discrimination(Part):
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
    slot = "discrimination"
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

    @property
    def trains(self) -> bool:
        return self.trained

    def check_in(self, e: Experiment) -> None:
        """Raise ConfigError for picks that this experiment cannot measure."""
        if not self.trained and not e.evaluation.base:
            raise ConfigError(
                "evaluation.base: discrimination.trained=false scores the model as it is and nothing else, and "
                "evaluation.base=false does not score it. Leave one of them out."
            )
        for scored in self.judged(e):
            for name, where in (("questions", scored.where), ("demos", self.demos)):
                if where is not None and where.split not in scored.task.splits:
                    raise ConfigError(
                        f"discrimination.{name}.split: {scored.task.name} has no split {where.split!r}, only "
                        f"{', '.join(scored.task.splits)}"
                    )
            if self.demos is not None and self.demos.overlaps(scored.where, parts_of(scored.task)):
                raise ConfigError(
                    f"discrimination.demos ({self.demos}) and the questions that are judged ({scored.where}) overlap: "
                    f"worked examples would give answers away. Choose other slices.{told_parts(scored.task)}"
                )
            for read_out in self.read_outs:
                try:
                    self.picks(e, scored, None, self.seeds[0], read_out).check()
                except ConfigError as fault:
                    raise ConfigError(f"discrimination.{str(fault).removeprefix('candidates.')}") from None

    def judged(self, e: Experiment) -> tuple[Scored, ...]:
        """Tasks and questions whose candidates are picked from."""
        if self.questions is not None:
            return (Scored(task=e.task, questions=self.questions),)
        return e.scored

    def measured(self, build: Build) -> Iterator[Stage]:
        """Picks of the model before training, then after it."""
        for scored in self.judged(build.e):
            models = (None, build.chosen(scored)) if self.trained else (None,)
            for model in models if build.e.evaluation.base else models[1:]:
                for seed in self.seeds:
                    for read_out in self.read_outs:
                        yield self.picks(build.e, scored, model, seed, read_out)

    def picks(self, e: Experiment, scored: Scored, model: Stage | None, seed: int, read_out: ReadOut) -> Discriminate:
        """The picks of one model among one set of candidates."""
        return Discriminate(
            candidates=self.candidates(e, scored, model, seed),
            task=scored.task,
            engine=e.evaluation.engine,
            format=self.format or e.format,
            asking=self.asking(read_out),
            demos=None if read_out == "likelihood" or not self.shots else self.demos,
            trained=model,
            cyclic=self.cyclic,
            seed=self.seed,
            max_tokens=self.max_tokens,
            device=self.device,
            batch_tokens=self.batch_tokens,
            part=self.part,
        )

    def candidates(self, e: Experiment, scored: Scored, model: Stage | None, seed: int) -> Generate:
        """The candidates: of the model that picks, or of another. Programs are run, and stand for their values."""
        own = None if self.engine is not None else model
        return Generate(
            task=scored.task,
            questions=scored.where,
            engine=self.engine or e.evaluation.engine,
            format=self.format or e.format,
            sampling=self.sampling,
            seed=seed,
            trained=own,
            answering=e.answering_of(trained=own is not None).once(),
            part=self.part,
        )
