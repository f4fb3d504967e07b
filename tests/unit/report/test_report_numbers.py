"""One report, three forms: every number of its arms, comparisons, trends and paper cells is the same in all of them."""

from __future__ import annotations

import json

import msgspec
import pytest
from conftest import package
from reading.report_cells import check, check_pairs, html_tables, markdown_of, markdown_tables
from toys.report import toy_report
from toys.sweep import toy_sweep

from lema.report.findings.notes import same_text_notes
from lema.report.model import Mix, Report, from_json, to_json
from lema.report.output.html import render_html
from lema.report.output.wandb_report import build

REPORTS = {"toy": toy_report, "sweep": toy_sweep}


@pytest.mark.parametrize("name", REPORTS)
def test_every_number_of_the_report_is_on_the_page(name: str) -> None:
    report = REPORTS[name]()
    assert check(report, html_tables(render_html(report))) > 40


@pytest.mark.parametrize("name", REPORTS)
def test_every_number_of_the_report_is_in_the_wandb_report(name: str) -> None:
    package("wandb_workspaces")
    report = REPORTS[name]()
    held = build(report, group="g")
    assert check(report, markdown_tables(markdown_of(held["spec"]))) > 40


@pytest.mark.parametrize("name", REPORTS)
def test_the_page_and_the_wandb_report_have_the_same_tables(name: str) -> None:
    package("wandb_workspaces")
    report = REPORTS[name]()
    page = html_tables(render_html(report))
    for table in markdown_tables(markdown_of(build(report, group="g")["spec"])):
        if "of the level above" not in table[0]:  # the page draws the funnel with bars
            assert table in page


@pytest.mark.parametrize("name", REPORTS)
def test_report_json_holds_every_number_as_it_is(name: str) -> None:
    report = REPORTS[name]()
    assert from_json(to_json(report)) == report
    raw = json.loads(to_json(report))
    assert [arm["accuracy"] for arm in raw["arms"]] == [arm.accuracy for arm in report.arms]
    assert [c["difference"] for c in raw["comparisons"]] == [c.difference for c in report.comparisons]


@pytest.mark.parametrize("field", ["accuracy", "low", "high", "n", "by_seed"])
def test_the_check_sees_one_changed_number_of_an_arm(field: str) -> None:
    report = toy_report()
    changed = getattr(report.arms[1], field)
    changed = (
        tuple(a + 0.01 for a in changed) if isinstance(changed, tuple) else changed + (1 if field == "n" else 0.01)
    )
    arms = (report.arms[0], msgspec.structs.replace(report.arms[1], **{field: changed}), *report.arms[2:])
    sees(report, msgspec.structs.replace(report, arms=arms))


@pytest.mark.parametrize(
    "field",
    ["difference", "low", "high", "won", "lost", "p", "p_adjusted", "smallest", "run_sd", "run_df", "lent_df"],
)
def test_the_check_sees_one_changed_number_of_a_comparison(field: str) -> None:
    report = toy_report()
    by = 1 if field in {"won", "lost", "run_df", "lent_df"} else 0.01
    changed = msgspec.structs.replace(report.comparisons[0], **{field: getattr(report.comparisons[0], field) + by})
    sees(report, msgspec.structs.replace(report, comparisons=(changed, *report.comparisons[1:])))


def sees(report: Report, changed: Report) -> None:
    tables = html_tables(render_html(report))
    check(report, tables)
    with pytest.raises(AssertionError):
        check(changed, tables)


def test_left_out_pairs_are_on_the_page_folded() -> None:
    page = render_html(toy_report())
    assert check_pairs(toy_report(), html_tables(page)) == 2
    assert "<details>\n<summary>2 of 16 pairs" in page


@pytest.mark.parametrize(
    ("part", "field"),
    [
        *(("success", field) for field in ("sent", "accepted", "rate", "low", "high", "mean_steps", "mean_words")),
        *(("delta_ppl", field) for field in ("mean", "low", "high", "median", "wrong_ppl", "right_ppl", "questions")),
        *(("choices", field) for field in ("questions", "chosen", "accuracies", "by", "on", "best_three")),
    ],
)
def test_the_check_sees_one_changed_number_about_data_and_checkpoints(part: str, field: str) -> None:
    report = toy_report()
    first, *rest = getattr(report, part)
    value = getattr(first, field)
    by = 1 if isinstance(value, int) or field.startswith("mean_") else 0.05
    other = {"accuracies": (0.5,) * 10, "chosen": 700, "by": "best_on_test", "on": "gsm_synth test[0:500]"}
    changed = msgspec.structs.replace(first, **{field: other[field] if field in other else value + by})
    sees(report, msgspec.structs.replace(report, **{part: (changed, *rest)}))


def test_examples_that_are_no_new_text_are_said_at_once() -> None:
    def mix(arm: str, seed: int, alike: int | None) -> Mix:
        return Mix(arm=arm, seed=seed, sources={"cot": 1500, "cot_from_correction": 738}, same_text=alike)

    (note,) = same_text_notes(
        [mix("cot_matched", 0, 738), mix("cot_matched", 1, 738), mix("cot", 0, 0), mix("old", 0, None)]
    )
    assert note.text.startswith(
        "738 of the 2,238 examples of cot_matched have, letter by letter, the text of an earlier"
    )


def test_how_all_checkpoints_were_chosen_is_said_once() -> None:
    page = render_html(toy_report())
    assert page.count("Chosen as best on dev: gsm_synth dev[0:500], 500 questions.") == 1
    paper = tuple(msgspec.structs.replace(choice, by="best_on_test") for choice in toy_report().choices)
    said = render_html(msgspec.structs.replace(toy_report(), choices=paper))
    assert "Chosen as best on test, as in the paper: gsm_synth dev[0:500]" in said


def test_the_check_sees_one_changed_count_of_a_sieve_and_of_leaks() -> None:
    report = toy_report()
    assert report.leaks is not None
    level = msgspec.structs.replace(report.sieves[0].levels[0], left_out={"several_questions": 42, "empty": 7})
    sieve = msgspec.structs.replace(report.sieves[0], levels=(level, *report.sieves[0].levels[1:]))
    sees(report, msgspec.structs.replace(report, sieves=(sieve, *report.sieves[1:])))
    count = msgspec.structs.replace(report.leaks.counts[0], dropped={"exact": 3, "overlap": 12})
    leaks = msgspec.structs.replace(report.leaks, counts=(count, *report.leaks.counts[1:]))
    sees(report, msgspec.structs.replace(report, leaks=leaks))
