"""Whether the models of a report learned to correct (decision 030)."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence

import msgspec

from lema.base.differences import difference
from lema.base.family import Judged, judge
from lema.base.records import Solution
from lema.base.records import Verdict as Answer
from lema.report.findings.arms import Evaluated, Form, distinct, identity, names_of_models, run_of, task_name, training
from lema.report.findings.compare import Pairs, compare
from lema.report.findings.delta_ppl import unscored
from lema.report.findings.mix_forms import lessons
from lema.report.findings.results import Arm, ArmResult, group, summaries
from lema.report.findings.skill_words import verdict, words
from lema.report.findings.spaces import slice_name
from lema.report.model import Comparison
from lema.report.tables.skill_parts import Beside, OwnCorrections, Share, SkillRow
from lema.stages.corrected_replies import Corrected
from lema.store import Artifact

LESSON = "corrections"  # that teaches to correct when asked


class Asked(msgspec.Struct, frozen=True, kw_only=True):
    """One model's replies: held-out ones by question, with whether a second sample of each question is right."""

    arm: str
    seed: int
    training: str
    taught: bool
    where: str
    held_out: Mapping[str, Corrected]
    again: Mapping[str, bool]
    own: Sequence[Corrected]

    def result(self, what: Callable[[Corrected], bool], questions: Sequence[str]) -> ArmResult:
        """Which mistakes something holds of."""
        right = {id_: what(self.held_out[id_]) for id_ in questions}
        return ArmResult(arm=self.arm, seed=self.seed, right=right, training=self.training)

    def second(self, questions: Sequence[str]) -> ArmResult:
        """Which questions a second sample is right on."""
        right = {id_: self.again.get(id_, False) for id_ in questions}
        return ArmResult(arm=self.arm, seed=self.seed, right=right, training=self.training)


def skills(
    artifacts: Sequence[Artifact], arms: Sequence[Evaluated], baseline: Pairs | None
) -> tuple[tuple[SkillRow, ...], tuple[Comparison, ...]]:
    """A row for each arm that was asked, and how often corrections of each two of the report's pairs end right.

    Args:
        baseline: pairs of an arm and the one that it is compared with.
    """
    names = names_of_models(arms)
    sets = {mistakes_of(artifact.manifest.spec): artifact.manifest.spec for artifact in artifacts}
    where = distinct({id_: (place(form), form) for id_, form in sets.items()})
    rows: list[SkillRow] = []
    comparisons: list[Comparison] = []
    for id_ in sets:
        asked = [read(one, names, where[id_]) for one in artifacts if mistakes_of(one.manifest.spec) == id_]
        rank = {name: number for number, name in enumerate(dict.fromkeys(names.values()))}
        asked.sort(key=lambda one: (rank.get(one.arm, len(rank)), one.arm, one.seed))
        common = sorted(set.intersection(*(set(one.held_out) for one in asked)))
        if len(common) > 1:  # of a single mistake nothing can be said
            rows += rows_of(asked, common)
            comparisons += against(asked, common, baseline, where[id_] if len(sets) > 1 else "")
    return tuple(rows), tuple(comparisons)


def mistakes_of(form: Form) -> str:
    """The identity of the mistakes that were asked about, and of how second samples were drawn."""
    return identity({name: form[name] for name in ("mistakes", "at_most", "again", "seed")})


def place(form: Form) -> str:
    """Whose questions the mistakes are of."""
    questions = form["mistakes"]["questions"]
    return f"{task_name(form['mistakes'])} {slice_name(questions)}"


def read(artifact: Artifact, names: Mapping[str, str], where: str) -> Asked:
    """The replies of one model."""
    spec = artifact.manifest.spec
    run = run_of(spec)
    rows = list(artifact.rows("corrected.jsonl", Corrected))
    return Asked(
        arm=names.get(identity(spec["trained"]), unscored(spec)),
        seed=run.get("seed", 0),
        training=training(spec),
        taught=LESSON in lessons(run["examples"]),
        where=where,
        held_out={row.question_id: row for row in rows if row.of == "held_out"},
        again={one.question_id: one.verdict is Answer.RIGHT for one in artifact.rows("again.jsonl", Solution)},
        own=[row for row in rows if row.of == "taught"],
    )


def rows_of(asked: Sequence[Asked], common: Sequence[str]) -> Iterator[SkillRow]:
    """The rows of models that were asked about the same mistakes."""
    formed = shares([one.result(lambda row: not row.malformed, common) for one in asked])
    named = shares([one.result(lambda row: bool(row.step_right), common) for one in asked])
    right = shares([one.result(lambda row: bool(row.right), common) for one in asked])
    sound = shares([one.result(lambda row: bool(row.sound), common) for one in asked])
    again = shares([one.second(common) for one in asked])
    beside = besides(asked, common)
    for arm in dict.fromkeys(one.arm for one in asked):
        runs = [one for one in asked if one.arm == arm]
        replies = [run.held_out[id_] for run in runs for id_ in common]
        faults = Counter(row.malformed for row in replies if row.malformed)
        steps = Counter(row.true_step for row in replies if row.true_step is not None)
        found = SkillRow(
            arm=arm,
            where=runs[0].where,
            seeds=tuple(run.seed for run in runs),
            taught=runs[0].taught,
            mistakes=len(common),
            well_formed=formed[arm],
            step_named=named[arm] if steps else None,
            step_guess=max(steps.values()) / len(replies) if steps else None,
            right=right[arm] if known(replies, lambda row: row.right) else None,
            sound=sound[arm] if known(replies, lambda row: row.sound) else None,
            again=again[arm],
            beside=None if arm not in beside else beside_of(beside[arm]),
            malformed={name: number / len(replies) for name, number in faults.most_common()},
            own=own_of([row for run in runs for row in run.own]),
            verdict="",
            words="",
        )
        if found.taught and found.right is not None:
            found = msgspec.structs.replace(found, verdict=verdict(formed[arm].value, beside[arm]))
            found = msgspec.structs.replace(found, words=words(found))
        yield found


def known(rows: Sequence[Corrected], what: Callable[[Corrected], bool | None]) -> bool:
    """Whether anybody can know something of these replies."""
    return any(what(row) is not None for row in rows)


def shares(results: Sequence[ArmResult]) -> dict[str, Share]:
    """The share of each arm, by its name."""
    return {
        one.arm: Share(value=one.accuracy, low=one.low, high=one.high, interval=one.interval, by_seed=one.by_seed)
        for one in summaries(results)
    }


def besides(asked: Sequence[Asked], common: Sequence[str]) -> dict[str, Judged]:
    """Corrections less second samples, of each arm that was taught: a reply and a sample of one run are a pair."""
    right = group([one.result(lambda row: bool(row.right), common) for one in asked])
    again = {arm.arm: arm for arm in group([one.second(common) for one in asked])}
    taught = {one.arm for one in asked if one.taught and known(list(one.held_out.values()), lambda row: row.right)}
    less = {arm.arm: arm.scores - again[arm.arm].scores for arm in right}
    family = [
        difference(less[arm.arm], drawn=(True, False), lenders=[less[name] for name in lending(right, arm)])
        for arm in right
        if arm.arm in taught
    ]
    return dict(zip([arm.arm for arm in right if arm.arm in taught], judge(family), strict=True))


def lending(arms: Sequence[Arm], arm: Arm) -> list[str]:
    """Names of the other arms that tell how far runs of this one spread."""
    lent = {id(one) for one in arms if arm.training and one.training == arm.training and len(one.by_seed) > 1}
    return [one.arm for one in arms if id(one) in lent and one.arm != arm.arm]


def beside_of(found: Judged) -> Beside:
    return Beside(
        difference=found.difference,
        low=found.low,
        high=found.high,
        about=found.about.value,
        p_adjusted=found.p_adjusted,
        verdict=found.verdict.value,
    )


def own_of(rows: Sequence[Corrected]) -> OwnCorrections | None:
    """The answers to training mistakes; None where there are none."""
    if not rows:
        return None
    return OwnCorrections(
        asked=len(rows),
        as_taught=sum(bool(row.as_taught) for row in rows),
        well_formed=sum(not row.malformed for row in rows),
        step_named=sum(bool(row.step_right) for row in rows) if known(rows, lambda row: row.step_right) else None,
        right=sum(bool(row.right) for row in rows) if known(rows, lambda row: row.right) else None,
    )


def against(asked: Sequence[Asked], common: Sequence[str], baseline: Pairs | None, task: str) -> tuple[Comparison, ...]:
    """Corrections that end right: arms against those that the report compares them with."""
    there = {one.arm for one in asked}
    pairs = [pair for pair in baseline or () if set(pair) <= there]
    if not pairs:
        return ()
    results = [one.result(lambda row: bool(row.right), common) for one in asked]
    _, comparisons = compare([msgspec.structs.replace(one, task=task) for one in results], pairs, ())
    return tuple(msgspec.structs.replace(c, words=f"Right corrections: {c.words}") for c in comparisons)


def not_asked(rows: Sequence[SkillRow], arms: Sequence[Evaluated]) -> tuple[str, ...]:
    """Names of arms that learned from corrections and that nobody asked for any."""
    asked = {row.arm for row in rows}
    taught = (arm.arm for arm in arms if arm.trained and LESSON in lessons(run_of(arm.form)["examples"]))
    return tuple(name for name in dict.fromkeys(taught) if name not in asked)
