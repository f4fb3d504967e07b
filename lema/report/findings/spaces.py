"""Output spaces of the models of a report, and the differences between them (PaD, arXiv 2305.13888).

Models are measured on the same questions: one that any model of the same slice has no target for, such as a program
that nobody wrote, is left out of all of them.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from itertools import combinations
from typing import TYPE_CHECKING

import msgspec

from lema.report.findings.arms import BASE, Evaluated, Form, identity, names_of_models, run_of, task_name
from lema.report.findings.delta_ppl import unscored
from lema.report.tables.space_parts import SpacePair, SpaceRow
from lema.stages.output_space import Space, columns, differences, measured
from lema.store import Artifact

if TYPE_CHECKING:
    from lema.base.stats import Matrix

PAIRED = ("question_bits", "entropy", "vocabulary", "top")


class Looked(msgspec.Struct, frozen=True, kw_only=True):
    """One artifact: its row, and its sums by question in an order that all of its slice share."""

    row: SpaceRow
    sums: Matrix

    @property
    def name(self) -> str:
        """The arm; models before training are one for each form of target."""
        return f"{self.row.arm}, {self.row.target}s" if self.row.arm == BASE else self.row.arm


def spaces(
    artifacts: Sequence[Artifact], arms: Sequence[Evaluated]
) -> tuple[tuple[SpaceRow, ...], tuple[SpacePair, ...]]:
    """One row a model and form of target, models before training first and then the arms in their order; and every two
    of one slice beside each other."""
    names = names_of_models(arms)
    rank = {name: number for number, name in enumerate(dict.fromkeys(names.values()), 1)}
    slices: dict[str, list[Artifact]] = {}
    for artifact in artifacts:
        spec = artifact.manifest.spec
        slices.setdefault(identity({"task": spec["task"], "questions": spec["questions"]}), []).append(artifact)
    rows: list[SpaceRow] = []
    pairs: list[SpacePair] = []
    for held in slices.values():
        found = list(looked(held, names))
        found.sort(key=lambda one: (one.row.model, rank.get(one.row.arm, 0), one.row.target, one.row.seed or 0))
        rows += [one.row for one in found]
        pairs += compared(found)
    return tuple(rows), tuple(pairs)


def looked(artifacts: Sequence[Artifact], names: Mapping[str, str]) -> Iterator[Looked]:
    """The artifacts of one slice on the questions that all of them have; nothing when there are none."""
    by_question = [
        {row.question_id: row for row in artifact.rows("output_space.jsonl", Space)} for artifact in artifacts
    ]
    common = [id_ for id_ in by_question[0] if all(id_ in held for held in by_question)]
    for artifact, held in zip(artifacts, by_question, strict=True) if common else ():
        spec, summary = artifact.manifest.spec, artifact.summary
        run = run_of(spec)
        sums = columns([held[id_] for id_ in common])
        row = SpaceRow(
            model=str(spec["model"]["name"]) + (", 4-bit" if spec["quantised"] else ""),
            arm=BASE if run is None else names.get(identity(spec["trained"]), unscored(spec)),
            seed=None if run is None else run.get("seed", 0),
            where=f"{task_name(spec)} {slice_name(spec['questions'])}",
            target=spec["target"],
            questions=len(common),
            left_out=summary["questions"] + summary["without_target"] - len(common),
            tokens=sum(held[id_].tokens for id_ in common),
            **measured(sums, spec["seed"]),
        )
        yield Looked(row=row, sums=sums)


def slice_name(form: Form) -> str:
    return f"{form['split']}[{form['start']}:{'' if form['stop'] is None else form['stop']}]"


def compared(found: Sequence[Looked]) -> Iterator[SpacePair]:
    """Every two models of one slice, the later less the earlier: arms, and with each the model before training."""
    groups: dict[tuple[str, str], list[Looked]] = {}
    for one in found:
        groups.setdefault((one.row.model, one.name), []).append(one)
    for ((model, against), first), ((other, arm), second) in combinations(groups.items(), 2):
        based = [held[0].row.arm == BASE for held in (first, second)]
        if model != other or (any(based) and not all(based) and first[0].row.target != second[0].row.target):
            continue
        pair = shared(first, second)
        if pair is None:
            continue
        seeds, earlier, later = pair
        said = differences(earlier, later, 0)
        yield SpacePair(
            model=model,
            where=first[0].row.where,
            arm=arm,
            against=against,
            seeds=seeds,
            questions=first[0].row.questions,
            **{name: said[name] for name in PAIRED},
        )


def shared(first: Sequence[Looked], second: Sequence[Looked]) -> tuple[tuple[int, ...], Matrix, Matrix] | None:
    """Sums over the seeds that both have; a model before training has them all. None where they share none."""
    own, other = ({one.row.seed: one.sums for one in held} for held in (first, second))
    free = own.keys() == {None}, other.keys() == {None}
    if all(free):
        return (), own[None], other[None]
    seeds = tuple(sorted(seed for seed in (own | other) if seed is not None and (free[0] or seed in own)))
    seeds = tuple(seed for seed in seeds if free[1] or seed in other)
    if not seeds:
        return None
    earlier, later = (
        sum((held[None if is_free else seed] for seed in seeds[1:]), start=held[None if is_free else seeds[0]])
        for held, is_free in zip((own, other), free, strict=True)
    )
    return seeds, earlier, later
