"""Paired comparisons of arms, on the same questions (the statistics are in `lema.base.differences` and `.family`).

Every arm is compared with its baseline arms, and every arm with its model before training. All comparisons with
baselines are one family (all arms, all tasks), and all with models before training another. The runs of an arm are
draws of its training and do not pair; a model before training is one fixed model. Other arms of the same kind of
training on the same task lend what they tell of how far runs spread.
"""

from __future__ import annotations

from collections.abc import Sequence

import msgspec

from lema.base.differences import Difference, difference
from lema.base.errors import InputError
from lema.base.family import About, Judged, Verdict, judge
from lema.base.stats import mcnemar
from lema.report.findings.results import Arm, ArmResult, group, lenders, summary
from lema.report.model import ArmSummary, Comparison, Role

Pairs = Sequence[tuple[str, str]]  # names of an arm, and of the arm that it is compared with
TIE = 1e-9  # means over runs that are no further apart are equal


def compare(
    results: Sequence[ArmResult], baseline: str | Pairs | None = None, base: str | Pairs | None = None
) -> tuple[tuple[ArmSummary, ...], tuple[Comparison, ...]]:
    """Summaries of all arms, and arms against their `baseline` (default: the first trained arm) and their `base`.

    Args:
        baseline: the arm that all others are compared with, or pairs of an arm and the one that it is compared with.
        base: the same for the model before training.

    Raises:
        InputError: arms answered different questions or a single one, an arm has one seed twice, or `baseline` or
            `base` names no arm.
    """
    arms = group(results)
    names = list(dict.fromkeys(arm.arm for arm in arms))
    untrained = {base} if isinstance(base, str) else {other for _, other in base or ()}
    trained = [name for name in names if name not in untrained]
    comparisons: list[Comparison] = []
    for role, chosen in ((Role.BASELINE, baseline or next(iter(trained), None)), (Role.BASE, base)):
        if isinstance(chosen, str) and chosen not in names:
            raise InputError(f"{role} {chosen!r} is none of the evaluated arms: {', '.join(names)}")
        pairs = [(name, chosen) for name in trained if name != chosen] if isinstance(chosen, str) else chosen or ()
        met = [(by_name(arms, one, task), by_name(arms, other, task)) for task in tasks(arms) for one, other in pairs]
        comparisons += judged([(arm, other) for arm, other in met if arm and other], arms, role)
    return tuple(summary(arm, lenders(arms, arm)) for arm in arms), tuple(comparisons)


def tasks(arms: Sequence[Arm]) -> list[str]:
    """Tasks in order of appearance."""
    return list(dict.fromkeys(arm.task for arm in arms))


def by_name(arms: Sequence[Arm], name: str, task: str) -> Arm | None:
    """The arm of that name on that task, if it was evaluated there."""
    return next((arm for arm in arms if (arm.arm, arm.task) == (name, task)), None)


def judged(pairs: Sequence[tuple[Arm, Arm]], arms: Sequence[Arm], role: Role) -> list[Comparison]:
    """The family of these pairs."""
    family = [versus(arm, other, arms) for arm, other in pairs]
    return [
        comparison(arm, other, one, found, role)
        for (arm, other), one, found in zip(pairs, family, judge(family), strict=True)
    ]


def versus(arm: Arm, other: Arm, arms: Sequence[Arm]) -> Difference:
    """One arm less another."""
    trained = [one for one in (arm, other) if one.drawn]
    alike = len({one.training for one in trained}) == 1  # of different kinds, neither may be lent to
    lent = lenders(arms, *trained, arm, other) if alike else []
    return difference(arm.scores, other.scores, drawn=(arm.drawn, other.drawn), lenders=lent)


def comparison(arm: Arm, other: Arm, one: Difference, found: Judged, role: Role) -> Comparison:
    """One judged pair, with its words."""
    ours, theirs = arm.scores, other.scores
    each = ours.mean(axis=0) - theirs.mean(axis=0)
    won, lost = int((each > TIE).sum()), int((each < -TIE).sum())
    share = sum(1 / len(side.by_seed) for side in (arm, other) if side.drawn)
    doubted = share and found.about is About.MODELS and found.verdict is not Verdict.CANNOT_TELL
    said = Comparison(
        arm=arm.arm,
        baseline=other.arm,
        task=arm.task,
        n=one.questions,
        seeds=arm.seeds,
        baseline_seeds=other.seeds,
        difference=found.difference,
        low=found.low,
        high=found.high,
        about=found.about.value,
        run_sd=found.run_sd,
        run_df=found.run_df,
        lent_df=found.lent_df,
        won=won,
        lost=lost,
        p=found.p,
        p_adjusted=found.p_adjusted,
        family=found.family,
        p_exact=mcnemar(won, lost) if len(ours) == len(theirs) == 1 else None,
        smallest=found.smallest,
        doubt_sd=float(one.run_sd_to_doubt(share)) if doubted else None,
        verdict=found.verdict.value,
        words="",
        role=role.value,
    )
    return msgspec.structs.replace(said, words=words(said))


def words(c: Comparison) -> str:
    """One comparison as a sentence that can stand alone."""
    where = f" on {c.task}" if c.task else ""
    if c.verdict == Verdict.CANNOT_TELL:
        found = f"a true gain of {100 * c.smallest:.1f} points or more would probably have been found"
        about = "" if c.about == About.RUNS else " between these two models"
        size = f"{100 * c.difference:+.1f} points"
        return f"Cannot tell {c.arm} from {c.baseline}{where}: {size} ({span(c)}); {found}{about}."
    size = f"{abs(100 * c.difference):.1f} points"
    if c.about == About.RUNS:
        return f"{c.arm} is {c.verdict} than {c.baseline}{where} by {size} ({span(c)})."
    side = "above" if c.difference > 0 else "below"
    return f"These two models differ{where}: {c.arm} is {size} {side} {c.baseline} ({span(c)}).{doubt(c)}"


def span(c: Comparison) -> str:
    """The interval and what it rests on."""
    low = f"{100 * c.low:+.1f}" if c.low else "more than 0"
    high = f"{100 * c.high:+.1f}" if c.high else "less than 0"
    runs = [len(seeds) or 1 for seeds in (c.seeds, c.baseline_seeds)]
    of_runs = f", {runs[0]} {'run' if runs[0] == 1 else 'runs'} against {runs[1]}"
    spread = ""
    if c.about == About.RUNS and c.run_sd is not None:
        lent = f", of which {c.lent_df:.0f} from other arms" if c.lent_df else ""
        spread = f", runs spread by {100 * c.run_sd:.1f} points ({c.run_df + c.lent_df:.0f} df{lent})"
    return f"95 % interval {low} to {high}, {c.n:,} questions{of_runs}{spread}"


def doubt(c: Comparison) -> str:
    """What a difference of these models leaves open about new runs."""
    if c.doubt_sd is None:
        return ""
    few = "one run each" if len(c.seeds) <= 1 and len(c.baseline_seeds) <= 1 else "so few runs"
    return (
        f" Whether new runs of {c.arm} would do so against {c.baseline} cannot be said from {few}: they would not be "
        f"called different if runs spread by {100 * c.doubt_sd:.1f} points or more."
    )
