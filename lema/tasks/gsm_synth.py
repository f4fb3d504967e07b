"""Generated grade-school problems with a known truth for every step: a laboratory in miniature.

One of them, at the difficulty `default`:

    Sam counts 8 chests. All of Sam's cards are in his chests, and each chest holds 3 cards. With 2 more
    cards, Mia would have as many as Sam's cards. What is the number of Mia's cards?

    Step 1: Sam's cards are 8 * 3 = 24.
    Step 2: Mia's cards are 24 - 2 = 22.
    Step 3: The answer is 22.

Every split is an endless stream. Splits share neither structures nor numbers, at any seed and any
difficulty: `pretrain` is for the base model, `train` for sampling and fine-tuning, `dev` for choices, and
the three tests for results (`test_longer`: more operations than in training; `test_reworded`: sentences that no
other split has).
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, ClassVar, Literal

from pydantic import Field, InstanceOf

from lema.base.protocols import Verifier
from lema.base.reasoning_steps import split_steps
from lema.base.records import Question
from lema.base.spec import Spec, key, spec
from lema.synth.difficulty import LEVELS, Difficulty
from lema.synth.splits import SPLITS, TASK, stream

# How much of each endless split there is when no end is asked for.
SIZES = {
    "pretrain": 100_000,
    "train": 10_000,
    "dev": 1_000,
    "test": 2_000,
    "test_longer": 1_000,
    "test_reworded": 1_000,
}


@spec
class GsmSynth(Spec):
    """The task; `difficulty` is a named level or the dials themselves."""

    kind = "gsm_synth"
    apart: ClassVar[bool] = True  # no split gives away a question of another
    templated: ClassVar[bool] = True  # equal sentences are no leak: see `lema.likeness.decontaminating.held_out`
    verifier: InstanceOf[Verifier]
    difficulty: Literal["easy", "default", "hard"] | Difficulty = "default"
    seed: Annotated[int, Field(ge=0)] = 0

    @property
    def name(self) -> str:
        return TASK

    @property
    def splits(self) -> tuple[str, ...]:
        return SPLITS

    @property
    def test_split(self) -> str:
        return "test"

    @property
    def dials(self) -> Difficulty:
        return LEVELS[self.difficulty] if isinstance(self.difficulty, str) else self.difficulty

    def check(self) -> None:
        self.dials.check()

    def fingerprint(self) -> Mapping[str, str]:
        # A level's name must not stand for other dials one day.
        return {"dials": key(self.dials)}

    def questions(self, split: str, start: int = 0, stop: int | None = None) -> list[Question]:
        end = SIZES.get(split, 0) if stop is None else stop
        return stream(self.dials, split, self.seed, range(start, end))

    def steps(self, question: Question) -> list[str]:
        return split_steps(question.solution)
