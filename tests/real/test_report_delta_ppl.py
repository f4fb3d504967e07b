"""DeltaPPL in a report: measured by the real stage on a small Llama, before and after a toy training."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import pytest
from reading.report_cells import check, html_tables
from toys.further import further_points
from toys.lab import experiment, run, run_stage
from toys.models import toy_model

from lema.config.options import Point
from lema.experiment.analysis import Analysis
from lema.experiment.pipeline import pipeline
from lema.report.collect import collect
from lema.report.model import Report
from lema.report.output.html import render_html
from lema.report.read import finished
from lema.stages.delta_ppl import DeltaPerplexity
from lema.store import Store

pytestmark = pytest.mark.real
LABEL = "[best on test, as in the paper]"


@pytest.fixture(scope="module")
def sweep(tmp_path_factory: pytest.TempPathFactory) -> list[Point]:
    model = toy_model(tmp_path_factory.mktemp("model"))
    return further_points(model=model, analysis=Analysis(delta_ppl=True, device="cpu"), evolution_strategy=None)


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory, sweep: Sequence[Point]) -> Store:
    store = Store(tmp_path_factory.mktemp("delta") / "store")
    run(store, sweep)
    return store


@pytest.fixture(scope="module")
def report(store: Store, sweep: Sequence[Point]) -> Report:
    return collect(sweep, store, "lema")


def test_the_model_before_training_is_first_and_then_each_arm(report: Report, store: Store) -> None:
    arms = [(row.arm, row.seed) for row in report.delta_ppl]
    assert arms == [("base", None), (f"cot {LABEL}", 0), (f"cot_and_corrections {LABEL}", 0)]
    summaries = [artifact.summary for artifact in finished(store.root).kinds["delta_ppl"]]
    told = [{name: getattr(row, name) for name in summaries[0]} for row in report.delta_ppl]
    assert sorted(told, key=str) == sorted(summaries, key=str)
    for row in report.delta_ppl:
        assert row.low is not None and row.high is not None and row.mean is not None and row.low < row.mean < row.high


def test_every_number_of_it_is_on_the_page_with_what_it_means(report: Report) -> None:
    page = render_html(report)
    assert check(report, html_tables(page)) > 60
    assert page.count("DeltaPPL is the mean, over accepted corrections") == 1
    assert len(page.encode()) < 2_000_000


def test_what_is_not_measured_yet_is_said(report: Report, sweep: Sequence[Point], tmp_path: Path) -> None:
    store = Store(tmp_path / "store")
    for point in sweep:
        for stage in pipeline(point.experiment).targets():
            if not isinstance(stage, DeltaPerplexity):
                run_stage(store, stage)
    early = collect(sweep, store, "lema")
    assert not early.delta_ppl and early.arms == report.arms
    assert "3 measurement(s) of DeltaPPL are not finished" in early.notes[0].text


def test_a_model_that_no_evaluation_scores_is_named_by_its_mix(store: Store, sweep: Sequence[Point]) -> None:
    last = pipeline(sweep[0].experiment)
    stage = DeltaPerplexity(
        corrections=last.measures(DeltaPerplexity)[0].corrections,
        model=last.train.model,
        format=experiment("cot", 0).format,
        trained=last.train,
        device="cpu",
    )
    run_stage(store, stage)
    rows = finished(store.root).report.delta_ppl
    assert "cot (not scored here)" in [row.arm for row in rows] and len(rows) == 4
