"""Checkpoint selection: which of a training run's kept checkpoints answers most questions right (paper §3.3).

The paper scores all checkpoints on the test set and reports the best one, which flatters it. Chosen on other
questions (`best_on_dev`), its score on the test set stays an honest one.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path, PurePosixPath
from typing import Annotated, Any, Literal

from pydantic import Field

from lema.answering.answering import Answering
from lema.answering.path import PATH
from lema.base.errors import ConfigError, InputError
from lema.base.protocols import Engine, Sampling, Task
from lema.base.question_slice import Slice
from lema.base.records import Record, Verdict
from lema.base.spec import runtime, since, spec
from lema.data.formats import Format
from lema.stages.sampling import settled, solving
from lema.stages.train import Train
from lema.store import Artifact, Work
from lema.store.stage import Inputs, Stage

KEPT = "checkpoints"


class CheckpointScore(Record, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One checkpoint on all questions: counts of solutions, one a question."""

    step: int
    questions: int
    right: int
    wrong: int
    no_answer: int
    undecided: int
    cut_at_limit: int


@spec
class Select(Stage):
    """The best of the kept checkpoints of a training run: `scores.jsonl`. It stands for that checkpoint.

    `Evaluate(trained=Select(...))` scores the checkpoint that is chosen here. `by` says which questions these are:
    `best_on_test` are those that results are reported on, and must be said wherever a number of this choice appears.
    """

    kind = "select"
    needs = "gpu"
    heavy = True
    trained: Train
    by: Literal["best_on_dev", "best_on_test"]
    task: Task
    questions: Slice
    engine: Engine
    format: Format
    sampling: Sampling
    seed: int = 0
    answering: Answering = since(default=PATH)
    part: Annotated[int, Field(ge=1)] = runtime(default=200)

    def check(self) -> None:
        if self.sampling.n != 1 or self.sampling.temperature != 0:
            raise ConfigError(
                "a checkpoint is chosen by one greedy path a question: sampling.n must be 1 and sampling.temperature "
                f"0, not {self.sampling.n} and {self.sampling.temperature}"
            )

    def behind(self) -> tuple[Stage, ...]:
        return (self.trained,)

    def checkpoint(self, inputs: Inputs) -> Path:
        """The folder of the chosen checkpoint, inside the training run's artifact."""
        scores = inputs(self).rows("scores.jsonl", CheckpointScore)
        run = inputs(self.trained)
        return run.folder(kept(run)[best(scores).step])

    def run(self, inputs: Inputs, work: Work) -> dict[str, Any]:
        """Score every kept checkpoint; those that a killed run has scored are not scored again.

        Raises:
            InputError: the training run kept none.
        """
        self.check()
        run = inputs(self.trained)
        names = kept(run)

        def score(steps: Sequence[int]) -> list[CheckpointScore]:
            return [self.score(step, run.folder(names[step]), work) for step in steps]

        scores = work.map("scores", sorted(names), score, CheckpointScore, part=1, unit="checkpoints")
        work.write("scores.jsonl", scores)
        chosen = best(scores)
        return {
            "chosen": chosen.step,
            "on": str(self.questions),
            "by": self.by,
            "checkpoints": len(scores),
            "questions": chosen.questions,
            "accuracy": chosen.right / chosen.questions,
            "accuracies": {str(row.step): row.right / row.questions for row in scores},
        }

    def score(self, step: int, folder: Path, work: Work) -> CheckpointScore:
        """One checkpoint on all questions."""
        where = self.questions
        questions = self.task.questions(where.split, where.start, where.stop)
        with (
            self.engine.open(checkpoint=folder, replies=work.replies) as complete,
            solving(self, complete) as solve,
        ):
            parts = [questions[start : start + self.part] for start in range(0, len(questions), self.part)]
            answers = [answer for part in parts for _, answer in settled(self, part, solve(part))]
        solutions = [solution for answer in answers for solution in answer.solutions]
        verdicts = [solution.verdict for solution in solutions]
        return CheckpointScore(
            step=step,
            questions=len(questions),
            right=verdicts.count(Verdict.RIGHT),
            wrong=verdicts.count(Verdict.WRONG),
            no_answer=verdicts.count(Verdict.NO_ANSWER),
            undecided=verdicts.count(Verdict.UNDECIDED),
            cut_at_limit=sum(solution.finish_reason == "length" for solution in solutions),
        )


def best(scores: Iterable[CheckpointScore]) -> CheckpointScore:
    """The checkpoint with the most right answers; of several, the earliest."""
    return max(scores, key=lambda row: (row.right, -row.step))


def kept(run: Artifact) -> dict[int, str]:
    """The folders, within its artifact, of a training run's kept checkpoints by step.

    Raises:
        InputError: there are none.
    """
    names = {PurePosixPath(name).parts[1] for name in run.manifest.files if name.startswith(f"{KEPT}/")}
    if not names:
        raise InputError(
            f"{run.path} holds no kept checkpoints to choose from: train with trainer.keep_every=100 (steps between "
            "two of them)"
        )
    return {int(name.removeprefix("step-")): f"{KEPT}/{name}" for name in sorted(names)}
