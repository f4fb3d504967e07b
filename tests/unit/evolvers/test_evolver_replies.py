"""Reading an evolver's reply: what has one meaning is read, what has none is named."""

from __future__ import annotations

import pytest

from lema.evolvers.replies import parse

QUESTION = "A tram carries 40 people. At a stop 12 get off.\nHow many are left?"


@pytest.mark.parametrize(
    "reply",
    [
        QUESTION,
        f"  {QUESTION}\n\n",
        f"New exercise: {QUESTION}",
        f"**New question:**\n{QUESTION}",
        f"Sure! Here is a new exercise that practises subtraction:\n\n{QUESTION}",
        f"Here's another problem:\n\nProblem: {QUESTION}",
        f"```\n{QUESTION}\n```",
        f"### New exercise\n{QUESTION}".replace("exercise\n", "exercise:\n"),
        f"{QUESTION}\n\nSolution: 40 - 12 = 28.\nThe answer is 28.",
        f"{QUESTION}\n\n**Answer:** 28",
        f"{QUESTION}\n---\nFinal answer: 28",
    ],
)
def test_the_question_is_read_however_it_is_dressed(reply: str) -> None:
    assert parse(reply) == (QUESTION, "")


def test_a_question_that_asks_without_a_question_mark_is_one() -> None:
    assert parse(r"Find the sum of the roots of $x^2 - 5x + 6$.").reject == ""


@pytest.mark.parametrize("reply", ["", "  \n", "New exercise:", "```\n```", "Solution: 12", "?!"])
def test_a_reply_without_a_question_is_empty(reply: str) -> None:
    assert parse(reply).reject == "empty"


@pytest.mark.parametrize(
    "reply",
    [
        f"{QUESTION}\n\nNew exercise: {QUESTION}",
        f"Question 1: {QUESTION}\nQuestion 2: {QUESTION}",
        f"1. {QUESTION}\n2. {QUESTION}",
        f"{QUESTION}\n\nGiven exercise: How many?",
    ],
)
def test_several_questions_are_not_one(reply: str) -> None:
    assert parse(reply).reject == "several_questions"


def test_a_cut_reply_is_truncated_unless_the_question_was_whole() -> None:
    assert parse("A tram carries 40 people. At a st", cut=True).reject == "truncated"
    assert parse("", cut=True).reject == "truncated"
    assert parse(f"{QUESTION}\nSolution: 40 - 1", cut=True) == (QUESTION, "")


def test_a_colon_in_the_question_is_part_of_it() -> None:
    told = "Here is what Ann bought: 3 pens and 4 cups. She also had a problem: 2 cups broke. How many are whole?"
    assert parse(told) == (told, "")
