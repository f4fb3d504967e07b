"""Tables of docs/results: the numbers of a row are those of one subject of the committed report."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest
from conftest import ROOT

PAGES = sorted(page for page in (ROOT / "docs" / "results").glob("*.md") if page.with_suffix(".json").exists())
NUMBER = re.compile(r"(?<![\w.,])[-+]?[0-9]+\.[0-9]+")


def numbers(value: object) -> set[str]:
    """All numbers in a part of a report, as shares and points are printed."""
    if isinstance(value, dict):
        return set().union(*map(numbers, value.values()))
    if isinstance(value, list):
        return set().union(*map(numbers, value))
    if isinstance(value, bool) or not isinstance(value, float | int):
        return set()
    return {f"{100 * abs(value):.1f}", f"{abs(value):.3f}", f"{abs(value):.2f}"}


def subjects(report: dict[str, Any]) -> list[set[str]]:
    """The numbers of each thing that a row of a table may be about: an arm, two arms, a set of picks, two of them."""
    of_arms: dict[str, set[str]] = {}
    for part in ("arms", "soundness", "skills", "programs"):
        for row in report[part]:
            of_arms.setdefault(row["arm"], set()).update(numbers(row))
            if part == "programs":
                of_arms[row["arm"]].add(f"{100 * row['executed'] / row['n']:.1f}")
    alone = [
        numbers(row) | of_arms.get(row.get("arm", ""), set())
        for part in ("comparisons", "sound_comparisons", "pick_pairs", "space_pairs", "spaces")
        for row in report[part]
    ]
    of_runs: dict[tuple[str, int | None], set[str]] = {}
    for row in report["picks"]:
        of_runs.setdefault((row["arm"], row["seed"]), set(of_arms.get(row["arm"], set()))).update(numbers(row))
    return [*of_arms.values(), *of_runs.values(), *alone]


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.stem)
def test_each_row_of_a_page_of_results_has_the_numbers_of_one_subject_of_its_report(page: Path) -> None:
    report = json.loads(page.with_suffix(".json").read_text())
    held = subjects(report)
    rows = [line for line in page.read_text().splitlines() if line.startswith("|") and NUMBER.search(line)]
    assert len(rows) >= 5
    for row in rows:
        said = {found.lstrip("+-") for found in NUMBER.findall(row.replace("< 0.001", ""))}
        assert any(said <= one for one in held), (row, min((said - one for one in held), key=len))
    assert report["provenance"]["command"] in page.read_text() and not report["provenance"]["dirty"]


def test_what_the_readme_says_of_programs_is_what_their_report_says() -> None:
    words = " ".join((ROOT / "README.md").read_text().split())
    report = json.loads((ROOT / "docs" / "results" / "pad.json").read_text())
    accuracy = {row["arm"]: row["accuracy"] for row in report["arms"]}
    verdict = {(row["arm"], row["baseline"]): row["verdict"] for row in report["comparisons"]}
    assert "three times as good as direct answers, and worse than paths" in words
    assert 2.5 <= accuracy["programs"] / accuracy["answers_on_programs"] < 3.5
    assert verdict["programs", "paths_on_programs"] == "worse"
    assert "searching step by step and repairs help" in words
    for arm in ("programs (step_beam, weight=1)", "programs_and_refinements", "programs_and_refinements (rounds=2)"):
        assert verdict[arm, "programs"] == "better"
