"""From artifacts to arms: other graders, chosen checkpoints, and who is compared with whom."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import Any

from reading.report_cells import html_tables
from toys.grading import Lenient, chosen
from toys.lab import ToyModel, points, run, run_stage

from lema.base.protocols import Sampling
from lema.base.question_slice import Slice
from lema.experiment.pipeline import pipeline
from lema.experiment.sections import Evaluation
from lema.lessons.cot import Cot
from lema.lessons.cot_from_corrections import CotFromCorrections
from lema.lessons.data_budget import Budget
from lema.lessons.data_mix import DataMix
from lema.lm.model import Model
from lema.report.collect import collect
from lema.report.findings.arms import distinct, names_of_models
from lema.report.findings.pairs import MOST
from lema.report.model import Role
from lema.report.output.html import render_html
from lema.report.read import finished
from lema.stages.grade import Grade
from lema.store import Store

MATCHED = DataMix(name="cot_matched", lessons=(Cot(), CotFromCorrections()))


def test_solutions_that_another_grader_judged_are_rows_of_their_own_under_their_arm(tmp_path: Path) -> None:
    store = Store(tmp_path / "store")
    sweep = points()
    run(store, sweep)
    for point in sweep:
        for target in pipeline(point.experiment).targets():
            run_stage(store, Grade(solutions=target, verifier=Lenient()))
    report = finished(tmp_path / "store").report
    assert [(arm.arm, arm.grader) for arm in report.regraded] == [(arm.arm, "lema_v1") for arm in report.arms]
    graded = [a for a in finished(tmp_path / "store").artifacts if a.manifest.kind == "grade"]
    shares = {artifact.summary["right"] / 300 for artifact in graded}
    assert {share for arm in report.regraded for share in arm.by_seed} == shares
    assert all(a.accuracy > b.accuracy for a, b in zip(report.regraded, report.arms, strict=True))
    assert all(c.baseline in {"base", "cot"} for c in report.comparisons) and len(report.comparisons) == 3
    page = render_html(report)
    assert page.count(">lema_v1<") == 3 and page.count("the task&#39;s own<") == 3


def test_how_the_checkpoint_was_chosen_is_said_of_every_arm(tmp_path: Path) -> None:
    store = Store(tmp_path / "store")
    run(store, points(["cot"], [0]))
    run_stage(store, chosen("best_on_dev"))
    run_stage(store, chosen("best_on_test"))
    report = finished(tmp_path / "store").report
    said = {arm.arm: arm.selection for arm in report.arms}
    assert sorted(said.values()) == ["", "best_on_dev", "best_on_test", "last"]
    (flattered,) = [arm for arm, how in said.items() if how == "best_on_test"]
    assert "best on test, as in the paper" in flattered
    assert any("on which their checkpoint was chosen" in note.text for note in report.notes)
    cells = [cell for table in html_tables(render_html(report)) for row in table for cell in row.values()]
    assert [cell for cell in cells if "best on test" in cell and "as in the paper" not in cell] == []
    assert cells.count(flattered) >= 3


def test_runs_of_one_chosen_arm_differ_in_their_seeds_only(tmp_path: Path) -> None:
    store = Store(tmp_path / "store")
    for seed in (0, 1):
        run_stage(store, chosen("best_on_dev", seed))
    (arm,) = finished(tmp_path / "store").report.arms
    assert arm.seeds == (0, 1) and len(arm.runs) == 2 and arm.selection == "best_on_dev"


def test_corrections_are_compared_with_each_cot_arm_and_with_the_model_before_training(tmp_path: Path) -> None:
    store = Store(tmp_path / "store")
    sweep = [
        *points(["cot", "cot_and_corrections"], [0]),
        *points(["cot"], [0], data_mix=MATCHED),
    ]
    run(store, sweep)
    report = collect(sweep, store, "lema")
    assert [(c.arm, c.baseline, c.role) for c in report.comparisons] == [
        ("cot_and_corrections", "cot", "baseline"),
        ("cot_and_corrections", "cot_matched", "baseline"),
        ("cot", "base", "base"),
        ("cot_matched", "base", "base"),
        ("cot_and_corrections", "base", "base"),
    ]
    assert report.answering == report.comparisons[:2]


def test_models_are_compared_with_themselves_only(tmp_path: Path) -> None:
    store = Store(tmp_path / "store")
    sweep = [
        point
        for name, chance in (("small", 0.4), ("large", 0.6))
        for point in points(
            seeds=[0],
            model=Model(name=name, hub=f"toy/{name}", revision="0" * 40),
            evaluation=Evaluation(
                questions=Slice(split="test", stop=100),
                engine=ToyModel(name=name, chance=chance),
                sampling=Sampling(),
            ),
        )
    ]
    run(store, sweep)
    report = collect(sweep, store, "lema")
    assert len(report.comparisons) == 6
    for c in report.comparisons:
        assert ("small" in c.arm) == ("small" in c.baseline), (c.arm, c.baseline)


def test_of_many_cot_arms_the_one_of_the_nearest_size_is_the_baseline(tmp_path: Path) -> None:
    store = Store(tmp_path / "store")
    sizes = (20, 40, 60, 80)
    assert len(sizes) > MOST
    sweep = [point for size in sizes for point in points(seeds=[0], data_budget=Budget(examples=size))]
    run(store, sweep)
    report = collect(sweep, store, "lema")
    pairs = [(c.arm, c.baseline) for c in report.comparisons if c.role == Role.BASELINE]
    assert pairs == [(f"cot_and_corrections (examples={size})", f"cot (examples={size})") for size in sizes]


def test_an_arm_is_told_by_what_was_set_and_not_by_what_follows_from_it() -> None:
    """A budget of tokens by its tokens, though a tokenizer comes with it; a search by its kind, then by its values."""
    plain: dict[str, Any] = {"kind": "mix", "budget": {"kind": "budget", "target_tokens": None}, "tokenizer": None}
    counted = {
        **plain,
        "budget": {"kind": "budget", "target_tokens": 600},
        "tokenizer": {"kind": "model", "name": "tiny"},
    }
    assert list(distinct({"a": ("cot", plain), "b": ("cot", counted)}).values()) == ["cot", "cot (target_tokens=600)"]
    beams = [{"beam": {"comments": False, "kind": "step_beam", "weight": weight}} for weight in (0.0, 1.0)]
    names = distinct({str(n): ("programs", form) for n, form in enumerate([{}, *beams])})
    assert list(names.values()) == ["programs", "programs (step_beam, weight=0.0)", "programs (step_beam, weight=1.0)"]


def test_a_model_that_several_arms_ask_is_named_by_the_first() -> None:
    asked: list[Any] = [
        SimpleNamespace(arm=arm, form={"trained": trained})
        for arm, trained in [("base", None), ("programs", {"seed": 0}), ("programs (beam)", {"seed": 0})]
    ]
    assert list(names_of_models(asked).values()) == ["programs"]
