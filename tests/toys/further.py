"""Toy experiments with every further stage: evolution, augmentation, decontamination, and a choice of checkpoints."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from lema.base.protocols import Sampling, TrainJob
from lema.base.question_slice import Slice
from lema.base.records import Question
from lema.base.spec import spec
from lema.config.options import Point
from lema.engines.scripted import Scripted
from lema.evolution.voting import Voting
from lema.evolvers.teacher import Teacher
from lema.experiment.augmentation import Augmentation
from lema.experiment.evolution import Strategy
from lema.experiment.sections import Checkpoint
from lema.likeness import Decontamination
from toys.lab import Sums, ToyModel, ToyTrainer, points

CHANCES = {100: 0.55, 200: 0.9, 300: 0.7}
#: What becomes of a question is decided by its last digit.
WRITER = Scripted(
    rules=(
        (r"Given exercise: What is (\d*1) ", "What is {1} + {1}?"),  # the seed once more
        (r"Given exercise: What is \d*2 ", "What is 1007 + 1007?"),  # a question that is scored
        (r"Given exercise: What is \d*3 ", "What is 2 + 3?"),  # the same for each
        (r"Given exercise: What is \d*4 ", ""),
        (r"Given exercise: What is (\d+)", "What is {1} + {seed}?"),
    )
)


@spec
class Leaky(Sums):
    """Sums of which five test questions are training questions, and one is but for its numbers."""

    kind = "leaky_sums"

    def questions(self, split: str, start: int = 0, stop: int | None = None) -> list[Question]:
        numbers = range(start, 400 if stop is None else stop)
        return [question(split, i, i if split == "train" or i < 5 else 1000 + i) for i in numbers]


def question(split: str, at: int, number: int) -> Question:
    words = " when both are counted once" if at == 10 else ""
    text = f"What is {number} + {number}{words}?"
    return Question(id=f"{split}-{at:04}", task="sums", text=text, answer=str(2 * number))


@spec
class Keeper(ToyTrainer):
    """Keeps checkpoints, the middle one the best; with a model in a folder, each holds its weights."""

    kind = "toy_keeper"
    keep_every: int = 100

    def train(self, job: TrainJob, progress: Callable[[int, int], None]) -> dict[str, Any]:
        summary = super().train(job, progress)
        output = Path(job.output)
        for step, chance in CHANCES.items():
            folder = output.with_name("checkpoints") / f"step-{step:06d}"
            folder.mkdir(parents=True)
            (folder / "learned.json").write_text(json.dumps({"chance": chance, "seed": 1}))
        for folder in (output, *output.with_name("checkpoints").iterdir()):
            if job.model["path"]:
                shutil.copytree(job.model["path"], folder, dirs_exist_ok=True)
        return summary


def further_points(
    mixes: Sequence[str] = ("cot", "cot_and_corrections"), seeds: Sequence[int] = (0,), **changed: Any
) -> list[Point]:
    """The points of a sweep in which every further stage has something to say."""
    fields: dict[str, Any] = {
        "task": Leaky(),
        "trainer": Keeper(),
        "decontamination": Decontamination(),
        "checkpoint": Checkpoint(by="best_on_test"),
        "augmentation": Augmentation(
            questions=Slice(split="train", stop=60), engine=ToyModel(), sampling=Sampling(n=3, temperature=0.7)
        ),
    }
    made = []
    for mix in mixes:
        own = {"evolution_strategy": strategy()} if mix == "cot_and_corrections" else {}
        made += points([mix], seeds, **(fields | own | changed))
    return made


def strategy(**changed: Any) -> Strategy:
    fields: dict[str, Any] = {
        "name": "teacher_correction_centric",
        "seeds_from": "corrections",
        "evolver": Teacher(engine=WRITER, sampling=Sampling(temperature=0.7)),
        "voting": Voting(engine=Scripted(default="Step 1: The answer is {3|4|5|?}.")),
        "count": 80,
    }
    return Strategy(**(fields | changed))
