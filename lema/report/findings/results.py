"""Arms as tables of scores: who answered which question right, grouped by arm and task, and summed up."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

import msgspec

from lema.base import stats
from lema.base.differences import difference
from lema.base.errors import InputError
from lema.report.model import ArmSummary

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

WILSON = "Wilson, new questions"  # of a single run
QUESTIONS = "new questions"  # with these runs
RUNS = "new questions and runs"


class ArmResult(msgspec.Struct, frozen=True, kw_only=True):
    """One evaluated model: question id -> answered right.

    `seed` is None for a model that was not trained here. `training` says which kind of training a run is of: arms of
    one kind on one task tell of each other how far runs spread. An empty one tells nothing.
    """

    arm: str
    seed: int | None
    right: Mapping[str, bool]
    task: str = ""
    training: str = ""


class Arm(msgspec.Struct, frozen=True, kw_only=True):
    """One arm on one task: its seeds, and answers over the questions in sorted order."""

    arm: str
    task: str
    questions: tuple[str, ...]
    by_seed: dict[int | None, tuple[bool, ...]]
    training: str = ""

    @property
    def seeds(self) -> tuple[int, ...]:
        return tuple(seed for seed in self.by_seed if seed is not None)

    @property
    def drawn(self) -> bool:
        """Whether its runs are draws of a training, of which new ones could be made; a model before training is not."""
        return None not in self.by_seed

    @property
    def scores(self) -> NDArray[np.float64]:
        """[runs x questions], 1 for right."""
        import numpy as np

        return np.array(list(self.by_seed.values()), dtype=np.float64)


def group(results: Sequence[ArmResult]) -> list[Arm]:
    """Results by arm and task, in order of appearance; within a task all answer the same questions."""
    questions: dict[str, tuple[str, ArmResult]] = {}
    grouped: dict[tuple[str, str], dict[int | None, tuple[bool, ...]]] = {}
    trainings: dict[tuple[str, str], str] = {}
    for result in results:
        first = questions.setdefault(result.task, (label(result), result))
        same_questions(first[1], result)
        by_seed = grouped.setdefault((result.task, result.arm), {})
        if result.seed in by_seed:
            raise InputError(f"{label(result)} is given twice")
        by_seed[result.seed] = tuple(bool(result.right[id_]) for id_ in sorted(result.right))
        trainings.setdefault((result.task, result.arm), result.training)
    return [
        Arm(
            arm=arm,
            task=task,
            questions=tuple(sorted(questions[task][1].right)),
            by_seed=ordered(by_seed),
            training=trainings[task, arm],
        )
        for (task, arm), by_seed in grouped.items()
    ]


def ordered(by_seed: dict[int | None, tuple[bool, ...]]) -> dict[int | None, tuple[bool, ...]]:
    """The same, by rising seed."""
    return {seed: by_seed[seed] for seed in sorted(by_seed, key=lambda seed: (seed is not None, seed or 0))}


def label(result: ArmResult) -> str:
    """How a message names one result."""
    task = f" on {result.task}" if result.task else ""
    return f"arm {result.arm!r}{task}" + ("" if result.seed is None else f", seed {result.seed}")


def same_questions(first: ArmResult, other: ArmResult) -> None:
    """Raise InputError, naming the difference, unless both answered the same questions, and at least one."""
    if not other.right:
        raise InputError(f"{label(other)} answered no questions")
    missing, extra = sorted(first.right.keys() - other.right.keys()), sorted(other.right.keys() - first.right.keys())
    if missing or extra:
        parts = [
            f"{len(ids):,} only in {label(one)} ({', '.join(ids[:3])}{', ...' if len(ids) > 3 else ''})"
            for one, ids in ((first, missing), (other, extra))
            if ids
        ]
        raise InputError(
            f"{label(first)} and {label(other)} answered different questions, so they cannot be compared: "
            f"{' and '.join(parts)}. Evaluate both on the same task, split and range."
        )


def lenders(arms: Sequence[Arm], *besides: Arm) -> list[NDArray[np.float64]]:
    """Scores of the other arms that tell how far runs of these spread: of the same task and kind of training."""
    first = besides[0]
    return [
        arm.scores
        for arm in arms
        if first.training and (arm.task, arm.training) == (first.task, first.training)
        if arm.drawn and len(arm.by_seed) > 1 and all(arm.arm != own.arm for own in besides)
    ]


def summaries(results: Sequence[ArmResult]) -> tuple[ArmSummary, ...]:
    """Summaries of all arms, compared with nothing."""
    arms = group(results)
    return tuple(summary(arm, lenders(arms, arm)) for arm in arms)


def summary(arm: Arm, lent: Sequence[NDArray[np.float64]] = ()) -> ArmSummary:
    """Accuracy over runs: Wilson's interval for a single one; else about new questions, and about new runs where
    enough is known of how far these spread."""
    scores, n = arm.scores, len(arm.questions)
    if len(scores) == 1 or n == 1:
        found = stats.wilson(int(scores[0].sum()), n)
        value, low, high, how = found.estimate, found.low, found.high, WILSON
    else:
        mean = difference(scores, drawn=(arm.drawn, False), lenders=lent)
        value, half = float(mean.value), float(mean.half_width())
        low, high, how = max(0.0, value - half), min(1.0, value + half), RUNS if mean.share else QUESTIONS
    return ArmSummary(
        arm=arm.arm,
        task=arm.task,
        n=n,
        seeds=arm.seeds,
        accuracy=value,
        low=low,
        high=high,
        interval=how,
        by_seed=tuple(float(score) for score in scores.mean(axis=1)),
    )
