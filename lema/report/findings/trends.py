"""Trends: families of arms that differ only in the size of the training set, or in rounds of evolution."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Literal

from lema.report.findings.arms import Evaluated, Form, distinct, identity, run_of, seedless
from lema.report.findings.evolved import evolution_rounds, strategy
from lema.report.findings.mix_forms import mix_form
from lema.report.model import ArmSummary, Mix, Trend, TrendPoint

Unit = Literal["training examples", "target tokens"]
#: Fields below a mix that decide how many examples there are, and nothing else.
SIZES = {"budget", "tokenizer", "start", "stop", "limit", "per_question"}


def trends(
    arms: Sequence[Evaluated], summaries: Sequence[ArmSummary], unit: Unit, sizes: Mapping[str, float]
) -> tuple[Trend, ...]:
    """Accuracy by size and by rounds of evolution, where the arms differ in them."""
    forms = {arm.arm: seedless(arm.form) for arm in arms if arm.mix_name}
    mixes = {arm.arm: arm.mix_name for arm in arms if arm.mix_name}
    rest = {arm: sizeless(form) for arm, form in forms.items()}
    families = distinct({identity(rest[arm]): (mixes[arm], rest[arm]) for arm in forms})
    members = [(families[identity(rest[arm])], arm, sizes[arm]) for arm in forms if arm in sizes]
    by_size = traced(unit, members, summaries)
    grows = any(map(moves, by_size))
    return (*(by_size if grows else ()), *filter(moves, by_rounds(forms, mixes, summaries)))


def moves(trend: Trend) -> bool:
    """Whether a trend has points at more than one place."""
    return len({point.x for point in trend.points}) > 1


def sizes_of(arms: Sequence[Evaluated], mixes: Sequence[Mix]) -> tuple[Unit, dict[str, float]]:
    """Each arm's training set, as a mean over seeds: in target tokens where a budget is in tokens, else in examples."""
    budgets = [run_of(arm.form)["examples"]["budget"] for arm in arms if arm.mix_name]
    in_tokens = any(budget.get("target_tokens") for budget in budgets)
    in_tokens = in_tokens and all(mix.target_tokens is not None for mix in mixes)
    held: dict[str, list[float]] = {}
    for mix in mixes:
        held.setdefault(mix.arm, []).append((mix.target_tokens or 0) if in_tokens else sum(mix.sources.values()))
    unit: Unit = "target tokens" if in_tokens else "training examples"
    return unit, {arm: sum(sizes) / len(sizes) for arm, sizes in held.items()}


def by_rounds(forms: Mapping[str, Form], mixes: Mapping[str, str], summaries: Sequence[ArmSummary]) -> list[Trend]:
    """By rounds, one family a strategy; arms without evolution begin the families that are like them otherwise."""
    rounds = {arm: evolution_rounds(form) for arm, form in forms.items()}
    like = {arm: identity(unevolved(form)) for arm, form in forms.items()}
    evolved = {(like[arm], strategy(forms[arm]), mixes[arm]) for arm in forms if rounds[arm]}
    several = len({id_ for id_, _, _ in evolved}) > 1
    members = [
        (f"{mix}, {how}" if several else how, arm, rounds[arm])
        for id_, how, mix in sorted(evolved)
        for arm in forms
        if like[arm] == id_ and (rounds[arm] == 0 or strategy(forms[arm]) == how)
    ]
    return traced("rounds of evolution", members, summaries)


def traced(axis: Any, members: Sequence[tuple[str, str, float]], summaries: Sequence[ArmSummary]) -> list[Trend]:
    """Trends on every task from (family, arm, place on the axis)."""
    found = []
    for task in dict.fromkeys(summary.task for summary in summaries):
        accuracies = {summary.arm: summary for summary in summaries if summary.task == task}
        for family in dict.fromkeys(name for name, _, _ in members):
            points = [
                TrendPoint(arm=arm, x=x, accuracy=held.accuracy, low=held.low, high=held.high)
                for name, arm, x in members
                if name == family and (held := accuracies.get(arm)) is not None
            ]
            if points:
                in_order = tuple(sorted(points, key=lambda point: point.x))
                found.append(Trend(family=family, task=task, axis=axis, points=in_order))
    return found


def sizeless(arm: Form) -> Form:
    """An arm without what decides the size of its training set."""
    return {**arm, "trained": {**arm["trained"], "examples": without(arm["trained"]["examples"], SIZES)}}


def unevolved(arm: Form) -> Form:
    """An arm without its examples, except how they are mixed and budgeted."""
    examples = arm["trained"]["examples"]
    return {**arm, "trained": {**arm["trained"], "examples": [mix_form(examples), examples["budget"]]}}


def without(form: Any, names: Iterable[str]) -> Any:
    """A form without fields of these names, at any depth."""
    if isinstance(form, Mapping):
        return {name: without(held, names) for name, held in form.items() if name not in names}
    return [without(held, names) for held in form] if isinstance(form, list) else form
