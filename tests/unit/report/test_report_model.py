"""The report's data: sums that hold, choices that repeat, JSON that comes back."""

from __future__ import annotations

import msgspec
import pytest
from toy_report import COUNTS, material, toy_report

from lema.report import model
from lema.report.corrections import error_classes, funnel, pick


def test_a_report_comes_back_from_json_as_it_was() -> None:
    report = toy_report()
    data = model.to_json(report)
    assert model.from_json(data) == report
    assert data == model.to_json(toy_report())


def test_the_funnel_holds_every_sampled_path_once() -> None:
    counted = funnel("toy", COUNTS)
    wrong = counted.sampled - counted.verdicts["right"]
    assert sum(counted.held_back.values()) + counted.accepted + sum(counted.rejected.values()) == wrong
    assert counted.held_back == {"duplicate": 410, "over_per_question": 380, "no_answer": 167, "undecided": 12}


@pytest.mark.parametrize("name", ["sampled", "right", "wrong", "no_answer", "corrected", "accepted"])
def test_a_funnel_that_loses_a_path_is_refused(name: str) -> None:
    with pytest.raises(AssertionError, match="does not sum"):
        funnel("toy", {**COUNTS, name: COUNTS[name] + 1})


def test_error_classes_count_what_was_sent_and_what_was_accepted() -> None:
    _, _, corrections = material(14)
    classes = error_classes(corrections)
    assert sum(error.sent for error in classes) == 14
    assert sum(error.accepted for error in classes) == sum(not c.reject for c in corrections)


def test_ten_accepted_corrections_of_all_classes_are_picked() -> None:
    questions, solutions, corrections = material(40)
    picked = pick(questions, solutions, corrections)
    assert len(picked) == 10 and not any(view.reject for view in picked)
    assert {view.error for view in picked} == {"arithmetic_slip", "wrong_operand", "wrong_operation"}
    assert len({view.question for view in picked}) == 10
    first = picked[0]
    assert first.step == 2 and len(first.wrong) == 4 and first.wrong[1].endswith("apples.")


def test_fewer_corrections_than_asked_for_are_all_picked() -> None:
    questions, solutions, corrections = material(6)
    assert len(pick(questions, solutions, corrections)) == sum(not c.reject for c in corrections)


def test_the_answer_is_what_the_comparisons_with_the_baseline_say() -> None:
    report = toy_report()
    assert report.answer == report.comparisons[0].words
    alone = msgspec.structs.replace(report, comparisons=())
    assert "nothing to compare" in alone.answer
