"""Corrections of questions with candidates: what is read, what is put right, what is rejected."""

from __future__ import annotations

import re

import pytest
from toys.canned import Canned

from lema.base import prompts
from lema.base.errors import ConfigError
from lema.base.records import Question, Solution, Verdict
from lema.correctors.choice_replies import parse_choice
from lema.correctors.teacher import Teacher
from lema.data.formats import Format
from lema.verifiers.choices import Choices

LINES = (
    "Explanations:",
    "Sea - salt water.",
    "Pencil case - a case for pens.",
    "Reasons and Final Answer:",
    'The most relevant answer to the question is "pencil case". It is made for pens.',
    "The answer is pencil case.",
)
BODY = "\n".join(LINES)
GOOD = f" A sea is wet.\nCorrected Answer:\n{{\n{BODY}\n}}"
QUESTION = Question(
    id="q", task="toy", text="Where is a pen?", answer="pencil case", choices=("sea", "pencil case"), solution="secret"
)
WRONG = "Explanations:\nSea - wide.\nReasons and Final Answer:\nIt is wide.\nThe answer is sea."
PATH = Solution(question_id="q", reasoner="m", sample=0, text=WRONG, verdict=Verdict.WRONG, answer="sea")


@pytest.mark.parametrize(
    "reply",
    [
        GOOD,
        f"Mistakes:{GOOD}",
        f"**A sea is wet.**\nCorrected Answer:\n{BODY}",
        GOOD.replace("Corrected Answer:", "Correct answer"),
        GOOD + "\n\nQuestion: Where is a cup?\nCandidate Answers: a, b.",
        GOOD.replace("\nThe answer is pencil case.\n}", "\n}\nThe answer is pencil case."),
        GOOD.replace("for pens.\nThe answer is", "for pens. The answer is"),
    ],
)
def test_one_meaning_in_several_forms_is_read_as_one(reply: str) -> None:
    draft = parse_choice(reply)
    assert (draft.reject, draft.step, draft.explanation) == ("", None, "A sea is wet.")
    assert (draft.solution, draft.answer) == (LINES, "pencil case")


@pytest.mark.parametrize(
    ("reply", "reject"),
    [
        ("", "empty"),
        ("Mistakes: ", "empty"),
        ("A sea is wet.", "no_solution"),
        (f"Corrected Answer:\n{{\n{BODY}\n}}", "no_explanation"),
        (GOOD.removesuffix("}"), "unbalanced_braces"),
        ("A sea is wet.\nCorrected Answer:\n{\n}", "no_solution"),
        (GOOD.replace("The answer is pencil case.", ""), "no_closing_answer"),
    ],
)
def test_what_cannot_be_an_example_is_rejected_by_name(reply: str, reject: str) -> None:
    assert parse_choice(reply).reject == reject
    assert parse_choice(reply, cut=True).reject == "truncated"


def test_a_complete_correction_before_the_limit_counts() -> None:
    assert parse_choice(GOOD, cut=True).reject == ""


def test_a_teacher_sees_the_candidates_and_the_answer_as_it_stands_and_not_the_reference() -> None:
    teacher = Teacher(engine=Canned(replies=(GOOD,)), prompt="choice_corrections")
    prompt = teacher.ask(QUESTION, PATH, prompts.read(teacher.prompt))
    asked = prompt.text.rpartition("\n\n")[2]
    assert asked == (
        f"Question: Where is a pen?\nCandidate Answers: sea, pencil case.\nOriginal Answer:\n{{\n{WRONG}\n}}\nMistakes:"
    )
    assert "secret" not in prompt.text
    with teacher.open() as correct:
        (correction,) = correct([(QUESTION, PATH)])
    assert correction.step is None and correction.solution == LINES
    assert Format(wording="lema_v1").correction_completion(correction) == GOOD


@pytest.mark.parametrize(
    ("prompt", "choices", "fitting"),
    [
        ("math_corrections", ("sea", "pencil case"), "choice_corrections"),
        ("choice_corrections", (), "math_corrections"),
    ],
)
def test_a_prompt_that_does_not_fit_the_questions_is_refused(
    prompt: str, choices: tuple[str, ...], fitting: str
) -> None:
    question = Question(id="q", task="toy", text="Where?", answer="sea", choices=choices)
    teacher = Teacher(engine=Canned(replies=(GOOD,)), prompt=prompt)
    with teacher.open() as correct, pytest.raises(ConfigError, match=rf"{prompt} does not fit toy.*prompt={fitting}"):
        correct([(question, PATH)])


EXAMPLE = re.compile(
    r"Question: (?P<question>.*)\nCandidate Answers: (?P<choices>.*)\.\nOriginal Answer:\n\{\n(?P<wrong>[^{}]*)\n\}\n"
    r"Mistakes: (?P<reply>.*\nCorrected Answer:\n\{\n[^{}]*\n\})"
)


def test_each_example_of_the_prompt_weighs_all_candidates_and_turns_a_wrong_choice_into_a_right_one() -> None:
    examples = list(EXAMPLE.finditer(prompts.read("choice_corrections")))
    answers = ["doormat", "amplifier", "shy", "storeroom"]
    for example, right in zip(examples, answers, strict=True):
        choices = tuple(example["choices"].split(", "))
        question = Question(id="q", task="toy", text=example["question"], answer=right, choices=choices)
        draft = parse_choice(example["reply"])
        assert Choices().judge(example["wrong"], question).verdict is Verdict.WRONG
        assert Choices().judge("\n".join(draft.solution), question).verdict is Verdict.RIGHT
        for lines in (example["wrong"].split("\n"), list(draft.solution)):
            assert [line.partition(" - ")[0].lower() for line in lines[1:6]] == list(choices)
            assert lines[6].startswith("Reasons") and lines[7].startswith("The most relevant answer to the question is")
