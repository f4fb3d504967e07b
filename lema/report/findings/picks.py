"""Picks among sampled answers, by model, task and read-out, from the stages that asked for them (SELF-[IN]CORRECT)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import msgspec

from lema.base.differences import ALPHA, Difference
from lema.base.family import Judged, Verdict, judge
from lema.discrimination.asking import Asking
from lema.discrimination.measures import Measured, around, gains, measure, over_zero
from lema.discrimination.picking import Pick
from lema.discrimination.positions import consistency, positions
from lema.report.findings.arms import (
    BASE,
    Evaluated,
    Form,
    distinct,
    identity,
    model_name,
    names_of_models,
    run_of,
    task_name,
)
from lema.report.findings.delta_ppl import unscored
from lema.report.findings.paper_picks import PaperCell
from lema.report.findings.pick_pairs import pairs
from lema.report.tables.parts import PaperPick, PickPair, PickRow
from lema.report.tables.text import faced
from lema.stages.discriminate import Pool, chosen_of
from lema.store import Artifact

BETTER, WORSE, NOT_BETTER, CANNOT_TELL = "better", "worse", "not better", "cannot tell"
#: Fields of a stage that say how picks are asked for, and not of whom.
ASKED = ("asking", "cyclic", "max_tokens", "format", "demos", "seed")
#: Tasks on which our scores and the paper's are of different kinds.
OTHER_METRIC = {"truthfulqa": "ours is multiple choice (MC1), the paper's what two judges say of free answers"}


def picks(artifacts: Sequence[Artifact], arms: Sequence[Evaluated]) -> tuple[tuple[PickRow, ...], tuple[PickPair, ...]]:
    """One row a model, task, set of answers and read-out, and every two arms beside each other."""
    made = measured(artifacts, arms)
    judged = judge([gain for _, gain, _ in made])
    rows = tuple(finished(one, gain, found) for (one, gain, _), found in zip(made, judged, strict=True))
    return rows, pairs([(one, held) for one, _, held in made])


def measured(
    artifacts: Sequence[Artifact], arms: Sequence[Evaluated]
) -> list[tuple[PickRow, Difference, Sequence[Artifact]]]:
    """Rows with their DG-DIFF and the stages that they are of; seeds of sampling are put together.

    Models before training come first, then the arms in their order.
    """
    names = names_of_models(arms)
    bases = {identity(arm.form["engine"]): arm.arm for arm in arms if arm.form["trained"] is None}
    groups: dict[str, list[Artifact]] = {}
    for artifact in artifacts:
        groups.setdefault(identity(unsampled(artifact.manifest.spec)), []).append(artifact)
    ways = {identity(asked(held[0].manifest.spec)): asked(held[0].manifest.spec) for held in groups.values()}
    told = distinct({id_: (label(way), way) for id_, way in ways.items()})
    rows: list[tuple[PickRow, Difference, Sequence[Artifact]]] = []
    for held in groups.values():
        spec = held[0].manifest.spec
        arm = bases.get(identity(spec["engine"]), BASE) if spec["trained"] is None else names.get(
            identity(spec["trained"]), unscored(spec))  # fmt: skip
        rows.append((*row(held, arm, told[identity(asked(spec))]), held))
    rank = {name: number for number, name in enumerate(dict.fromkeys([*bases.values(), *names.values()]))}
    order = {name: number for number, name in enumerate(dict.fromkeys(r.asked for r, _, _ in rows))}
    rows.sort(key=lambda made: place(made[0], order, rank))
    return rows


def place(r: PickRow, asked: Mapping[str, int], arms: Mapping[str, int]) -> tuple[str, str, int, int, int]:
    """What a report's rows are sorted by."""
    return r.task, r.model, asked[r.asked], arms.get(r.arm, 0), r.seed or 0


def unsampled(spec: Form) -> Form:
    """A stage without the seed of its samples."""
    return {**spec, "candidates": {**spec["candidates"], "seed": None}}


def asked(spec: Form) -> Form:
    """How picks were asked for."""
    return {name: spec[name] for name in ASKED}


def label(way: Form) -> str:
    """The same in words."""
    known = {name: held for name, held in way["asking"].items() if name in Asking.__dataclass_fields__}
    return Asking(**known).label + (", cyclic orders" if way["cyclic"] else "")


def sampler(spec: Form) -> str:
    """Who sampled the answers; empty when it is the model that picks."""
    candidates = spec["candidates"]
    if (candidates["engine"], candidates["trained"]) == (spec["engine"], spec["trained"]):
        return ""
    return model_name(candidates)


def row(artifacts: Sequence[Artifact], arm: str, how: str) -> tuple[PickRow, Difference]:
    """The measure over all seeds of sampling, nothing adjusted or said yet, and the difference to judge it by."""
    pools = [list(artifact.rows("pools.jsonl", Pool)) for artifact in artifacts]
    made = [list(artifact.rows("picks.jsonl", Pick)) for artifact in artifacts]
    chosen = [one for held, own in zip(pools, made, strict=True) for one in chosen_of(held, own)]
    every = [pool for held in pools for pool in held]
    values, questions = [pool.values for pool in every], [pool.question_id for pool in every]
    found = measure(values, chosen, questions=questions, majority=[pool.majority for pool in every])
    spec = artifacts[0].manifest.spec
    run = run_of(spec)
    made_row = PickRow(
        model=model_name(spec),
        arm=arm,
        seed=None if run is None else run.get("seed", 0),
        task=task_name(spec),
        answers_of=sampler(spec),
        asked=how,
        left_out=sum(artifact.summary["left_out"] for artifact in artifacts),
        answers=len(every[0].values),
        samplings=len(artifacts),
        **of_measure(found),
        **of_positions(pools, made, chosen, found.orders),
        p_adjusted=found.p,
        family=1,
        verdict="",
        words="",
    )
    return made_row, over_zero(gains(values, chosen, questions))


def of_measure(found: Measured) -> dict[str, Any]:
    """The fields of a row that are those of a measure."""
    same = {name: getattr(found, name) for name in Measured.__struct_fields__ if name in PickRow.__struct_fields__}
    mixed = found.mixed
    return same | {
        "headroom": found.headroom,
        "mixed_questions": 0 if mixed is None else mixed.questions,
        **{f"mixed_{name}": mixed and getattr(mixed, name) for name in ("gen", "disc", "difference", "low", "high")},
    }


def of_positions(
    pools: Sequence[Sequence[Pool]], made: Sequence[Sequence[Pick]], chosen: Sequence[Sequence[int]], orders: int
) -> dict[str, Any]:
    """Where picks and right answers stand."""
    flat = [one for own in made for one in own]
    shown = [[one.shown for one in flat[at : at + orders]] for at in range(0, len(flat), orders)]
    right = [[value > 0 for value in pool.values] for held in pools for pool in held]
    where = positions(shown, chosen, right)
    return {
        "chosen_at": where.chosen,
        "right_at": where.right,
        "found_at": where.found,
        "p_position": where.p,
        "consistency": consistency(chosen),
    }


def finished(one: PickRow, gain: Difference, found: Judged) -> PickRow:
    """The row as it is judged among all rows, and what may be said."""
    lower, upper = around(gain, 1.0, 2 * ALPHA / found.family)
    judged = msgspec.structs.replace(
        one,
        low=found.low,
        high=found.high,
        lower=lower,
        upper=upper,
        p_adjusted=found.p_adjusted,
        family=found.family,
        smallest=found.smallest,
        verdict=verdict(one, found, upper),
    )
    return msgspec.structs.replace(judged, words=words(judged))


def verdict(one: PickRow, found: Judged, upper: float) -> str:
    """Better or worse as it is judged; not better where a one-sided bound lies below the margin."""
    if found.verdict is not Verdict.CANNOT_TELL:
        return BETTER if found.difference > 0 else WORSE
    return NOT_BETTER if upper < one.margin else CANNOT_TELL


def words(one: PickRow) -> str:
    """One row as a sentence that can stand alone."""
    whose = f"answers of {one.answers_of}" if one.answers_of else "its own answers"
    who = one.arm if one.seed is None else f"{one.arm} (seed {one.seed})"
    what = f"picking among {whose} ({one.asked}) on {one.task}"
    number = f"{100 * one.difference:+.1f} points (95 % interval {faced(one.low, one.high)}"
    number += f", {one.questions:,} questions; {100 * one.gen:.1f} to {100 * one.disc:.1f} %)"
    match one.verdict:
        case "better" | "worse":
            return f"{who}: {what} is {one.verdict} than drawing one at random, by {number}."
        case "not better":
            return f"{who}: {what} is not better than drawing one at random by {100 * one.margin:.0f} point: {number}."
        case _:
            return f"{who}: cannot tell {what} from drawing one at random: {number}."


def beside(cells: Sequence[PaperCell], rows: Sequence[PickRow]) -> tuple[PaperPick, ...]:
    """The paper's figures on the tasks of a report, with ours of the same model before training where there are any."""
    ours: Mapping[tuple[str, str], PickRow] = {
        (one.model, one.task): one
        for one in reversed(rows)
        if one.seed is None and not one.answers_of and one.asked.startswith("label text") and "gold" not in one.asked
    }
    tasks = {one.task for one in rows}
    found = []
    for cell in cells:
        if cell.task in tasks:
            own = ours.get((cell.model, cell.task))
            found.append(
                PaperPick(
                    model=cell.model,
                    task=cell.task,
                    questions=cell.questions,
                    gen=cell.gen,
                    disc=cell.disc,
                    difference=cell.difference,
                    p=cell.p,
                    largest_p=cell.largest,
                    impossible=cell.impossible,
                    ours_gen=None if own is None else own.gen,
                    ours_disc=None if own is None else own.disc,
                    ours_difference=None if own is None else own.difference,
                    ours_asked="" if own is None else own.asked,
                    printed=cell.printed,
                    note="; ".join(filter(None, (cell.note, OTHER_METRIC.get(cell.task) if own else ""))),
                )
            )
    return tuple(found)
