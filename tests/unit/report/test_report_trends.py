"""Trends: accuracy by size, by target tokens and by rounds of evolution."""

from __future__ import annotations

import copy
from pathlib import Path
from types import SimpleNamespace
from typing import Any

from toys.grading import form_of
from toys.lab import points, run

from lema.lessons.data_budget import Budget
from lema.report.collect import collect
from lema.report.findings.arms import evaluated
from lema.report.findings.beside import paper_arm
from lema.report.findings.evolved import evolution_rounds
from lema.report.findings.pairs import pairings
from lema.report.findings.trends import trends
from lema.report.model import ArmSummary
from lema.report.output.html import render_html
from lema.store import Store


def test_arms_that_differ_in_size_are_points_of_a_trend(tmp_path: Path) -> None:
    store = Store(tmp_path / "store")
    sweep = [point for size in (20, 80) for point in points(data_budget=Budget(examples=size))]
    run(store, sweep)
    report = collect(sweep, store, "lema")
    accuracies = {arm.arm: arm for arm in report.arms}
    assert [(trend.family, trend.axis, [point.x for point in trend.points]) for trend in report.trends] == [
        ("cot", "training examples", [20, 80]),
        ("cot_and_corrections", "training examples", [20, 80]),
    ]
    for trend in report.trends:
        for point in trend.points:
            arm = accuracies[point.arm]
            assert (point.accuracy, point.low, point.high) == (arm.accuracy, arm.low, arm.high)
    assert "Accuracy by training examples" in render_html(report)


def test_budgets_in_tokens_make_a_trend_over_tokens_and_equal_sizes_make_none() -> None:
    form = form_of("cot")
    budget = form["trained"]["examples"]["budget"]
    arms = evaluated([artifact(with_examples(form, budget={**budget, "target_tokens": size})) for size in (5, 9)])
    accuracies = [summary(arm.arm) for arm in arms]
    found = trends(arms, accuracies, "target tokens", {arms[0].arm: 5.0, arms[1].arm: 9.0})
    assert [(trend.axis, [point.x for point in trend.points]) for trend in found] == [("target tokens", [5.0, 9.0])]
    assert trends(arms, accuracies, "target tokens", {arm.arm: 5.0 for arm in arms}) == ()


def with_examples(form: dict[str, Any], **changed: Any) -> dict[str, Any]:
    changed_form = copy.deepcopy(form)
    changed_form["trained"]["examples"] |= changed
    return changed_form


def artifact(form: dict[str, Any]) -> Any:
    """What arms read of an artifact."""
    return SimpleNamespace(manifest=SimpleNamespace(spec=form), key="0")


def summary(arm: str) -> ArmSummary:
    return ArmSummary(arm=arm, task="", n=9, seeds=(0,), accuracy=0.5, low=0.4, high=0.6, interval="", by_seed=(0.5,))


def corrections(form: dict[str, Any]) -> dict[str, Any]:
    """The form of the stage whose corrections a model learned from."""
    (made,) = form["trained"]["examples"]["made"]
    (stage,) = made["stages"]
    assert made["material"] == "corrections" and stage["kind"] == "correct"
    return dict(stage)


def evolved(form: dict[str, Any], seeds_from: Any, before: Any = None) -> dict[str, Any]:
    """A form whose corrections are of evolved questions as well; `before` is what was trained for it."""
    correct = corrections(form)
    evolve = {"kind": "evolve", "seeds_from": seeds_from}
    again = {**correct, "paths": {**correct["paths"], "questions": evolve, "trained": before}}
    return with_examples(form, made=[{"kind": "made", "material": "corrections", "stages": [correct, again]}])


def test_rounds_of_evolution_are_a_trend_that_begins_without_any() -> None:
    plain = form_of("cot_and_corrections", data_budget=Budget())
    correct = corrections(plain)
    general = evolved(plain, {"kind": "slice", "split": "train"})
    centric = evolved(plain, [correct])
    twice = evolved(plain, [correct], before=centric["trained"])
    forms = [plain, general, centric, twice]
    assert [evolution_rounds(form["trained"]) for form in forms] == [0, 1, 1, 2]
    arms = evaluated([artifact(form) for form in forms])
    found = trends(arms, [summary(arm.arm) for arm in arms], "training examples", {})
    assert {trend.family: [point.x for point in trend.points] for trend in found} == {
        "correction-centric": [0, 1, 2],
        "general": [0, 1],
    }
    assert all(trend.axis == "rounds of evolution" for trend in found)
    alone = evaluated([artifact(general)])
    assert trends(alone, [summary(arm.arm) for arm in alone], "training examples", {}) == ()
    names = [paper_arm(form) for form in forms]
    assert names == ["cot_and_corrections", "general", "correction_centric", "correction_centric_2"]


def test_evolved_arms_are_named_and_compared_with_those_without_and_with_one_another() -> None:
    plain = form_of("cot_and_corrections", data_budget=Budget())
    larger = form_of("cot_and_corrections", data_budget=Budget(examples=90))
    correct = corrections(plain)
    general = evolved(plain, {"kind": "slice", "split": "train"})
    centric = evolved(plain, [correct])
    twice = evolved(plain, [correct], before=centric["trained"])
    arms = evaluated([artifact(form) for form in (plain, larger, general, centric, twice)])
    names = [arm.arm for arm in arms]
    assert names == [
        "cot_and_corrections",
        "cot_and_corrections (examples=90)",
        "cot_and_corrections + general evolution",
        "cot_and_corrections + correction-centric evolution",
        "cot_and_corrections + correction-centric evolution, 2 rounds",
    ]
    none, more, of_all, of_corrected, again = names
    assert pairings(arms, {})[0] == [
        (more, none),
        (of_all, none),
        (of_all, more),
        (of_corrected, none),
        (of_corrected, more),
        (of_corrected, of_all),
        (again, none),
        (again, more),
        (again, of_all),
        (again, of_corrected),
    ]
    assert pairings(arms[:2], {})[0] is None
