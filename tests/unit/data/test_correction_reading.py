"""Corrections are read in the form in which they are taught, in every wording; anything else has a named fault."""

from __future__ import annotations

from itertools import combinations
from typing import get_args

import pytest

from lema.base.records import Correction, Question
from lema.data.correction_reading import Malformed, read_correction
from lema.data.correction_wording import Part, Wording, correction_pieces, correction_prompt, headings

WORDINGS = get_args(Wording)
PARTS: tuple[Part, ...] = get_args(Part)
LEFT_OUT = [left for count in range(3) for left in combinations(PARTS, count)]
WRONG = ["Tom has 3 + 4 = 8.", "Eva has 8 - 1 = 7.", "The answer is 7."]
QUESTION = Question(id="q", task="t", text="How many has Eva?", answer="6")
SOLUTION = ("Tom has 3 + 4 = 7.", "Eva has 7 - 1 = 6.", "The answer is 6.")
GOOD = " Step 1.\nReason: 3 + 4 is 7.\nCorrect solution:\nStep 1: Tom has 7.\nStep 2: The answer is 6."


def correction(step: int | None, solution: tuple[str, ...]) -> Correction:
    return Correction(
        question_id="q", solution_id="q#m#0", corrector="c", step=step, explanation="3 + 4 is 7.", solution=solution
    )


def taught(wording: Wording, made: Correction, without: tuple[Part, ...]) -> str:
    return "".join(piece.text for piece in correction_pieces(wording, made, WRONG, without))


@pytest.mark.parametrize("wording", WORDINGS)
@pytest.mark.parametrize("without", LEFT_OUT, ids=str)
@pytest.mark.parametrize("step", [1, 2, 3])
def test_what_is_taught_is_well_formed_and_read_back(wording: Wording, without: tuple[Part, ...], step: int) -> None:
    made = correction(step, SOLUTION[step - 1 :])
    told = read_correction(wording, taught(wording, made, without), len(WRONG), without=without)
    assert told.malformed == ""
    if not {"step", "solution"} <= set(without):
        assert told.step == step
    assert told.explanation == ("" if "explanation" in without else made.explanation)
    assert told.solution == (() if "solution" in without else made.solution)


@pytest.mark.parametrize("wording", WORDINGS)
@pytest.mark.parametrize("without", [(), ("explanation",), ("solution",)], ids=str)
def test_so_it_is_of_questions_with_candidates(wording: Wording, without: tuple[Part, ...]) -> None:
    made = correction(None, ("Ice melts.", "The answer is (B)."))
    told = read_correction(wording, taught(wording, made, without), len(WRONG), choices=True, without=without)
    assert (told.malformed, told.step) == ("", None)
    assert told.solution == (() if "solution" in without else made.solution)


@pytest.mark.parametrize("wording", WORDINGS)
def test_the_input_ends_where_the_target_begins(wording: Wording) -> None:
    first = next(iter(headings(wording, choices=False, without=()).values()))
    asked = correction_prompt(wording, QUESTION, WRONG, ())
    assert asked.endswith(first) == (wording != "instruct")


@pytest.mark.parametrize(
    ("reply", "fault"),
    [
        ("", "no_step"),
        (" The answer is 6.", "no_step"),
        (" Step one.\nReason: x.\nCorrect solution:\nStep 1: The answer is 6.", "no_step"),
        (GOOD.replace(" Step 1.", " Step 4."), "step_out_of_range"),
        (GOOD.replace(" Step 1.", " Step 0."), "step_out_of_range"),
        (GOOD.replace("Reason: 3 + 4 is 7.\n", ""), "no_explanation"),
        (GOOD.replace("3 + 4 is 7.", ""), "no_explanation"),
        (GOOD.replace("Reason", "Because"), "no_explanation"),
        (GOOD[: GOOD.index("\nCorrect solution")], "no_solution"),
        (GOOD[: GOOD.index("\nStep 1: Tom")], "no_solution"),
        (GOOD.replace("Step 1: Tom", "Tom"), "misnumbered"),
        (GOOD.replace("Step 2: The", "Step 3: The"), "misnumbered"),
        (GOOD.replace(" Step 1.", " Step 2."), "misnumbered"),
        (GOOD.replace("Step 2: The answer is 6.", "Step 2: Eva has 6."), "no_closing_answer"),
        (GOOD.replace("Tom has 7", "The answer is 7"), "no_closing_answer"),
        (GOOD, ""),
        (f"{GOOD}\n", ""),
    ],
)
def test_each_fault_has_its_name(reply: str, fault: Malformed) -> None:
    told = read_correction("brief", reply, len(WRONG))
    assert told.malformed == fault
    assert read_correction("brief", reply, len(WRONG), cut=True).malformed == ("truncated" if fault else "")


def test_the_published_form_wants_its_braces() -> None:
    reply = taught("lema_v1", correction(2, SOLUTION[1:]), ())
    assert read_correction("lema_v1", reply, len(WRONG)).malformed == ""
    assert read_correction("lema_v1", reply.rstrip().removesuffix("}"), len(WRONG)).malformed == "unbalanced_braces"


def test_a_step_is_read_also_where_the_rest_is_not_in_form() -> None:
    told = read_correction("brief", " Step 2.\nCorrect: nothing:\nStep 3: The answer is 6.", len(WRONG))
    assert (told.step, told.malformed) == (2, "no_explanation")
