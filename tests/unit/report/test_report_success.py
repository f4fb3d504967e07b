"""Correction success from finished stages."""

from __future__ import annotations

import io
from collections.abc import Iterator
from pathlib import Path

import pytest
from msgspec.structs import replace
from rich.console import Console
from toys.lab import Sums, experiment, run_stage
from toys.report import HOSTILE, toy_report

from lema.base.protocols import Sampling
from lema.base.question_slice import Slice
from lema.base.records import Correction, Question, Solution, Verdict
from lema.base.spec import spec
from lema.base.stats import wilson
from lema.experiment.pipeline import pipeline
from lema.experiment.sections import Generation
from lema.report.findings.success import Sent, rows, success
from lema.report.output.html import render_html
from lema.report.output.terminal import print_report
from lema.report.tables import data_tables
from lema.report.tables.parts import SuccessRow
from lema.stages.correct import Correct
from lema.store import Artifact, Store

GENERATED = {"questions": Slice(split="train", stop=100), "sampling": Sampling(n=2, temperature=0.7)}


def one(number: int, reasoner: str = "weak", difficulty: str = "", error: str = "", reject: str = "") -> Sent:
    path = Solution(
        question_id=f"q{number}", reasoner=reasoner, sample=0, text="Step 1: no.", verdict=Verdict.WRONG, answer="1"
    )
    correction = Correction(
        question_id=path.question_id,
        solution_id=path.id,
        corrector="teacher",
        step=1,
        explanation="It is two.",
        solution=("1 + 1 = 2.", "The answer is 2."),
        error=error,
        reject=reject,
    )
    return Sent(path=path, correction=correction, difficulty=difficulty)


@spec
class Levelled(Sums):
    """Sums of two difficulties."""

    kind = "levelled_sums"

    def questions(self, split: str, start: int = 0, stop: int | None = None) -> list[Question]:
        plain = super().questions(split, start, stop)
        return [replace(q, difficulty="Level 1" if len(q.answer) < 3 else "Level 2") for q in plain]


def table(found: tuple[SuccessRow, ...]) -> dict[tuple[str, str], tuple[int, int]]:
    return {(row.by, row.name): (row.accepted, row.sent) for row in found}


def test_rates_are_of_the_paths_that_were_sent_in_every_grouping() -> None:
    sent = [
        one(number, "strong" if number < 10 else "weak", f"Level {1 + number % 2}", "slip" if number % 3 else "")
        for number in range(20)
    ]
    sent += [one(number, "strong", "Level 2", "slip", reject="wrong_answer") for number in range(20, 35)]
    found = rows(sent)
    assert table(found) == {
        ("all", "all"): (20, 35),
        ("reasoner", "strong"): (10, 25),
        ("reasoner", "weak"): (10, 10),
        ("difficulty", "Level 1"): (10, 10),
        ("difficulty", "Level 2"): (10, 25),
        ("error", "slip"): (13, 28),
        ("error", "unnamed"): (7, 7),
    }
    strong = next(row for row in found if row.name == "strong")
    expected = wilson(10, 25)
    assert (strong.rate, strong.low, strong.high) == (0.4, expected.low, expected.high)
    assert strong.mean_steps == 2 and strong.mean_words == 3 + 9


def test_lengths_are_of_accepted_corrections_and_none_where_there_is_none() -> None:
    (alone, *_) = rows([one(0, reject="no_reply")])
    assert (alone.accepted, alone.rate, alone.mean_steps, alone.mean_words) == (0, 0.0, None, None)
    shown = data_tables.success(replace(toy_report(), success=(alone,)))
    assert shown.rows[0][-2:] == ("-", "-")


def test_a_grouping_in_which_nothing_is_named_is_left_out() -> None:
    assert {row.by for row in rows([one(0), one(1)])} == {"all", "reasoner"}


@pytest.fixture(scope="module")
def finished(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Store, Correct]]:
    store = Store(tmp_path_factory.mktemp("success") / "store")
    (stage,) = pipeline(experiment("cot_and_corrections", 0)).material["corrections"]
    assert isinstance(stage, Correct)
    run_stage(store, stage)
    yield store, stage


def artifacts(finished: tuple[Store, Correct]) -> list[Artifact]:
    store, stage = finished
    return [store.get(stage), store.get(stage.paths)]


def test_finished_stages_give_the_counts_of_their_own_funnel(finished: tuple[Store, Correct]) -> None:
    correct, _ = artifacts(finished)
    counts = correct.summary["funnel"]
    found = table(success(artifacts(finished)))
    assert found["all", "all"] == found["reasoner", "toy"] == (counts["accepted"], counts["corrected"])
    assert 0 < counts["accepted"] < counts["corrected"]
    assert found["error", "arithmetic_slip"] == found["all", "all"]


def test_difficulty_counts_questions_without_any_accepted_correction_too(tmp_path: Path) -> None:
    """Read from the paths' own stage: the correction stage has only the questions that it could correct."""
    store = Store(tmp_path / "store")
    (stage,) = pipeline(experiment("cot_and_corrections", 0, task=Levelled())).material["corrections"]
    assert isinstance(stage, Correct)
    run_stage(store, stage)
    both = success([store.get(stage), store.get(stage.paths)])
    by_level = [row for row in both if row.by == "difficulty"]
    assert sum(row.sent for row in by_level) == both[0].sent and len(by_level) > 1
    assert any(row.accepted < row.sent for row in by_level)
    assert not [row for row in success([store.get(stage)]) if row.by == "difficulty"]


def test_stages_that_share_corrections_count_each_once(tmp_path: Path) -> None:
    store = Store(tmp_path / "store")
    stages = [
        stage
        for most in (10, None)
        for generation in [Generation(correct_at_most=most, **GENERATED)]
        for stage in pipeline(experiment("cot_and_corrections", 0, generation=generation)).material["corrections"]
    ]
    for stage in stages:
        run_stage(store, stage)
    few, all_ = (store.get(stage) for stage in stages)
    both = success([few, all_])
    assert few.summary["funnel"]["corrected"] == 10
    assert both[0].sent == all_.summary["funnel"]["corrected"] > 10


def test_terminal_and_page_show_the_same_cells_and_escape_names() -> None:
    found = rows([one(0, reasoner=HOSTILE, difficulty="Level 1"), one(1, difficulty="Level 5", reject="no_reply")])
    report = replace(toy_report(), success=found)
    page = render_html(report)
    console = Console(width=300, record=True, file=io.StringIO())
    print_report(report, console)
    shown = console.export_text()
    for row in data_tables.success(report).rows:
        for cell in row[1:]:
            assert f"<td>{cell}</td>" in page and cell in shown
        assert row[0] in shown
    assert HOSTILE in shown and "<script" not in page and "reasoner: &lt;script&gt;" in page
