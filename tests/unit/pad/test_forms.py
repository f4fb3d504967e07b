"""From what a model wrote to Python source, and which programs count as one."""

from __future__ import annotations

import pytest

from lema.answering.program import stretch_of
from lema.pad.forms import normal, ran, source, written

PLAIN = "def solution():\n    a = 1\n    return a"


@pytest.mark.parametrize(
    "text",
    [
        PLAIN,
        f"{PLAIN}\n\nQuestion: and another one?",
        f"Here it is:\n```python\n{PLAIN}\n```\nThat is all.",
        f"```\n{PLAIN}",
        f"Sure.\n{PLAIN}\nprint(solution())",
    ],
)
def test_prose_around_a_function_is_left_out(text: str) -> None:
    assert source(text, "function") == PLAIN


def test_imports_before_a_function_stay() -> None:
    text = "import math\nfrom fractions import Fraction\n\ndef solution():\n    return math.floor(2.5)"
    assert source(f"Well:\n{text}", "function") == text


def test_a_body_is_a_function_that_returns_what_answer_holds() -> None:
    assert source("Mia = 3 + 4\nAnswer = Mia\n", "body") == (
        "def solution():\n    Mia = 3 + 4\n    Answer = Mia\n    return Answer"
    )


def test_both_forms_of_the_same_statements_are_the_same_program() -> None:
    lines = ["a = 1 + 2", "= a * 3"]
    assert written(lines, "body") == "a = 1 + 2\nAnswer = a * 3"
    assert written(lines, "function") == "def solution():\n    a = 1 + 2\n    return a * 3"


@pytest.mark.parametrize(
    "other",
    [
        "def solution():\n  b = 1\n  return b",
        'def solution():\n    """What is one?"""\n    # one\n    first = 1\n\n    return (first)',
    ],
)
def test_layout_comments_docstrings_and_names_do_not_tell_programs_apart(other: str) -> None:
    assert normal(other) == normal(PLAIN)


@pytest.mark.parametrize(
    "other",
    [
        "def solution():\n    a = 2\n    return a",
        "def solution():\n    return 1",
        "def solution():\n    a = 1\n    return b",
        "def solution():\n    a = 1.0\n    return a",
    ],
)
def test_numbers_statements_and_names_that_nothing_assigns_do(other: str) -> None:
    assert normal(other) != normal(PLAIN)


def test_names_are_told_apart_by_where_they_stand() -> None:
    first = "def solution():\n    a = 1\n    b = 2\n    return a - b"
    assert normal(first) != normal(first.replace("a - b", "b - a"))


@pytest.mark.parametrize("text", ["x = = 1", "def solution(:", "\0", "(" * 5000, "x = " + "-" * 30_000 + "1"])
def test_what_is_no_python_has_no_normal_form_and_does_no_harm(text: str) -> None:
    assert normal(text) is None


def test_parsing_runs_nothing(capsys: pytest.CaptureFixture[str]) -> None:
    normal("print('run')\nimport sys; sys.exit(3)")
    assert capsys.readouterr().out == ""


def test_what_runs_on_behind_a_function_is_no_part_of_the_program() -> None:
    program = "def solution():\n    pens = 7\n    return pens + 5"
    for text in (program, f"{program}\n\nQuestion: Another?", f"Here it is:\n```python\n{program}\n```\nIt is 12."):
        assert ran(text, "function") == program and ran(text, "body") == text
        stretch = stretch_of(text, "function")
        assert (text if stretch is None else text[slice(*stretch)]) == program
    assert stretch_of(program, "function") is None and stretch_of("Answer = 7\n\nQuestion: x", "body") is None
