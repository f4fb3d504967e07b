"""What the README says that the default run finds: each figure and each verdict is a field of the committed report."""

from __future__ import annotations

import re

import pytest
from conftest import ROOT

from lema.report.model import ArmSummary, Comparison, Report, from_json
from lema.report.tables.sound_parts import SoundRow

NUMBER = re.compile(r"[+-]?[0-9][0-9,]*(?:\.[0-9]+)?")
#: Numbers that are no results: settings, names of files and decisions, the default's pre-training.
SETTINGS = {"1,000", "0", "024", "60,000", "95"}


@pytest.fixture(scope="module")
def report() -> Report:
    return from_json((ROOT / "docs" / "results" / "demo.json").read_bytes())


@pytest.fixture(scope="module")
def section() -> str:
    text = (ROOT / "README.md").read_text()
    return text[text.index("### What it finds") : text.index("A second `make demo` runs nothing")]


def one(number: float) -> str:
    return f"{100 * number:.1f}"


def row(arm: ArmSummary, sound: SoundRow) -> str:
    """The cells of an arm in the README's table."""
    seeds = ", ".join(map(one, arm.by_seed)) if arm.seeds else ""
    first = f"{one(arm.accuracy)} % | {one(arm.low)} to {one(arm.high)} | {seeds}".rstrip()
    return f"{first} | {one(sound.sound)} % | {one(sound.low)} to {one(sound.high)} |"


def named(report: Report, arm: str, other: str) -> Comparison:
    return next(c for c in report.comparisons if (c.arm, c.baseline) == (arm, other))


def test_the_table_has_the_accuracies_and_sound_answers_of_the_report(report: Report, section: str) -> None:
    sound = {held.arm: held for held in report.soundness}
    lines = [line for line in section.splitlines() if line.startswith("| ") and "accuracy" not in line]
    assert len(lines) == len(report.arms) == 3
    for line, arm in zip(lines, report.arms, strict=True):
        assert arm.arm in line and line.endswith(row(arm, sound[arm.arm])), line
        assert arm.n == 1000


def test_what_is_said_of_differences_is_what_the_report_says(report: Report, section: str) -> None:
    words = " ".join(section.split()).replace("**", "")
    main = named(report, "cot_and_corrections", "cot_matched")
    assert len(report.comparisons) == 3 and {c.verdict for c in report.comparisons} == {"cannot tell"}
    assert "Corrections cannot be told from CoT" in words and "Nor can either arm be told from the base" in words
    assert not re.search(r"\b(?:better|worse|above|below)\b", words)
    span = f"{100 * main.difference:+.1f} points (95 % interval {100 * main.low:+.1f} to {100 * main.high:+.1f}"
    assert f"{span}, two runs against two; a true gain of {one(main.smallest)} points or more would" in words
    assert len(main.seeds) == len(main.baseline_seeds) == 2
    bases = [f"{100 * named(report, arm, 'base').difference:+.1f}" for arm in ("cot_matched", "cot_and_corrections")]
    assert f"({bases[0]} and {bases[1]} points)" in words


def test_what_is_said_of_training_sets_and_of_soundness_is_so(report: Report, section: str) -> None:
    assert {sum(mix.sources.values()) for mix in report.mixes} == {2238}
    assert {count for mix in report.mixes for count in mix.sources.values()} == {1500, 738}
    assert "2,238 examples" in section and "1,500 reference solutions" in section and "738 corrections" in section
    for held in report.soundness:
        assert held.of_right is not None and 0.45 < held.of_right < 0.55, "half"
        worst = max(held.faults_of_right, key=lambda name: held.faults_of_right[name])
        assert worst == "undefined_quantity" and held.faults_of_right[worst] > 0.5 * sum(held.faults_of_right.values())


def test_what_is_said_of_learning_to_correct_is_what_the_report_says(report: Report, section: str) -> None:
    (taught,) = [held for held in report.skills if held.taught]
    words = " ".join(section.split()).replace("**", "")
    assert taught.verdict == "not learned" and "The model has not learned to write corrections" in words
    assert taught.step_named and taught.step_guess and taught.right and taught.beside and taught.own
    form, named, right, again = (
        one(s.value) for s in (taught.well_formed, taught.step_named, taught.right, taught.again)
    )
    assert f"{taught.mistakes} held-out mistakes" in words and f"the taught form in {form} % of its replies" in words
    assert f"the first wrong step in {named} %, which who always names the same step does in" in words
    assert f"does in {one(taught.step_guess)} %, and ended right in {right} %" in words
    span = f"{100 * taught.beside.low:+.1f} to {100 * taught.beside.high:+.1f}"
    assert f"is right in {again} % ({100 * taught.beside.difference:+.1f} points, 95 % interval {span})" in words
    assert f"Of {taught.own.asked} corrections that it was trained on, {taught.own.as_taught} came back" in words


def test_no_figure_stands_there_that_is_none_of_these(report: Report, section: str) -> None:
    known = set(SETTINGS) | {"2,238", "1,500", "738"}
    for arm in report.arms:
        known |= {one(value) for value in (arm.accuracy, arm.low, arm.high, *arm.by_seed)}
    for row_ in report.soundness:
        known |= {one(value) for value in (row_.sound, row_.low, row_.high)}
    for c in report.comparisons:
        known |= {f"{100 * value:+.1f}" for value in (c.difference, c.low, c.high)} | {one(c.smallest)}
    for held in report.skills:
        if held.taught and held.right and held.step_named and held.step_guess and held.beside and held.own:
            known |= {one(s.value) for s in (held.well_formed, held.step_named, held.right, held.again)}
            known |= {one(held.step_guess), str(held.mistakes), str(held.own.asked)}
            known |= {f"{100 * value:+.1f}" for value in (held.beside.difference, held.beside.low, held.beside.high)}
    prose = re.sub(r"\]\([^)]*\)|`[^`]*`", "", section)
    assert [number for number in NUMBER.findall(prose) if number.rstrip(",") not in known] == []
