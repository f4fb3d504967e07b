"""From what a model wrote to its pick: one candidate that is named, or none."""

from __future__ import annotations

import pytest

from lema.discrimination import reading
from lema.verifiers.integers import Integers

#: What a model wrote, choosing among four, and the 0-based pick.
PICKS = [
    ("Choice: 2", 1),
    ("Step 1: ...\nChoice: 1\nNo.\nChoice: 3", 2),
    ("**Choice:** 4", 3),
    ("The right one is 2.", 1),
    ("Choice: Answer 2", 1),
    ("I take the second.\n\n2\n", 1),
    ("My pick is answer 3.", 2),
    ("Choice: 5", None),
    ("Choice: 0", None),
    ("Choice: -1", None),
    ("Choice: 2.5", None),
    ("24 pens, 2 each\nso I do not know", None),
    ("It costs 3.50 and q4", None),
    ("", None),
    ("### <1 or 2>", None),
    ("### Neither 1 nor 2", None),
    ("Answer 3, because 4 is wrong", 2),
    ("### 2", 1),
    ("### <2>", 1),
    ("Choice: <1 or 2>", None),
    ("Choice: k", None),
    ("Choice: <k>", None),
    ("Choice: ...", None),
    ("Choice: 1-2", None),
    ("Choice: 1 - 2", None),
    ("Choice: 1–3", None),
    ("Choice: 1/2", None),
    ("Choice: 1 to 4", None),
    ("Choice: 1, 2", None),
    ("Choice: 1,2", None),
    ("Choice: 1 and 2", None),
    ("Choice: 1 & 2", None),
    ("Choice: 1|2|3|4", None),
    ("Choice: [1/2/3/4]", None),
    ("Choice: not 2", None),
    ("Not 2", None),
    ("not 2.", None),
    ("Choice: neither", None),
    ("Choice: Neither 1 nor 2", None),
    ("Choice: either", None),
    ("Either 1", None),
    ("Choice: either 1 or 2", None),
    ("Choice: 1 or Choice: 2", None),
    ("2 is wrong", None),
    ("Answer 2 is incorrect.", None),
    ("Answer 2 is not right", None),
    ("It isn't 2", None),
    ("I would not choose 2.", None),
    ("anything but 2", None),
    ("All except 3", None),
    ("Both 1 and 2 are right", None),
    ("None of 1, 2, 3, 4", None),
    ("2, not 1", 1),
    ("Choice: 2, not 1", 1),
    ("Choice: 2. Not 1.", 1),
    ("Choice: 2, no wait, 1", None),
    ("2, which is not correct", None),
    ("3 is right, 2 is wrong", 2),
    ("4 is wrong, so 3", None),
    ("4 is wrong, so answer 3", 2),
    ("As 4 is wrong, 2", 1),
    ("Choice: 2 (12 pens)", 1),
    ("Choice: 2 - 12 pens", 1),
    ("Answer 2 is 12", 1),
    ("The total is 12, so answer 2", 1),
    ("24 pens, 2 each", None),
    ("It costs 2", None),
    ("There are 2 pens.", None),
    ("I choose 2", 1),
    ("The right answer is 2", 1),
    ("The best answer is number 2.", 1),
    ("No. 2", 1),
    ("Choice: No. 2", 1),
    ("Choice: #2", 1),
    ("Choice: **2**", 1),
    ("Choice:\n2", 1),
    ("Choice: \n\n**3**", 2),
    ("The right one is not 2", None),
    ("Choice: 2nd", None),
    ("Choice 2 seems better than Choice 1.", None),
    ("I doubt the right one is 2", None),
    ("Is it 2?", None),
    ("Choice: 2?", None),
    ("Choice: 1 or 2", None),
    ('End with a line "Choice: k", in which k is its number, from 1 to 4.', None),
    ("Choice: 1 because 2 and 3 are the same", 0),
    ("Answer 1, since 2, 3 and 4 do not fit", 0),
    ("Answer 3 or 4, because 1 is wrong", None),
    ("(2)", 1),
    ("Answer: 2", 1),
    ("Answer 2", 1),
    ("answer 1 answer 2", None),
    ("Choice: Answer 2: 12", 1),
    ("Choice: 2 of 4", None),
    ("Choice: 1. 2.", None),
    ("2.", 1),
    ("2)", 1),
    ("Choice: 3 and not 4", None),
    ("Choice: 20", None),
    ("Choice: 2 or more", None),
    ("Answers 1 to 3", None),
    ("The right one is 1, 2 or 3", None),
    ("The right one is <1 or 2>.", None),
    ("The right one is answer 2, since answer 1 forgets the pens.", 1),
    ("1..4", None),
    ("Choice: 1...4", None),
    ("Choice: between 1 and 2", None),
    ("Choice: can't say, maybe 2", None),
    ("Choice: $2", None),
    ("Choice: 2%", None),
    ("2 pens", None),
    ("Choice: 2 pens", 1),
    ("Answer 1: 12\nAnswer 2: 7", None),
    ("Answer 1: 12\nAnswer 2: 7\n2", None),
    ("Answer 1: 12\nAnswer 2: 7\nChoice: 2", 1),
    ("Step 1: 12.\nAnswer 1 does not agree.\nAnswer 2 agrees.", None),
    ("Final answer: 2", 1),
    ("Not 1, so 2", None),
    ("Choice: I pick 2", 1),
    ("Choice: one of 1 and 2", None),
    ("Option 3 looks right.", 2),
    ("Choose 3", 2),
]


@pytest.mark.parametrize(("text", "pick"), PICKS)
def test_a_label_is_the_one_candidate_that_is_named_and_nothing_is_guessed(text: str, pick: int | None) -> None:
    assert reading.label(text, 4) == pick


def test_a_verbatim_pick_is_the_first_candidate_with_that_answer() -> None:
    equal = Integers().equal
    assert reading.verbatim("so\nChoice: 12", ["7", "12", "12"], equal) == 1
    assert reading.verbatim("The right one is 7.", ["7", "12"], equal) == 0
    assert reading.verbatim("The right one is no final answer.", ["7", "no final answer"], equal) == 1
    assert reading.verbatim("Choice: 8", ["7", "12"], equal) is None
    assert reading.verbatim("12", ["7", "12"], equal) is None


@pytest.mark.parametrize(
    ("text", "score"), [("Score: 7", 7), ("Score: 3\nScore: 10", 10), ("8/10", 8), ("Score: 11", None), ("good", None)]
)
def test_a_score_is_from_0_to_10(text: str, score: float | None) -> None:
    assert reading.score(text) == score


@pytest.mark.parametrize("text", ["Score: 7 or 8", "Score: 0-10", "Score: 0 to 10", "Score: <0 to 10>", "Score: 2, 3"])
def test_a_range_is_no_score(text: str) -> None:
    assert reading.score(text) is None
