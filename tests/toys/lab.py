"""A whole experiment in a second: the real stages and store with toy components in place of models.

The toy model answers a question right with a chance that training raises, more with corrections than without.
"""

from __future__ import annotations

import json
import random
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from lema.base.protocols import Complete, Correct, Prompt, Reply, Sampling, TrainJob, Verifier
from lema.base.question_slice import Slice
from lema.base.records import Correction, Judgement, Question, Solution, Verdict
from lema.base.spec import Spec, spec
from lema.config.options import Point
from lema.data.formats import Format
from lema.experiment.experiment import Experiment
from lema.experiment.pipeline import pipeline
from lema.experiment.sections import Evaluation, Generation
from lema.lessons.corrections import Corrections
from lema.lessons.cot import Cot
from lema.lessons.data_budget import Budget
from lema.lessons.data_mix import DataMix
from lema.lm.model import Model
from lema.store import Store
from lema.store.stage import Stage
from toys.store import make

MIXES = {
    "cot": DataMix(name="cot", lessons=(Cot(),)),
    "cot_and_corrections": DataMix(name="cot_and_corrections", lessons=(Cot(), Corrections())),
}


@spec
class LastWord(Spec):
    """Right iff the text ends in the answer; `?` is no answer."""

    kind = "last_word"

    def judge(self, text: str, question: Question) -> Judgement:
        last = text.rstrip(".").split()[-1]
        if last == "?":
            return Judgement(verdict=Verdict.NO_ANSWER)
        return Judgement(verdict=Verdict.RIGHT if last == question.answer else Verdict.WRONG, answer=last)

    def equal(self, answer: str, other: str) -> bool:
        return answer == other


@spec
class Sums(Spec):
    """What is i + i?"""

    kind = "sums"
    name: str = "sums"
    splits: tuple[str, ...] = ("train", "test")
    test_split: str = "test"

    @property
    def verifier(self) -> Verifier:
        return LastWord()

    def questions(self, split: str, start: int = 0, stop: int | None = None) -> list[Question]:
        numbers = range(start, 400 if stop is None else stop)
        return [
            Question(id=f"{split}-{i:04}", task="sums", text=f"What is {i} + {i}?", answer=str(2 * i)) for i in numbers
        ]

    def steps(self, question: Question) -> list[str]:
        return [f"The answer is {question.answer}."]


@spec
class ToyModel(Spec):
    """Knows the answer to a question with a chance that a checkpoint may raise."""

    kind = "toy_model"
    name: str = "toy"
    chance: float = 0.5

    @contextmanager
    def open(self, *, checkpoint: Path | None = None, replies: Path | None = None) -> Iterator[Complete]:
        learned = {"chance": self.chance, "seed": 0}
        if checkpoint is not None:
            learned = json.loads((checkpoint / "learned.json").read_text())

        def complete(prompts: Sequence[Prompt], sampling: Sampling) -> list[list[Reply]]:
            return [[self.reply(prompt, sample, **learned) for sample in range(sampling.n)] for prompt in prompts]

        yield complete

    def reply(self, prompt: Prompt, sample: int, chance: float, seed: int) -> Reply:
        hard = random.Random(prompt.text).random()
        luck = random.Random(f"{prompt.text}{prompt.seed}{sample}{seed}").gauss(0, 0.1)
        answer = 2 * int(prompt.fields["question"].split()[2])
        said = str(answer) if hard + luck < chance else "?" if hard > 0.97 else str(answer + 1)
        text = f"Step 1: Double it.\nStep 2: The answer is {said}."
        return Reply(text=text, prompt_tokens=9, completion_tokens=12)


@spec
class ToyCorrector(Spec):
    """Right unless the answer ends in 0."""

    kind = "toy_corrector"
    name: str = "toy"

    @contextmanager
    def open(self, *, replies: Path | None = None) -> Iterator[Correct]:
        def correct(pairs: Sequence[tuple[Question, Solution]]) -> list[Correction]:
            return [self.correction(question, path) for question, path in pairs]

        yield correct

    def correction(self, question: Question, path: Solution) -> Correction:
        answer = question.answer if not question.answer.endswith("0") else "7"
        return Correction(
            question_id=question.id,
            solution_id=path.id,
            corrector="toy",
            step=2,
            explanation="The sum is off by one.",
            solution=(f"The answer is {answer}.",),
            error="arithmetic_slip",
        )


@spec
class ToyTrainer(Spec):
    """Learns from the number of examples, and a little more from corrections."""

    kind = "toy_trainer"

    def check_model(self, model: Any, *, from_checkpoint: bool) -> None:
        pass

    def placed(self, nodes: int = 1, per_node: int | None = None) -> ToyTrainer:
        return self

    def train(self, job: TrainJob, progress: Callable[[int, int], None]) -> dict[str, Any]:
        rows = [json.loads(line) for line in Path(job.examples).read_text().splitlines()]
        corrections = sum(row["source"] == "correction" for row in rows)
        output = Path(job.output)
        output.mkdir(parents=True)
        learned = {"chance": 0.6 + 0.12 * (corrections > 0), "seed": job.seed + 1}
        (output / "learned.json").write_text(json.dumps(learned))
        curve = [{"step": step, "loss": 1 / step + 0.1 * (corrections > 0)} for step in range(1, 21)]
        (output / "curve.jsonl").write_text("".join(json.dumps(row) + "\n" for row in curve))
        return {"steps": 20, "target_tokens": 12 * len(rows), "seconds": 1.5}


def experiment(mix: str, seed: int, **changed: Any) -> Experiment:
    """One point of the toy experiment."""
    fields: dict[str, Any] = {
        "model": Model(name="toy", hub="toy/toy", revision="0" * 40),
        "task": Sums(),
        "format": Format(),
        "reasoner": ToyModel(),
        "generation": Generation(questions=Slice(split="train", stop=100), sampling=Sampling(n=2, temperature=0.7)),
        "corrector": ToyCorrector(),
        "cot_questions": Slice(split="train", stop=100),
        "data_mix": MIXES[mix],
        "data_budget": Budget(examples=80),
        "trainer": ToyTrainer(),
        "evaluation": Evaluation(questions=Slice(split="test", stop=300), engine=ToyModel(), sampling=Sampling()),
        "seed": seed,
    }
    return Experiment(**{**fields, **changed})


def points(mixes: Sequence[str] = tuple(MIXES), seeds: Sequence[int] = (0, 1), **changed: Any) -> list[Point]:
    """The points of a sweep over mixes and seeds."""
    return [
        Point(experiment(mix, seed, **changed), {}, (f"data_mix={mix}", f"seed={seed}"))
        for mix in mixes
        for seed in seeds
    ]


def run(store: Store, sweep: Sequence[Point]) -> None:
    """Make every stage of these points, in this process."""
    for point in sweep:
        for target in pipeline(point.experiment).targets():
            run_stage(store, target)


def run_stage(store: Store, stage: Stage) -> None:
    for needed in stage.upstream():
        run_stage(store, needed)
    make(store, stage)
