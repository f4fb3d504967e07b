"""Coin-Flip and Last-Letter: rows, splits of one file, paths and programs that follow from a question's words."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from conftest import require_data
from material.made_data import data_of
from toys.programs import BODY

from lema.base.errors import ConfigError, InputError
from lema.base.records import Question, Verdict
from lema.data.datasets import Published
from lema.data.symbolic import flips, names, words
from lema.pad.demos import demonstrations
from lema.pad.executing import Executing
from lema.tasks.coin_flip import CoinFlip
from lema.tasks.last_letters import LastLetters
from lema.verifiers.letters import Letters
from lema.verifiers.yes_no import YesNo


def tasks(folder: str) -> list[Published]:
    return [CoinFlip(verifier=YesNo(), path=folder), LastLetters(verifier=Letters(), path=folder)]


def made() -> list[Published]:
    return [
        CoinFlip(verifier=YesNo(), path=str(data_of("coin_flip"))),
        LastLetters(verifier=Letters(), path=str(data_of("last_letters"))),
    ]


def test_the_first_seventy_percent_are_learned_from_and_the_rest_is_scored() -> None:
    for task in made():
        train, test = task.questions("train"), task.questions("test")
        assert (len(train), len(test)) == (546, 234)
        assert not {one.id for one in train} & {one.id for one in test}


def test_the_published_files_have_350_and_150_questions_whose_paths_are_right() -> None:
    for task in tasks(str(require_data("symbolic"))):
        for split, count in (("train", 350), ("test", 150)):
            questions = task.questions(split)
            assert len(questions) == count
            for question in questions:
                assert task.steps(question)[-1] == f"The answer is {question.answer}."


def test_demonstrations_are_programs_that_run_and_are_right() -> None:
    with BODY.sandbox.open() as run:
        for task in made():
            asked = task.questions("train", 0, 12)
            for form in ("function", "body"):
                held = demonstrations(task, asked, Executing(form=form, sandbox=BODY.sandbox), run)  # type: ignore[arg-type]
                assert [one.id for one, _ in held] == [one.id for one in asked]
                assert not any(repr(one.answer) in program for one, program in held if one.task == "last_letters")


def test_a_question_worded_otherwise_has_no_path_and_no_program() -> None:
    odd = "A coin is heads up. Mia flips the coin. Ben eats it. Is the coin still heads up?"
    assert flips(odd) is None and words("Take the first letters of the names.") is None
    question = Question(id="q", task="coin_flip", text=odd, answer="no")
    with pytest.raises(InputError, match="not worded as Coin-Flip's"):
        made()[0].steps(question)


def test_a_name_of_two_words_counts_as_the_published_answer_counts_it() -> None:
    text = 'Take the last letters of each words in "Ira Paola Jose Antonio Maria" and concatenate them.'
    assert names(text, "aaoa") == ["Ira", "Paola", "Jose Antonio", "Maria"]
    assert names(text, "aaeoa") == ["Ira", "Paola", "Jose", "Antonio", "Maria"]
    assert names(text, "xaoa") is None


def test_without_a_folder_or_with_another_file_the_message_says_what_is_wanted(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"task.path: coin_flip comes from files alone.*coin_flip.json"):
        CoinFlip(verifier=YesNo()).check()
    (tmp_path / "last_letters.json").write_text(json.dumps([{"question": "?", "answer": "a"}]))
    with pytest.raises(InputError, match="one object with a list of rows"):
        tasks(str(tmp_path))[1].questions("test")
    (tmp_path / "coin_flip.json").write_text(
        json.dumps({"examples": [{"question": "?", "answer": "maybe"}] * 3}, indent=1)
    )
    with pytest.raises(InputError, match=r"line 11.*must be yes or no, not 'maybe'"):
        tasks(str(tmp_path))[0].questions("test")


@pytest.mark.parametrize(
    ("text", "verdict"),
    [
        ("The answer is no.", Verdict.RIGHT),
        ("The answer is **No**.", Verdict.RIGHT),
        ("So \\boxed{\\text{no}}", Verdict.RIGHT),
        ("The answer is False.", Verdict.RIGHT),
        ("The answer is no, the coin is no longer heads up.", Verdict.RIGHT),
        ("The answer is no. Yes, I am sure.", Verdict.RIGHT),
        ("The answer is yes.", Verdict.WRONG),
        ("The answer is Yes, the coin is still heads up.", Verdict.WRONG),
        ("The answer is no - it lies tails up.", Verdict.RIGHT),
        ("The answer is no because two of them flip it.", Verdict.RIGHT),
        ("The answer is no idea.", Verdict.UNDECIDED),
        ("The answer is no one.", Verdict.UNDECIDED),
        ("The answer is no/yes.", Verdict.UNDECIDED),
        ("The answer is yes or no.", Verdict.UNDECIDED),
        ("The answer is no, yes.", Verdict.UNDECIDED),
        ("The answer is yes, it is not heads up.", Verdict.UNDECIDED),
        ("The answer is tails.", Verdict.UNDECIDED),
        ("The answer is not yes.", Verdict.UNDECIDED),
        ("The answer is nobody.", Verdict.UNDECIDED),
        ("The answer is unknown.", Verdict.NO_ANSWER),
        ("No, the coin lies tails up.", Verdict.NO_ANSWER),
    ],
)
def test_yes_and_no(text: str, verdict: Verdict) -> None:
    assert YesNo().judge(text, Question(id="q", task="coin_flip", text="?", answer="no")).verdict is verdict


@pytest.mark.parametrize(
    ("text", "verdict"),
    [
        ("The answer is yajo.", Verdict.RIGHT),
        ('The answer is "YAJO".', Verdict.RIGHT),
        ("The answer is y-a-j-o.", Verdict.RIGHT),
        ("The answer is 'y', 'a', 'j', 'o'.", Verdict.RIGHT),
        ('The answer is "y" + "a" + "j" + "o" = "yajo".', Verdict.RIGHT),
        ("The answer is yajo, which is no word.", Verdict.RIGHT),
        ("\\boxed{\\text{yajo}}", Verdict.RIGHT),
        ("The answer is yajoo.", Verdict.WRONG),
        ("The answer is ojay.", Verdict.WRONG),
        ("The answer is y-a-jo.", Verdict.WRONG),
        ("The answer is yajo or yajc.", Verdict.UNDECIDED),
        ("The answer is the letters yajo.", Verdict.UNDECIDED),
        ("The answer is unknown.", Verdict.NO_ANSWER),
        ("yajo", Verdict.NO_ANSWER),
    ],
)
def test_letters(text: str, verdict: Verdict) -> None:
    assert Letters().judge(text, Question(id="q", task="last_letters", text="?", answer="yajo")).verdict is verdict
