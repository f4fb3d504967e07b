"""From a store to a report: real stages and store, toy models."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
from toys.lab import ToyModel, experiment, points, run, run_stage

from lema.base.errors import InputError
from lema.base.protocols import Sampling
from lema.base.question_slice import Slice
from lema.config.options import Point
from lema.experiment.pipeline import pipeline
from lema.experiment.sections import Evaluation
from lema.lessons.data_budget import Budget
from lema.report.collect import collect
from lema.report.model import Report
from lema.report.output.html import render_html
from lema.report.read import finished
from lema.store import Store


@pytest.fixture(scope="module")
def lab(tmp_path_factory: pytest.TempPathFactory) -> Store:
    """The finished store of two mixes and two seeds."""
    store = Store(tmp_path_factory.mktemp("lab") / "store")
    run(store, points())
    return store


@pytest.fixture(scope="module")
def report(lab: Store) -> Report:
    return collect(points(), lab, "lema -m data_mix=cot,cot_and_corrections seed=0,1")


def test_arms_are_named_by_their_mix_and_the_base_model_is_there_once(report: Report) -> None:
    assert [(arm.arm, arm.seeds, arm.n) for arm in report.arms] == [
        ("base", (), 300),
        ("cot", (0, 1), 300),
        ("cot_and_corrections", (0, 1), 300),
    ]
    assert (report.baseline, report.base) == ("cot", "base")
    assert report.comparisons[0].verdict == "better"


def test_accuracies_are_those_that_the_stages_counted(report: Report, lab: Store) -> None:
    counted = {}
    for point in points():
        stages = pipeline(point.experiment)
        counted[stages.mix.data_mix.name, point.experiment.seed] = lab.get(stages.evaluate[0]).summary["accuracy"]
    for arm in report.arms[1:]:
        assert arm.by_seed == pytest.approx([counted[arm.arm, seed] for seed in arm.seeds])


def test_funnel_mixes_curves_corrections_and_costs_come_from_the_stages(report: Report) -> None:
    (funnel,) = report.funnels
    assert funnel.name == "toy on train[0:100]" and funnel.sampled == 200
    assert funnel.accepted + sum(funnel.rejected.values()) == funnel.sent
    assert [(mix.arm, mix.seed, sum(mix.sources.values())) for mix in report.mixes] == [
        (arm, seed, 80) for arm in ("cot", "cot_and_corrections") for seed in (0, 1)
    ]
    assert report.mixes[0].target_tokens == 12 * 80
    assert len(report.curves) == 4 and report.curves[0].losses[:2] == (1.0, 0.5)
    assert len(report.corrections) == 10 and report.success[0].sent == funnel.sent
    assert len(report.stages) == len({stage.key for stage in report.stages}) == 15
    assert report.provenance is not None and report.provenance.seeds == (0, 1)


def test_the_page_of_a_real_store_names_no_folder_and_no_machine(report: Report, lab: Store) -> None:
    import socket

    page = render_html(report)
    assert str(lab.root) not in page and str(Path.home()) not in page
    assert f">{socket.gethostname()}<" not in page


def test_a_planted_key_on_the_command_line_is_not_in_the_report(lab: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TEACHER_API_KEY", "planted-5d2c7a90")
    report = collect(points(), lab, "lema teacher.headers=planted-5d2c7a90")
    assert "planted" not in render_html(report)


def test_what_is_not_finished_is_said_and_the_rest_is_shown(lab: Store) -> None:
    report = collect(points(seeds=(0, 1, 2)), lab, "lema")
    assert report.arms[1].seeds == (0, 1)
    assert "2 evaluation(s) are not finished" in report.notes[0].text


def test_a_store_without_evaluations_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="no finished evaluation"):
        collect(points(), Store(tmp_path / "empty"), "lema")
    with pytest.raises(InputError, match="holds no finished stages"):
        finished(tmp_path)


def test_arms_of_one_mix_are_named_by_what_differs(lab: Store, tmp_path: Path) -> None:
    sweep = [p for rows in (40, 80) for p in points(["cot"], [0], data_budget=Budget(examples=rows))]
    store = Store(tmp_path / "store")
    run(store, sweep)
    report = collect(sweep, store, "lema")
    assert [arm.arm for arm in report.arms] == ["base", "cot (examples=40)", "cot (examples=80)"]


def test_arms_scored_on_different_questions_are_different_tasks(tmp_path: Path) -> None:
    scored = [
        Evaluation(questions=Slice(split="test", start=at, stop=at + 50), engine=ToyModel(), sampling=Sampling())
        for at in (0, 50)
    ]
    sweep = [p for evaluation in scored for p in points(seeds=[0], evaluation=evaluation)]
    store = Store(tmp_path / "store")
    run(store, sweep)
    report = collect(sweep, store, "lema")
    assert len({arm.task for arm in report.arms}) == 2 and len(report.arms) == 6
    assert all(c.n == 50 for c in report.comparisons) and len(report.comparisons) == 6


def test_a_warning_says_when_training_and_scoring_share_a_split(tmp_path: Path) -> None:
    evaluation = Evaluation(questions=Slice(split="train", start=200, stop=250), engine=ToyModel(), sampling=Sampling())
    one = experiment("cot", 0, evaluation=evaluation)
    store = Store(tmp_path / "store")
    run_stage(store, pipeline(one).evaluate[0])
    report = collect([Point(one, {})], store, "lema")
    assert any("of the same split as the questions scored" in note.text for note in report.notes)


def test_a_finished_store_is_read_without_torch_and_without_configuration(lab: Store) -> None:
    code = (
        "import sys\nfrom lema.report.read import finished\n"
        f"run = finished({str(lab.root)!r})\n"
        "print(run.report.answer, len(run.results), sum(1 for _ in run.corrections()))\n"
        "assert not {'torch', 'transformers', 'hydra'} & set(sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 0, done.stderr
    assert "cot_and_corrections is better than cot" in done.stdout
