"""Multiple choice: a choice is named by its words or its letter, and by nothing that is only near."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lema.base.errors import ConfigError, InputError
from lema.base.records import Question, Verdict
from lema.verifiers.choices import Choices

PLACES = ("bank", "library", "department store", "mall", "new york")
CHOICES = Choices()


def question(answer: str = "bank", choices: tuple[str, ...] = PLACES) -> Question:
    return Question(id="q", task="csqa", text="Where?", answer=answer, choices=choices)


def test_the_answer_is_the_text_of_the_choice_however_it_was_named() -> None:
    for said in ("B", "(b)", "library", "The Library", "(B) library", "library (B)", "B. because it is quiet"):
        found = CHOICES.judge(f"The answer is {said}", question("library"))
        assert (found.verdict, found.answer, found.rung) == (Verdict.RIGHT, "library", "answer_is"), said


def test_an_empty_text_is_not_the_nearest_choice() -> None:
    for text in ("", " ", "The answer is ", "I cannot tell."):
        assert CHOICES.judge(text, question()).verdict is Verdict.NO_ANSWER


@pytest.mark.parametrize("gold", PLACES)
def test_two_choices_are_wrong_whichever_is_right(gold: str) -> None:
    others = [choice for choice in PLACES if choice != gold]
    letter = "ABCDE"[PLACES.index(gold)]
    wrong = "ABCDE"[PLACES.index(others[0])]
    for said in (f"{gold} or {others[0]}", f"{others[1]} and {gold}", f"({wrong}) {gold}", f"({letter}) or ({wrong})"):
        assert CHOICES.judge(f"The answer is {said}.", question(gold)).verdict is Verdict.WRONG, said


def test_a_text_that_stands_twice_is_right_by_either_letter() -> None:
    twice = ("rest", "drink water", "eat", "Drink  water", "run")
    for said in ("B", "D", "drink water", "(D) drink water", "(B) drink water"):
        found = CHOICES.judge(f"The answer is {said}.", question("drink water", twice))
        assert (found.verdict, found.answer) == (Verdict.RIGHT, "drink water")
    assert CHOICES.judge("The answer is A.", question("drink water", twice)).verdict is Verdict.WRONG


def test_choices_that_differ_by_an_article_only_are_told_apart() -> None:
    alike = ("the bank", "a bank", "bank")
    for gold in alike:
        assert CHOICES.judge(f"The answer is {gold}.", question(gold, alike)).verdict is Verdict.RIGHT
    assert CHOICES.judge("The answer is an bank.", question("bank", alike)).verdict is not Verdict.RIGHT


@pytest.mark.parametrize(("answer", "choices"), [("river", PLACES), ("bank", ()), ("", ("", "bank"))])
def test_a_reference_that_is_no_choice_is_an_error_and_not_a_verdict(answer: str, choices: tuple[str, ...]) -> None:
    with pytest.raises(InputError, match="question q: reference answer"):
        CHOICES.judge("The answer is bank.", question(answer, choices))


@pytest.mark.parametrize("rungs", [(), ("boxed", "boxed"), ("last_number",)])
def test_rungs_are_given_each_once_and_are_those_that_hold_words(rungs: tuple[str, ...]) -> None:
    with pytest.raises(ConfigError, match="rungs"):
        Choices(rungs=rungs).check()  # type: ignore[arg-type]


@given(st.text(max_size=30), st.text(max_size=30))
def test_equality_is_symmetric_and_holds_for_an_answer_and_itself(one: str, two: str) -> None:
    assert CHOICES.equal(one, two) == CHOICES.equal(two, one)
    assert CHOICES.equal(one, one) == bool(one.strip())


@given(st.text(max_size=60))
def test_what_is_right_names_the_reference(said: str) -> None:
    found = CHOICES.judge(f"The answer is {said}", question("library"))
    if found.verdict is Verdict.RIGHT:
        assert found.answer == "library"
