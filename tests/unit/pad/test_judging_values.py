"""Which values are the answer, by both rules."""

from __future__ import annotations

import pytest

from lema.base.records import Question, Verdict
from lema.pad.judging import error_class, judge, number, vote_class
from lema.programs.program import Outcome, Status
from lema.verifiers.numbers import Numbers

CHECK = Numbers()


def verdict(value: str, gold: str, rule: str = "exact") -> Verdict:
    question = Question(id="q", task="t", text="?", answer=gold)
    outcome = Outcome(status=Status.OK, level="fresh", value=value)
    return judge(outcome, question, CHECK, rule).verdict  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("value", "gold", "exact", "pad_v1"),
    [
        ("4", "4", True, True),
        ("4.0", "4", True, True),
        ("4.4", "4", False, True),
        ("4.5", "4", False, True),  # Python rounds halves to even numbers
        ("3.5", "4", False, True),
        ("-4", "4", False, False),
        ("1200", "1,200", True, False),
        ("1,200", "1200", True, False),
        ("0.33333333", "1/3", True, False),
        ("1/3", "0.33333333", True, False),
        ("0.30000000000000004", "0.3", True, False),
        ("100000.0001", "100000", True, True),
        ("100000", "100001", False, False),  # within 1e-4 of it, but whole
        ("inf", "4", False, False),
        ("nan", "4", False, False),
        ("1e400", "4", False, False),
        ("four", "4", False, False),
        ("4 apples", "4", False, False),
        ("4_0", "40", False, True),
        ("4\n4", "4", False, False),
        ("", "4", False, False),
        ("True", "1", False, False),
    ],
)
def test_rules(value: str, gold: str, exact: bool, pad_v1: bool) -> None:
    assert (verdict(value, gold) is Verdict.RIGHT, verdict(value, gold, "pad_v1") is Verdict.RIGHT) == (exact, pad_v1)


def test_words_are_compared_without_case_by_the_papers_rule() -> None:
    assert verdict("YES", "yes", "pad_v1") is Verdict.RIGHT and verdict("yess", "yes", "pad_v1") is Verdict.WRONG


@pytest.mark.parametrize(
    ("outcome", "name"),
    [
        (Outcome(status=Status.ERROR, level="fresh", error="NameError"), "NameError"),
        (Outcome(status=Status.ERROR, level="fresh", error="IndentationError"), "SyntaxError"),
        (Outcome(status=Status.ERROR, level="fresh", error="ZeroDivisionError"), "ZeroDivisionError"),
        (Outcome(status=Status.TIMEOUT, level="fresh"), "timeout"),
        (Outcome(status=Status.OK, level="fresh"), "no_value"),
        (Outcome(status=Status.OK, level="fresh", value="1"), "executed"),
    ],
)
def test_every_run_has_a_class(outcome: Outcome, name: str) -> None:
    assert error_class(outcome) == name
    question = Question(id="q", task="t", text="?", answer="1")
    assert (judge(outcome, question, CHECK, "exact").verdict is Verdict.NO_ANSWER) == (name != "executed")


def test_equal_values_share_a_vote() -> None:
    assert vote_class("12") == vote_class("12.0") == vote_class("24/2") != vote_class("12.5")
    assert vote_class("-0.0") == vote_class("0") and vote_class("Yes ") == vote_class("yes")


def test_a_number_is_read_in_no_time_however_large() -> None:
    assert number("1e999999999") is None and number("9" * 5000 + "/2") is None
