"""The report in the terminal: plain where there is none, and no number cut at any width."""

from __future__ import annotations

import io
import re

import pytest
from reading.report_cells import percent
from rich.console import Console
from toys.report import toy_report

from lema.report.output.terminal import print_report
from lema.report.tables.text import faced


def printed(width: int, *, terminal: bool = False, encoding: str = "utf-8") -> str:
    raw = io.TextIOWrapper(io.BytesIO(), encoding=encoding)
    print_report(toy_report(), Console(file=raw, width=width, force_terminal=terminal))
    raw.seek(0)
    return raw.read()


def test_without_a_terminal_there_are_no_escape_codes_and_with_one_there_are() -> None:
    assert "\x1b" not in printed(100)
    assert "\x1b[" in printed(100, terminal=True)


def test_it_prints_where_only_ascii_can_be_printed() -> None:
    assert "cot_and_corrections" in printed(100, encoding="ascii")


@pytest.mark.parametrize("width", [36, 60, 77, 78, 80, 120, 200])
def test_every_number_is_whole_at_every_width(width: int) -> None:
    text = printed(width)
    report = toy_report()
    assert all(len(line) <= width for line in text.splitlines())
    whole = re.sub(r"\s+", " ", text)
    for arm in report.arms:
        assert f"{100 * arm.accuracy:.1f} %" in whole and f"{100 * arm.low:.1f} to {100 * arm.high:.1f}" in whole
        assert all(f"{seed}: {100 * a:.1f}" in whole for seed, a in zip(arm.seeds, arm.by_seed, strict=False))
    for c in report.comparisons:
        assert faced(c.low, c.high) in whole and c.verdict in whole
    for row in report.success:
        assert f"{percent(row.rate)}" in whole and f"{percent(row.low)} to {percent(row.high)}" in whole
        assert row.mean_words is None or f"{row.mean_words:.1f}" in whole
    for choice in report.choices:
        assert all(f"{step:,}: {percent(a)}" in whole for step, a in zip(choice.steps, choice.accuracies, strict=True))
    assert "2,391" in whole and "+1.426 to +1.491" in whole and "2,012" in whole


def test_text_in_brackets_is_text_and_not_markup() -> None:
    assert "[bold]not markup[/bold]" in printed(120)


def test_the_answer_comes_last() -> None:
    assert re.sub(r"\s+", " ", printed(100)).strip().endswith(toy_report().answer)
