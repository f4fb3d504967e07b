"""Picks among sampled answers in a report: from real stages with toy models, in every form, beside the paper."""

from __future__ import annotations

import io
import json
from pathlib import Path

import msgspec
import numpy as np
import pytest
from conftest import ROOT, package
from reading.report_cells import check, html_tables, markdown_of, markdown_tables
from rich.console import Console
from toys.lab import run, run_stage
from toys.pickers import Both, picking_points

from lema.base.differences import difference
from lema.base.errors import InputError
from lema.base.family import Verdict, judge
from lema.experiment.pipeline import pipeline
from lema.report.collect import collect
from lema.report.findings.paper_picks import FILE, load
from lema.report.findings.picks import beside, verdict
from lema.report.model import Report, from_json, to_json
from lema.report.output.html import render_html
from lema.report.output.terminal import print_report
from lema.report.output.wandb_report import build
from lema.report.read import finished
from lema.report.tables.text import answers
from lema.stages.discriminate import Discriminate
from lema.store import Store

PAPER = load(ROOT / FILE)
GOOD = "paper: x\nquestions: {gsm8k: 10}\ngraded: []\ntables:\n"


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Store:
    store = Store(tmp_path_factory.mktemp("picks") / "store")
    run(store, picking_points())
    return store


@pytest.fixture(scope="module")
def report(store: Store) -> Report:
    made = collect(picking_points(), store, "lema")
    return msgspec.structs.replace(made, paper_picks=beside(PAPER, [as_gsm8k(row) for row in made.picks]))


def as_gsm8k(row: object) -> object:
    """The row as if it were of a model and a task that the paper has."""
    return msgspec.structs.replace(row, task="gsm8k", model="llama2-7b")


def test_models_before_training_come_first_and_seeds_of_sampling_are_one_row(report: Report) -> None:
    rows = [(row.arm, row.seed, row.asked.split(",")[0]) for row in report.picks]
    assert rows == [
        ("base", None, "label text"),
        ("cot", 0, "label text"),
        ("base", None, "pairwise"),
        ("cot", 0, "pairwise"),
    ]
    assert {(row.questions, row.samplings, row.orders, row.answers) for row in report.picks} == {(80, 2, 4, 4)}
    assert all(row.asked.endswith("cyclic orders") for row in report.picks)


def test_the_oracle_is_better_and_the_random_one_is_not(report: Report) -> None:
    for row in report.picks:
        if row.arm == "cot":
            assert row.disc == row.oracle and row.verdict == "better" and row.p_adjusted >= row.p
            assert row.consistency is not None and row.found_at == (1,) * 4
        else:
            assert row.verdict in ("cannot tell", "not better") and row.low < 0 < row.high
    p_values = sorted(row.p for row in report.picks)
    assert min(row.p_adjusted for row in report.picks) == pytest.approx(min(1, 4 * p_values[0])), "Holm, over all rows"


def test_every_number_is_in_every_form(report: Report) -> None:
    whole = check(report, html_tables(render_html(report)))
    assert whole > 4 * 37 + 16 * 12
    package("wandb_workspaces")
    assert check(report, markdown_tables(markdown_of(build(report, "g")["spec"]))) == whole
    assert from_json(to_json(report)) == report
    assert "consistency" in json.loads(to_json(report))["picks"][0]
    for width in (70, 120, 400):
        raw = io.StringIO()
        print_report(report, Console(file=raw, width=width))
        text = " ".join(raw.getvalue().split())
        assert all(len(line) <= width for line in raw.getvalue().splitlines())
        for row in report.picks:
            assert f"{100 * row.gen:.1f} %" in text and f"{100 * row.difference:+.1f}" in text


def test_the_answer_says_what_picks_show(report: Report) -> None:
    said = answers(report)
    assert [verdict for verdict, _ in said[:4]] == [row.verdict for row in report.picks]
    assert "is better than drawing one at random" in said[1][1] and "80 questions" in said[1][1]
    many = msgspec.structs.replace(report, picks=report.picks * 2)
    assert any(text.startswith("In 4 of 8 cases picking is better than drawing") for _, text in answers(many))


def test_what_is_not_measured_yet_is_said(tmp_path: Path) -> None:
    early = Store(tmp_path / "store")
    for point in picking_points():
        for stage in pipeline(point.experiment).targets():
            if not isinstance(stage, Discriminate):
                run_stage(early, stage)
    said = collect(picking_points(), early, "lema")
    assert not said.picks and "8 set(s) of picks are not finished" in said.notes[0].text


def test_without_training_the_model_as_it_is_has_accuracy_and_picks(tmp_path: Path) -> None:
    sweep = picking_points(trained=False, read_outs=("label_text",))
    alone = Store(tmp_path / "store")
    run(alone, sweep)
    assert set(finished(alone.root).kinds) == {"evaluate", "generate", "discriminate"}
    report = collect(sweep, alone, "lema")
    assert [arm.arm for arm in report.arms] == ["base"] == [row.arm for row in report.picks]
    assert "nothing to compare" not in str(answers(report)) and answers(report)[0][0] == report.picks[0].verdict


def test_answers_of_another_model_are_said_to_be(tmp_path: Path) -> None:
    other = Store(tmp_path / "store")
    sweep = picking_points(trained=False, read_outs=("label_text",), engine=Both(name="other", chance=0.3))
    run(other, sweep)
    (row,) = collect(sweep, other, "lema").picks
    assert row.answers_of == "other" and "answers of other" in row.words
    assert "answers of" in html_tables(render_html(collect(sweep, other, "lema")))[1][0]


@pytest.mark.parametrize(
    ("low", "high", "upper", "called", "said"),
    [
        (0.01, 0.05, 0.04, Verdict.ABOVE, "better"),
        (-0.05, -0.01, -0.02, Verdict.BELOW, "worse"),
        (-0.02, 0.008, 0.005, Verdict.CANNOT_TELL, "not better"),
        (-0.02, 0.02, 0.015, Verdict.CANNOT_TELL, "cannot tell"),
    ],
)
def test_a_verdict_is_what_is_called_or_a_bound_below_the_margin(
    low: float, high: float, upper: float, called: Verdict, said: str, report: Report
) -> None:
    (judged,) = judge([difference(np.ones((1, 9)))])
    judged = msgspec.structs.replace(judged, difference=(low + high) / 2, low=low, high=high, verdict=called)
    assert verdict(report.picks[0], judged, upper) == said


def test_nine_printed_p_are_larger_than_the_papers_own_counts_allow() -> None:
    binary = [cell for cell in PAPER if cell.largest is not None]
    assert len(PAPER) == 63 and len(binary) == 24
    assert {(cell.model, cell.task) for cell in binary if cell.impossible} == {
        ("llama2-13b", "triviaqa"),
        ("llama3-70b", "triviaqa"),
        ("phi3-mini", "triviaqa"),
        ("llama3-8b-instruct", "triviaqa"),
        ("llama3-70b-instruct", "triviaqa"),
        ("gpt-3.5-turbo", "triviaqa"),
        ("mixtral-8x7b-instruct", "gsm8k"),
        ("gpt-3.5-turbo", "gsm8k"),
        ("gpt-4-turbo", "gsm8k"),
    }


def test_the_papers_means_over_models_are_those_that_it_prints() -> None:
    for task, mean in (("gsm8k", -0.0076), ("triviaqa", -0.0099), ("mt_bench", -0.06), ("truthfulqa", 0.0006)):
        held = [cell.difference for cell in PAPER if cell.task == task and cell.printed == "Table 2"]
        assert sum(held) / len(held) == pytest.approx(mean, abs=0.006 if task == "mt_bench" else 0.0001)


def test_ours_stand_beside_the_papers_for_the_same_model_and_task(report: Report) -> None:
    cells = {cell.model: cell for cell in report.paper_picks}
    assert {cell.task for cell in report.paper_picks} == {"gsm8k"} and len(cells) == 16
    assert cells["llama2-7b"].ours_gen == report.picks[0].gen and cells["llama2-13b"].ours_gen is None
    truth = [msgspec.structs.replace(report.picks[0], task="truthfulqa", model="llama2-7b")]
    notes = {cell.model: cell.note for cell in beside(PAPER, truth)}
    assert "multiple choice" in notes["llama2-7b"] and notes["llama2-13b"] == ""
    assert beside(PAPER, report.picks) == (), "the paper has nothing on toy sums"


@pytest.mark.parametrize(
    ("tables", "message"),
    [
        ("- {printed: T, rows: [{model: m, gsm8k: [1.0, 2.0]}]}", "T, m, gsm8k: expected gen, disc"),
        ("- {printed: T, rows: [{model: m, gsm8k: [high]}]}", "rows"),
        ("- {printed: T, rows: [{model: m, math: [1.0, 2.0, 1.0]}]}", "math"),
    ],
)
def test_a_faulty_file_of_figures_is_refused(tables: str, message: str, tmp_path: Path) -> None:
    file = tmp_path / "numbers.yaml"
    file.write_text(GOOD + tables)
    with pytest.raises(InputError, match=rf"{file}.*{message}"):
        load(file)
