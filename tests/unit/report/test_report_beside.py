"""Ours beside the paper's: which arm is whose, the difference, and in what the two differ."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from conftest import ROOT
from toys.grading import Lenient, form_of
from toys.lab import Sums, points, run, run_stage

from lema.experiment.pipeline import pipeline
from lema.lessons.cot import Cot
from lema.lessons.cot_from_corrections import CotFromCorrections
from lema.lessons.data_budget import Budget
from lema.lessons.data_mix import DataMix
from lema.lm.model import Model
from lema.report.collect import assemble, collect
from lema.report.findings.beside import paper_arm
from lema.report.findings.paper import FILE, load
from lema.report.output.html import render_html
from lema.report.read import finished
from lema.stages.grade import Grade
from lema.store import Store

PAPER = load(ROOT / FILE)
MATCHED = DataMix(name="cot_matched", lessons=(Cot(), CotFromCorrections()))
SIZED = Budget(examples="cot", keep="corrections")


@pytest.mark.parametrize(
    ("mix", "changed", "name"),
    [
        ("cot", {"data_budget": Budget()}, "cot"),
        ("cot_and_corrections", {"data_budget": Budget()}, "cot_and_corrections"),
        ("cot_and_corrections", {"data_budget": SIZED}, "cot_and_corrections_sized"),
        ("cot", {"data_budget": Budget(), "data_mix": MATCHED}, "cot_matched"),
        ("cot", {"data_budget": Budget(target_tokens=5_800_000)}, "cot_same_tokens"),
        ("cot", {"data_budget": Budget(target_tokens=6_800_000)}, "cot_more_tokens"),
        ("cot_and_corrections", {"data_budget": Budget(target_tokens=5_800_000)}, "cot_and_corrections"),
        ("cot", {"data_budget": Budget(examples=40)}, ""),
        ("cot", {"data_budget": Budget(target_tokens=1000)}, ""),
    ],
)
def test_an_arm_is_the_paper_s_only_in_the_paper_s_sizes(mix: str, changed: dict[str, Any], name: str) -> None:
    assert paper_arm(form_of(mix, **changed)) == name
    assert name == "" or name in PAPER.arms


def test_ours_stands_beside_the_paper_s_with_the_difference_and_in_what_they_differ(tmp_path: Path) -> None:
    store = Store(tmp_path / "store")
    changed: dict[str, Any] = {
        "model": Model(name="llama2-7b", hub="toy/toy", revision="0" * 40),
        "task": Sums(name="gsm8k"),
        "data_budget": Budget(),
    }
    sweep = points(**changed)
    run(store, sweep)
    run_stage(store, Grade(solutions=pipeline(sweep[0].experiment).evaluate[0], verifier=Lenient()))
    report = collect(sweep, store, "lema", paper=PAPER)
    graded = assemble(finished(tmp_path / "store").artifacts, paper=PAPER)
    accuracies = {arm.arm: arm.accuracy for arm in report.arms}
    assert [(cell.arm, cell.task, cell.paper, cell.printed) for cell in report.paper] == [
        ("cot", "gsm8k", 0.526, "Table 1, Fig. 4"),
        ("cot_and_corrections", "gsm8k", 0.541, "Table 1, Fig. 4"),
    ]
    for cell in report.paper:
        assert cell.ours == accuracies[cell.arm] and cell.difference == pytest.approx(cell.ours - cell.paper)
        assert "grader (ours: the task's own)" in cell.note and "checkpoint (ours: last)" in cell.note
    (authors,) = [cell for cell in graded.paper if cell.grader == "lema_v1"]
    assert "grader" not in authors.note and authors.paper == 0.526
    assert f"{100 * report.paper[0].difference:+.1f}" in render_html(report)


def test_a_model_that_the_paper_does_not_have_stands_alone(tmp_path: Path) -> None:
    store = Store(tmp_path / "store")
    run(store, points(seeds=[0]))
    assert collect(points(seeds=[0]), store, "lema", paper=PAPER).paper == ()
