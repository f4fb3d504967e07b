"""A report of a made-up sweep as large as they come: 12 arms on 3 tasks, 3 seeds, with everything a report can hold."""

from __future__ import annotations

import random
from functools import lru_cache

import msgspec

from lema.report.findings.compare import compare
from lema.report.findings.results import ArmResult, summaries
from lema.report.model import ArmSummary, Mix, PaperCell, Report, StageLine, Trend, TrendPoint
from toys.report import curve, toy_report

TASKS = {"gsm8k": 1319, "svamp": 1000, "asdiv": 2084}
SIZES = (1000, 4000, 16000, 32000)
FAMILIES = ("cot", "cot_and_corrections", "cot_and_corrections, correction-centric evolution")
SEEDS = (0, 1, 2)


def name(family: str, size: int) -> str:
    return f"{family} (examples={size})"


ARMS = tuple(name(family, size) for family in FAMILIES for size in SIZES)


def strength(family: str, size: int) -> float:
    return 0.3 + 0.07 * SIZES.index(size) + 0.02 * FAMILIES.index(family)


def sweep_results(strict: float = 0.0) -> list[ArmResult]:
    """Who answered what right; `strict` lowers every arm's chance, as another grader may."""
    found = []
    for task, n in TASKS.items():
        draw = random.Random(task)
        hard = {f"{task}-{number:04}": draw.random() for number in range(n)}

        def answers(chance: float, hard: dict[str, float] = hard, draw: random.Random = draw) -> dict[str, bool]:
            return {id_: at + draw.gauss(0, 0.1) < chance - strict for id_, at in hard.items()}

        found.append(ArmResult(arm="base", seed=None, right=answers(0.22), task=task))
        for family in FAMILIES:
            for size in SIZES:
                chance = strength(family, size)
                found += [
                    ArmResult(arm=name(family, size), seed=seed, right=answers(chance), task=task) for seed in SEEDS
                ]
    return found


def point(arm: ArmSummary, x: float) -> TrendPoint:
    return TrendPoint(arm=arm.arm, x=x, accuracy=arm.accuracy, low=arm.low, high=arm.high)


def trends(arms: tuple[ArmSummary, ...]) -> tuple[Trend, ...]:
    """Accuracy by size on every task, and by rounds of evolution on one."""
    at = {(arm.arm, arm.task): arm for arm in arms}
    by_size = [
        Trend(
            family=family,
            task=task,
            axis="training examples",
            points=tuple(point(at[name(family, size), task], size) for size in SIZES),
        )
        for task in TASKS
        for family in FAMILIES
    ]
    by_rounds = [
        Trend(
            family=strategy,
            task="gsm8k",
            axis="rounds of evolution",
            points=tuple(point(at[name(family, size), "gsm8k"], number) for number, size in enumerate(SIZES[:3])),
        )
        for strategy, family in (("general", FAMILIES[1]), ("correction_centric", FAMILIES[2]))
    ]
    return (*by_size, *by_rounds)


def cells(arms: tuple[ArmSummary, ...]) -> tuple[PaperCell, ...]:
    """Made-up numbers of a made-up table, for the largest size."""
    return tuple(
        PaperCell(
            model="llama2_7b",
            arm=arm.arm,
            task=arm.task,
            grader=arm.grader,
            ours=arm.accuracy,
            low=arm.low,
            high=arm.high,
            paper=0.5 + number / 100,
            difference=arm.accuracy - 0.5 - number / 100,
            printed="Table 1",
            note="checkpoint (ours: last); training data made anew"
            + ("" if arm.grader else "; grader (ours: the task's own)"),
        )
        for number, arm in enumerate(arms)
        if arm.arm in {name(family, SIZES[-1]) for family in FAMILIES[:2]}
    )


def stages() -> tuple[StageLine, ...]:
    draw = random.Random(0)
    counts = {"generate": 3, "correct": 3, "evolve": 1, "mix": 36, "train": 36, "evaluate": 111}
    return tuple(
        StageLine(
            name=kind,
            key=f"{draw.getrandbits(64):016x}",
            seconds=draw.uniform(2, 4000),
            prompt_tokens=None if kind in {"mix", "train"} else draw.randrange(10**6),
            completion_tokens=None if kind in {"mix", "train"} else draw.randrange(10**6),
        )
        for kind, number in counts.items()
        for _ in range(number)
    )


@lru_cache
def toy_sweep() -> Report:
    arms, comparisons = compare(sweep_results(), baseline=ARMS[3], base="base")
    keys = iter(stage.key for stage in stages() if stage.name == "evaluate")
    arms = tuple(
        msgspec.structs.replace(
            arm, selection="best_on_dev" if arm.seeds else "", runs=tuple(next(keys) for _ in arm.seeds or (0,))
        )
        for arm in arms
    )
    regraded = tuple(msgspec.structs.replace(arm, grader="lema_v1") for arm in summaries(sweep_results(strict=0.02)))
    trained = [(arm, seed) for arm in ARMS for seed in SEEDS]
    runs = iter(stage.key for stage in stages() if stage.name == "train")
    return msgspec.structs.replace(
        toy_report(),
        title="gsm8k, llama2_7b: sizes and evolution",
        question="Does the gain from corrections grow with the size of the training set?",
        baseline=ARMS[3],
        base="base",
        arms=arms,
        comparisons=comparisons,
        regraded=regraded,
        trends=trends(arms),
        paper=cells((*arms, *regraded)),
        curves=tuple(
            msgspec.structs.replace(curve(arm, seed, 0.2 + 0.02 * ARMS.index(arm)), run=next(runs))
            for arm, seed in trained
        ),
        mixes=tuple(
            Mix(arm=arm, seed=seed, sources={"cot": 700 + seed, "correction": 300}, target_tokens=60_000 + seed)
            for arm, seed in trained
        ),
        stages=stages(),
    )
