"""Arms compared by how well they tell their own right answers from their wrong ones."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from itertools import combinations

import msgspec

from lema.base.stats import ALPHA, holm
from lema.discrimination.between import Ability, Gap, between
from lema.discrimination.picking import Pick
from lema.report.tables.parts import PickPair, PickRow
from lema.stages.discriminate import Pool, chosen_of
from lema.store import Artifact

#: Rows of a report with the stages that each was made from.
Made = Sequence[tuple[PickRow, Sequence[Artifact]]]


def pairs(made: Made) -> tuple[PickPair, ...]:
    """Every two arms of one model, task and read-out; seeds of training and of sampling are put together.

    Arms that pick among somebody else's answers are left out: these say nothing of what a model knows of its own.
    """
    groups: dict[tuple[str, str, str], dict[str, list[Artifact]]] = {}
    for row, artifacts in made:
        if not row.answers_of:
            arms = groups.setdefault((row.model, row.task, row.asked), {})
            arms.setdefault(row.arm, []).extend(artifacts)
    found = [
        compared(model, task, asked, first, second)
        for (model, task, asked), arms in groups.items()
        for first, second in combinations(((arm, abilities(held)) for arm, held in arms.items()), 2)
    ]
    adjusted = holm([one.p for one in found])
    return tuple(
        msgspec.structs.replace(one, p_adjusted=p, verdict=verdict(one.difference, p))
        for one, p in zip(found, adjusted, strict=True)
    )


def compared(
    model: str,
    task: str,
    asked: str,
    first: tuple[str, Mapping[str, Ability]],
    second: tuple[str, Mapping[str, Ability]],
) -> PickPair:
    """One pair; nothing adjusted or said yet."""
    said = between(first[1], second[1])

    def plain(gap: Gap) -> tuple[float, float, float]:
        return gap.value, gap.low, gap.high

    return PickPair(
        model=model,
        task=task,
        asked=asked,
        first=first[0],
        second=second[0],
        questions=said.questions,
        gen=plain(said.gen),
        difference=plain(said.difference),
        p=said.p,
        p_adjusted=said.p,
        headroom=plain(said.headroom),
        vote=plain(said.vote),
        verdict="",
    )


def verdict(difference: tuple[float, float, float], p: float) -> str:
    """Of the second arm: interval and adjusted p must agree."""
    _, low, high = difference
    if p >= ALPHA or low <= 0 <= high:
        return "cannot tell"
    return "better" if low > 0 else "worse"


def abilities(artifacts: Sequence[Artifact]) -> dict[str, Ability]:
    """How an arm does on each question: means over its samplings."""
    rows: dict[str, list[tuple[float, ...]]] = {}
    for artifact in artifacts:
        for id_, values in scored(artifact):
            rows.setdefault(id_, []).append(values)
    return {
        id_: Ability(*(sum(column) / len(column) for column in zip(*several, strict=True)))
        for id_, several in rows.items()
    }


def scored(artifact: Artifact) -> Iterator[tuple[str, tuple[float, ...]]]:
    """S_gen, S_disc, oracle and vote of each question of one stage; an invalid pick is the worst candidate."""
    pools = list(artifact.rows("pools.jsonl", Pool))
    for pool, picked in zip(pools, chosen_of(pools, list(artifact.rows("picks.jsonl", Pick))), strict=True):
        scores = [pool.values[number] if number >= 0 else min(pool.values) for number in picked]
        gen = sum(pool.values) / len(pool.values)
        yield pool.question_id, (gen, sum(scores) / len(scores), max(pool.values), pool.majority)
