"""Arms and their paired comparisons, from who answered which question right.

Policy (the statistics are in `lema.base.stats`): arms are compared on the same questions, seed with seed. Every arm is
compared with its baseline arm, and every arm with its base model. p values are adjusted by Holm over all comparisons
with baselines and over all with base models (all arms, all tasks); intervals are not adjusted. A verdict uses the
adjusted p.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import msgspec

from lema.base import stats
from lema.base.errors import InputError
from lema.report.model import ArmSummary, Comparison, Note, Role

BOOTSTRAP = "bootstrap"  # over questions
WILSON = "Wilson"


Pairs = Sequence[tuple[str, str]]  # names of an arm, and of the arm that it is compared with


class ArmResult(msgspec.Struct, frozen=True, kw_only=True):
    """One evaluated model: question id -> answered right. `seed` is None for a model that was not trained here."""

    arm: str
    seed: int | None
    right: Mapping[str, bool]
    task: str = ""


class Arm(msgspec.Struct, frozen=True, kw_only=True):
    """One arm on one task: its seeds, and answers over the questions in sorted order."""

    arm: str
    task: str
    questions: tuple[str, ...]
    by_seed: dict[int | None, tuple[bool, ...]]

    @property
    def seeds(self) -> tuple[int, ...]:
        return tuple(seed for seed in self.by_seed if seed is not None)


def compare(
    results: Sequence[ArmResult], baseline: str | Pairs | None = None, base: str | Pairs | None = None
) -> tuple[tuple[ArmSummary, ...], tuple[Comparison, ...], tuple[Note, ...]]:
    """Summaries of all arms, and arms against their `baseline` (default: the first trained arm) and their `base`.

    Args:
        baseline: the arm that all others are compared with, or pairs of an arm and the one that it is compared with.
        base: the same for the model before training.

    Raises:
        InputError: arms answered different questions, an arm has one seed twice, two arms share no seed, or
            `baseline` or `base` names no arm.
    """
    arms = group(results)
    names = list(dict.fromkeys(arm.arm for arm in arms))
    untrained = {base} if isinstance(base, str) else {other for _, other in base or ()}
    trained = [name for name in names if name not in untrained]
    comparisons: list[Comparison] = []
    notes: list[Note] = []
    for role, chosen in ((Role.BASELINE, baseline or next(iter(trained), None)), (Role.BASE, base)):
        if isinstance(chosen, str) and chosen not in names:
            raise InputError(f"{role} {chosen!r} is none of the evaluated arms: {', '.join(names)}")
        pairs = [(name, chosen) for name in trained if name != chosen] if isinstance(chosen, str) else chosen or ()
        met = [(by_name(arms, one, task), by_name(arms, other, task)) for task in tasks(arms) for one, other in pairs]
        comparisons += adjusted([versus(arm, other, role) for arm, other in met if arm and other])
        notes += [note for arm, other in met if arm and other for note in seed_notes(arm, other)]
    return tuple(summary(arm) for arm in arms), tuple(comparisons), tuple(notes)


def summaries(results: Sequence[ArmResult]) -> tuple[ArmSummary, ...]:
    """Summaries of all arms, compared with nothing."""
    return tuple(summary(arm) for arm in group(results))


def group(results: Sequence[ArmResult]) -> list[Arm]:
    """Results by arm and task, in order of appearance; within a task all answer the same questions."""
    questions: dict[str, tuple[str, ArmResult]] = {}
    grouped: dict[tuple[str, str], dict[int | None, tuple[bool, ...]]] = {}
    for result in results:
        first = questions.setdefault(result.task, (label(result), result))
        same_questions(first[1], result)
        by_seed = grouped.setdefault((result.task, result.arm), {})
        if result.seed in by_seed:
            raise InputError(f"{label(result)} is given twice")
        by_seed[result.seed] = tuple(bool(result.right[id_]) for id_ in sorted(result.right))
    return [
        Arm(arm=arm, task=task, questions=tuple(sorted(questions[task][1].right)), by_seed=ordered(by_seed))
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


def tasks(arms: Sequence[Arm]) -> list[str]:
    """Tasks in order of appearance."""
    return list(dict.fromkeys(arm.task for arm in arms))


def by_name(arms: Sequence[Arm], name: str, task: str) -> Arm | None:
    """The arm of that name on that task, if it was evaluated there."""
    return next((arm for arm in arms if (arm.arm, arm.task) == (name, task)), None)


def summary(arm: Arm) -> ArmSummary:
    """Accuracy over seeds: Wilson's interval for one run, a bootstrap over questions for several."""
    runs = list(arm.by_seed.values())
    n = len(arm.questions)
    interval = stats.wilson(sum(runs[0]), n) if len(runs) == 1 else stats.clustered_accuracy(runs)
    return ArmSummary(
        arm=arm.arm,
        task=arm.task,
        n=n,
        seeds=arm.seeds,
        accuracy=interval.estimate,
        low=interval.low,
        high=interval.high,
        interval=WILSON if len(runs) == 1 else BOOTSTRAP,
        by_seed=tuple(sum(run) / n for run in runs),
    )


def paired_seeds(arm: Arm, other: Arm) -> tuple[int | None, ...]:
    """Seeds of `arm` that pair with the other: its common seeds, or all if the other is one untrained model.

    Raises:
        InputError: there are none.
    """
    common = (
        tuple(arm.by_seed) if tuple(other.by_seed) == (None,) else tuple(s for s in arm.by_seed if s in other.by_seed)
    )
    if not common:
        raise InputError(
            f"arm {arm.arm!r} has seeds {list(arm.by_seed)} and arm {other.arm!r} has {list(other.by_seed)}: "
            "none in common, so there is no pair to compare. Run both with the same seeds."
        )
    return common


def versus(arm: Arm, other: Arm, role: Role) -> Comparison:
    """One arm against another, with its own p still unadjusted and nothing said yet."""
    seeds = paired_seeds(arm, other)
    ours = [arm.by_seed[seed] for seed in seeds]
    untrained = tuple(other.by_seed) == (None,)
    theirs = [other.by_seed[None]] if untrained else [other.by_seed[seed] for seed in seeds]
    paired = stats.paired_difference(ours, theirs)
    return Comparison(
        arm=arm.arm,
        baseline=other.arm,
        task=arm.task,
        n=paired.n,
        seeds=tuple(seed for seed in seeds if seed is not None),
        difference=paired.difference,
        low=paired.low,
        high=paired.high,
        seeds_low=paired.seeds_low,
        seeds_high=paired.seeds_high,
        by_seed=paired.by_seed,
        won=paired.won,
        lost=paired.lost,
        p=paired.p,
        p_adjusted=paired.p,
        p_by_seed=tuple(mcnemar(a, theirs[0] if untrained else theirs[i]) for i, a in enumerate(ours)),
        smallest=paired.smallest,
        verdict="",
        words="",
        role=role.value,
    )


def mcnemar(arm: Sequence[bool], other: Sequence[bool]) -> float:
    """McNemar's exact p of two runs on the same questions."""
    pairs = list(zip(arm, other, strict=True))
    return stats.mcnemar(sum(a and not b for a, b in pairs), sum(b and not a for a, b in pairs))


def adjusted(family: Sequence[Comparison]) -> list[Comparison]:
    """The family with p adjusted by Holm, and verdict and words that follow."""
    finished = []
    for comparison, p in zip(family, stats.holm([c.p for c in family]), strict=True):
        verdict = stats.verdict(low=comparison.seeds_low, high=comparison.seeds_high, by_seed=comparison.by_seed, p=p)
        judged = msgspec.structs.replace(comparison, p_adjusted=p, verdict=verdict.value)
        finished.append(msgspec.structs.replace(judged, words=words(judged)))
    return finished


def words(c: Comparison) -> str:
    """One comparison as a sentence that can stand alone."""
    where = f" on {c.task}" if c.task else ""
    runs = f", {len(c.seeds)} seeds" if len(c.seeds) > 1 else ""
    span = f"95 % interval {100 * c.seeds_low:+.1f} to {100 * c.seeds_high:+.1f}, {c.n:,} questions{runs}"
    if c.verdict != stats.Verdict.CANNOT_TELL:
        return f"{c.arm} is {c.verdict} than {c.baseline}{where} by {abs(100 * c.difference):.1f} points ({span})."
    return f"Cannot tell {c.arm} from {c.baseline}{where}: {100 * c.difference:+.1f} points ({span}); {doubt(c)}."


def doubt(c: Comparison) -> str:
    """Why nothing can be said: the interval, else the exact test, else seeds that contradict each other."""
    if c.seeds_low <= 0 <= c.seeds_high:
        return f"a true difference of {100 * c.smallest:.1f} points or more would probably have been found"
    if c.p_adjusted >= stats.ALPHA:
        return f"the interval leaves out zero, but the exact test does not agree (adjusted p = {c.p_adjusted:.3f})"
    return "the interval leaves out zero, but the seeds point in different directions"


def seed_notes(arm: Arm, other: Arm) -> list[Note]:
    """Seeds that one of the two lacks, which the comparison leaves out."""
    if tuple(other.by_seed) == (None,):
        return []
    left_out = sorted(set(arm.seeds) ^ set(other.seeds))
    text = f"{arm.arm} and {other.arm} are compared on their common seeds; left out: {', '.join(map(str, left_out))}."
    return [Note(level="warning", text=text)] if left_out else []
