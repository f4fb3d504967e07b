"""Arms compared by how well they tell their own right answers from their wrong ones."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from itertools import combinations

import msgspec

from lema.base.differences import Difference
from lema.base.family import Judged, judge
from lema.discrimination.between import Ability, Arm, Between, between
from lema.discrimination.picking import Pick
from lema.report.findings.arms import training
from lema.report.tables.parts import PickPair, PickRow
from lema.stages.discriminate import Pool, chosen_of
from lema.store import Artifact

#: Rows of a report with the stages that each was made from.
Made = Sequence[tuple[PickRow, Sequence[Artifact]]]
#: Of one model, task and read-out: the arms by name, each with its kind of training.
Group = Mapping[str, tuple[str, Arm]]


def pairs(made: Made) -> tuple[PickPair, ...]:
    """Every two arms of one model, task and read-out.

    Arms that pick among somebody else's answers are left out: these say nothing of what a model knows of its own.
    """
    found: list[tuple[PickPair, Between]] = []
    for (model, task, asked), arms in groups(made).items():
        for first, second in combinations(arms, 2):
            said = compared(arms, first, second)
            found.append((plain(model, task, asked, first, second, arms, said), said))
    judged = judge([said.difference for _, said in found])
    return tuple(finished(pair, one) for (pair, _), one in zip(found, judged, strict=True))


def groups(made: Made) -> dict[tuple[str, str, str], Group]:
    """The arms of each model, task and read-out, by name; a row is one run."""
    held: dict[tuple[str, str, str], dict[str, list[tuple[PickRow, Sequence[Artifact]]]]] = {}
    for row, artifacts in made:
        if not row.answers_of:
            held.setdefault((row.model, row.task, row.asked), {}).setdefault(row.arm, []).append((row, artifacts))
    return {key: {name: arm_of(rows) for name, rows in arms.items()} for key, arms in held.items()}


def arm_of(rows: Made) -> tuple[str, Arm]:
    """The runs of one arm, and its kind of training."""
    runs = [abilities(artifacts) for _, artifacts in rows]
    drawn = rows[0][0].seed is not None
    return training(rows[0][1][0].manifest.spec) if drawn else "", Arm(runs=runs, drawn=drawn)


def compared(arms: Group, first: str, second: str) -> Between:
    """The second arm less the first; the others of their kind of training lend what they tell of runs."""
    kinds = {kind for kind, arm in (arms[first], arms[second]) if arm.drawn}
    lenders = [arm for name, (kind, arm) in arms.items() if name not in (first, second) and {kind} == kinds]
    return between(arms[first][1], arms[second][1], lenders)


def plain(model: str, task: str, asked: str, first: str, second: str, arms: Group, said: Between) -> PickPair:
    """One pair; nothing adjusted or said yet."""
    runs = [len(arm.runs) if arm.drawn else 0 for _, arm in (arms[first], arms[second])]
    return PickPair(
        model=model,
        task=task,
        asked=asked,
        first=first,
        second=second,
        questions=said.questions,
        gen=bounded(said.gen),
        difference=bounded(said.difference),
        runs=(runs[0], runs[1]),
        about="",
        run_sd=None,
        run_df=0.0,
        lent_df=0.0,
        p=1.0,
        p_adjusted=1.0,
        family=1,
        smallest=1.0,
        headroom=bounded(said.headroom),
        vote=bounded(said.vote),
        verdict="",
    )


def bounded(gap: Difference) -> tuple[float, float, float]:
    """A difference with its own 95 % interval."""
    value, half = float(gap.value), float(gap.half_width())
    return value, value - half, value + half


def finished(pair: PickPair, one: Judged) -> PickPair:
    """The pair as it is judged among all pairs of the report."""
    return msgspec.structs.replace(
        pair,
        difference=(one.difference, one.low, one.high),
        about=one.about.value,
        run_sd=one.run_sd,
        run_df=one.run_df,
        lent_df=one.lent_df,
        p=one.p,
        p_adjusted=one.p_adjusted,
        family=one.family,
        smallest=one.smallest,
        verdict=one.verdict.value,
    )


def abilities(artifacts: Sequence[Artifact]) -> dict[str, Ability]:
    """How a run does on each question: means over its samplings."""
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
