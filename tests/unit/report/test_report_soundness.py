"""Sound answers: paths with known mistakes come out as what they are, in every form of a report."""

from __future__ import annotations

import msgspec
import pytest
from reading.report_cells import html_tables, markdown_of, markdown_tables

from lema.base.reasoning_steps import number_steps
from lema.base.records import Question, Verdict
from lema.report.findings.compare import compare
from lema.report.findings.results import ArmResult
from lema.report.findings.soundness import fault, notes, row
from lema.report.model import ArmSummary, Report, from_json, to_json
from lema.report.output.html import render_html
from lema.report.output.wandb_report import build
from lema.report.tables import sound_tables
from lema.report.tables.sound_parts import SoundRow
from lema.synth.lexicon import PEOPLE
from lema.synth.reading import FAULTS
from lema.tasks.gsm_synth import GsmSynth
from lema.verifiers.integers import Integers

TASK = GsmSynth(verifier=Integers())


def path(question: Question) -> str:
    """The reference path."""
    return number_steps(TASK.steps(question))


@pytest.fixture(scope="module")
def questions() -> list[Question]:
    return TASK.questions("test", 0, 30)


def test_reference_paths_are_sound(questions: list[Question]) -> None:
    assert {fault(question, path(question)) for question in questions} == {""}


def test_a_wrong_name_with_right_numbers_is_right_and_not_sound(questions: list[Question]) -> None:
    for question in questions:
        first = TASK.steps(question)[0]
        if "'s" not in first:
            continue
        owner = first.split("'s")[0]
        other = next(name for name in PEOPLE if name not in question.text)
        wrong = path(question).replace(f"{owner}'s", f"{other}'s", 1)
        assert TASK.verifier.judge(wrong, question).verdict is Verdict.RIGHT and fault(question, wrong) in FAULTS


class Run(msgspec.Struct):
    """What `row` wants of an evaluation that was read."""

    right: dict[str, bool]
    faults: dict[str, str]


def sound_row(arm: str, faults: list[str], right: list[bool]) -> SoundRow:
    summary = ArmSummary(
        arm=arm, task="", n=len(faults), seeds=(0,), accuracy=0.5, low=0.4, high=0.6, interval="i", by_seed=(0.5,)
    )
    ids = [f"q{i}" for i in range(len(faults))]
    return row(summary, [Run(dict(zip(ids, right, strict=True)), dict(zip(ids, faults, strict=True)))])  # type: ignore[list-item]


def test_shares_are_of_all_answers_and_of_the_right_ones() -> None:
    made = sound_row(
        "a", ["", "undefined_quantity", "", "wrong_operand", "malformed"], [True, True, True, False, False]
    )
    assert made.accuracy == 0.6 and made.of_right == pytest.approx(2 / 3)
    assert made.faults_of_right["undefined_quantity"] == 0.2 and sum(made.faults_of_right.values()) == 0.2
    assert sum(made.faults_of_wrong.values()) == 0.4
    assert notes([made])[0].text.startswith("Of the right answers only 67 % are sound")
    assert notes([sound_row("a", [""], [True])]) == []
    assert sound_row("a", ["malformed"], [False]).of_right is None


def test_it_is_in_every_form_and_numbers_are_those_of_the_rows() -> None:
    results = [
        ArmResult(arm=a, seed=s, right={f"q{i}": i % 3 == k for i in range(60)})
        for k, a in enumerate("ab")
        for s in (0, 1)
    ]
    arms, comparisons = compare(results)
    rows = (sound_row("a", ["", "malformed"], [True, False]), sound_row("b", ["missing_step", ""], [True, True]))
    report = Report(title="t", question="q?", baseline="a", base=None, arms=arms, comparisons=comparisons,
                    soundness=rows, sound_comparisons=comparisons)  # fmt: skip
    assert from_json(to_json(report)) == report
    page = html_tables(render_html(report))
    markdown = markdown_tables(markdown_of(build(report, "g")["spec"]))
    for tables in (page, markdown):
        (main,) = [held for held in tables if held and "of the right ones" in held[0]]
        assert [(one["arm"], one["accuracy"], one["of the right ones"]) for one in main] == [
            ("a", "50.0 %", "100.0 %"),
            ("b", "100.0 %", "50.0 %"),
        ]
        (faults,) = [held for held in tables if held and "final answer" in held[0]]
        assert faults[2]["missing step"] == "50.0 %" and len(faults) == 4
    assert sound_tables.all_of(report)[1].title == "Sound answers: against a"
