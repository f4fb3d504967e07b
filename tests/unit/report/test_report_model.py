"""The report's data: sums that hold, choices that repeat, JSON that comes back."""

from __future__ import annotations

import msgspec
import pytest
from toys.report import COUNTS, material, toy_report
from toys.sweep import toy_sweep

from lema.report import model
from lema.report.findings.corrections import funnel, pick
from lema.report.tables.text import answers


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


def test_many_comparisons_are_summed_up_by_verdict_and_task_and_none_is_left_out() -> None:
    report = toy_sweep()
    said = answers(report)
    assert {verdict for verdict, _ in said} == {c.verdict for c in report.answering}
    for c in report.answering:
        assert any(f"{c.arm} ({100 * c.difference:+.1f})" in text for verdict, text in said if verdict == c.verdict)
    for task in report.tasks:
        counted = [int(text.split()[0]) for _, text in said if f" on {task};" in text]
        assert sum(counted) == len([c for c in report.answering if c.task == task])


def test_with_several_baselines_each_arm_is_named_with_its_own() -> None:
    report = toy_sweep()
    other = [msgspec.structs.replace(c, baseline="another") for c in report.comparisons[::2]]
    mixed = msgspec.structs.replace(report, comparisons=(*other, *report.comparisons[1::2]))
    first = mixed.answering[0]
    shown = f"{first.arm} against another ({100 * first.difference:+.1f})"
    assert any(text.startswith("In ") and "their baselines" in text and shown in text for _, text in answers(mixed))
