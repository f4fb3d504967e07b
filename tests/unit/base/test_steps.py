"""Paths in any form become numbered steps."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lema.base.reasoning_steps import from_free_form, number_steps, split_steps

FREE = [
    ("Mia has 7+5=<<7+5=12>>12 pens.\nA: 12", ["Mia has 7+5=12 pens.", "The answer is 12."]),
    ("Mia has 7+5=<<7+5=12>>12 pens.\n#### 12", ["Mia has 7+5=12 pens.", "The answer is 12."]),
    ("Mia has 12 pens.\n\n  Answer: $12.  ", ["Mia has 12 pens.", "The answer is $12."]),
    ("Mia has 7 pens. She buys 5. The answer is 12.", ["Mia has 7 pens.", "She buys 5.", "The answer is 12."]),
    ("Mr. Lee has 1.5 pens. J. Doe has 2.", ["Mr. Lee has 1.5 pens.", "J. Doe has 2.", "The answer is 3.5."]),
    ("Step 1: Mia has 7.\nStep 2: The answer is 7.", ["Mia has 7.", "The answer is 7."]),
    ("Step 1. Mia has 7.\nThe answer is 7.", ["Mia has 7.", "The answer is 7."]),
    ("Step 1: Mia has 7.\n#### 7", ["Mia has 7.", "The answer is 7."]),
    ("Let me see.\nStep 1: Mia has\nseven.\nStep 3: The answer is 7.", ["Mia has\nseven.", "The answer is 7."]),
    ("So it is \\boxed{3.5}", ["So it is \\boxed{3.5}", "The answer is 3.5."]),
    ("So she has 4 left, the answer is 3.5.", ["So she has 4 left, the answer is 3.5."]),
    ("<<1+1=2>>\nTwo.\r\nA: 3.5", ["Two.", "The answer is 3.5."]),
]


@pytest.mark.parametrize(("text", "steps"), FREE)
def test_a_path_in_any_form_becomes_steps_with_the_answer_last(text: str, steps: list[str]) -> None:
    assert from_free_form(text, "3.5") == steps


def test_a_path_without_answer_is_not_given_one() -> None:
    assert from_free_form("Mia has 7 pens.\nShe buys 5.", None) == ["Mia has 7 pens.", "She buys 5."]
    assert from_free_form("", None) == []


LINES = st.lists(
    st.sampled_from(
        [
            "Step 1: Mia has 7.",
            "Step 9. She buys 5.",
            "A: 12",
            "#### 12",
            "The answer is 12.",
            "one 3+4=<<3+4=7>>7",
            "Two. Three.",
            "",
            "  so ",
            "the answer is not known",
        ]
    ),
    max_size=6,
)


@given(LINES, st.sampled_from([None, "12"]))
def test_converting_twice_changes_nothing(lines: list[str], answer: str | None) -> None:
    once = from_free_form("\n".join(lines), answer)
    assert from_free_form(number_steps(once), answer) == once
    assert split_steps(number_steps(once)) == once


def test_numbering_can_go_on_from_a_step() -> None:
    assert number_steps(["a", "b"], first=3) == "Step 3: a\nStep 4: b"
