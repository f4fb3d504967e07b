"""Announcements of an answer: which there are in a text, and that the last one comes first."""

from __future__ import annotations

import pytest

from lema.verifiers.ladder import Rung, candidates, set_apart

ALL: tuple[Rung, ...] = ("answer_is", "hashes", "answer_line", "boxed")


def test_the_last_announcement_comes_first_and_the_others_after_it() -> None:
    text = "The answer is 1.\n#### 2\nSo \\boxed{3}.\nAnswer: 4"
    assert list(candidates(text, ALL)) == [
        ("answer_line", "4"),
        ("boxed", "3"),
        ("hashes", "2"),
        ("answer_is", "1"),
    ]
    assert list(candidates(text, ("hashes", "boxed"))) == [("boxed", "3"), ("hashes", "2")]


def test_a_box_in_the_line_of_an_announcement_is_what_it_announces() -> None:
    assert list(candidates("The answer is in the box, \\boxed{3}.", ALL)) == [("answer_is", "3"), ("boxed", "3")]


def test_joined_boxes_are_one_answer_unless_each_is_asked_for() -> None:
    text = "$\\boxed{(1,2)}$ and $\\boxed{(3,4)}$"
    assert list(candidates(text, ALL)) == [("boxed", "(1,2), (3,4)")]
    assert list(candidates(text, ALL, lists=False)) == [("boxed", "(3,4)"), ("boxed", "(1,2)")]
    assert [found for _, found in candidates("\\boxed{1}. Wait, \\boxed{2}", ALL)] == ["2", "1"]


def test_weak_announcements_hold_what_the_caller_calls_an_answer() -> None:
    text = "The answer must be Paris.\n### Final answer\nParis\n\n#### Paris\nas was shown"
    assert list(candidates(text, ALL)) == []
    found = list(candidates(text, ALL, holds=lambda line: "Paris" in line))
    assert found == [("hashes", "Paris"), ("answer_line", "Paris"), ("answer_is", "Paris")]


def test_an_answer_that_is_taken_back_ends_the_search() -> None:
    assert list(candidates("The answer is 1. This answer is wrong.", ALL)) == []
    assert [found for _, found in candidates("The answer is wrong. The answer is 2.", ALL)] == ["2"]


@pytest.mark.parametrize(
    "text", ["So\n$$18$$", "So\n\\[\n18\n\\]", "So\n```\n18\n```", "$$ x = 18 $$", "So\n$$18 + 1$$"]
)
def test_a_number_alone_in_the_last_display_is_set_apart(text: str) -> None:
    assert (set_apart(text) is not None) == ("+" not in text)
    assert set_apart(f"{text}\nand so on") is None
