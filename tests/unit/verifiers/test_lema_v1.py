"""The authors' grader, fault by fault: each row of the measured table, and what its description says."""

from __future__ import annotations

import pytest
from reading.pace import at_most

from lema.base.errors import InputError
from lema.base.records import Question, Verdict
from lema.verifiers.lema_v1.grader import LemaV1

R, W = Verdict.RIGHT, Verdict.WRONG
PLACES = ("bank", "library", "department store", "mall", "new york")


def question(answer: str, choices: tuple[str, ...] = ()) -> Question:
    return Question(id="q", task="toy", text="?", answer=answer, choices=choices)


def judged(grader: str, text: str, gold: str, choices: tuple[str, ...] = ()) -> Verdict:
    return LemaV1(grader=grader).judge(text, question(gold, choices)).verdict  # type: ignore[arg-type]


MEASURED = [
    ("42.", "42"),
    ("$1,234.50.", "1234.5"),
    ("50%.", "50"),
    ("1/2.", "0.5"),
    ("x = 7.", "7"),
    ("-5.", "-5"),
    ("<<3*4=12>>12.", "12"),
    ("3 hours and 20 minutes.", "320"),
    ("10 dollars and 5", "105"),
    ("1e3", "13"),
    ("5-3.", "2"),
]


@pytest.mark.parametrize(("said", "value"), MEASURED)
@pytest.mark.parametrize("grader", ["gsm8k", "rounded"])
def test_a_number_is_what_the_measured_table_says(grader: str, said: str, value: str) -> None:
    text = f"Step 1: 99 eggs. Step 2: The answer is {said}"
    assert judged(grader, text, value) is R
    assert judged(grader, text, str(float(value) + 1)) is W
    assert float(LemaV1(grader=grader).judge(text, question("7")).answer or "") == float(value)  # type: ignore[arg-type]


UNREADABLE = [r"\frac{1}{2}.", "180.\n}", "180 }", "9**9**9**9.", "unknown.", "5% of 6", "7/0", "", "1,2;3", "(", "3-"]


@pytest.mark.parametrize("said", UNREADABLE)
def test_what_cannot_be_read_is_zero_and_so_counts_as_right_where_the_answer_is_zero(said: str) -> None:
    text = f"The answer is {said}"
    assert LemaV1(grader="gsm8k").judge(text, question("7")).answer == "0.0"
    assert judged("rounded", text, "0") is R
    assert judged("rounded", "I cannot solve this.", "0.0") is R


def test_a_reference_of_zero_is_refused_for_gsm8k() -> None:
    with pytest.raises(InputError, match="question q: the reference answer is 0"):
        judged("gsm8k", "The answer is 0.", "0")


@pytest.mark.parametrize("gold", ["many", ""])
def test_a_reference_that_is_no_number_is_refused(gold: str) -> None:
    with pytest.raises(InputError, match="no number"):
        judged("rounded", "The answer is 5.", gold)


NUMBERS = [
    ("The answer is: 5.", "5", R),
    ("The answer is 5. The answer is 6.", "6", R),
    ("The answer is 5.\n\nQ: How many more?\nThe answer is 6.", "5", R),
    ("The answer is 5.\n\nQuestion: How many more?\nThe answer is 6.", "5", R),
    ("the answer is 5.", "5", W),
    ("#### 72", "72", W),
    (r"\boxed{72}", "72", W),
    ("The answer is 5..", "5", R),
    ("The answer is £5.", "5", R),
    ("The answer is €5.", "5", R),
    ("The answer is 5:30", "5", R),
    ('The answer is "5"', "5", R),
    ("The answer is 5/", "5", R),
    ("The answer is 2 * (3 + 4)", "14", R),
    ("The answer is 7 // 2", "3", R),
    ("The answer is 2**10.", "1024", R),
    ("The answer is 5 + 3 * 2 apples", "11", R),
    ("The answer is 1 + x", "1", W),
    ("The answer is 3.14159.", "3.14", W),
]


@pytest.mark.parametrize(("text", "gold", "verdict"), NUMBERS)
def test_extraction_and_calculation_of_numbers(text: str, gold: str, verdict: Verdict) -> None:
    assert judged("gsm8k", text, gold) is verdict


def test_only_the_rounded_grader_rounds_to_two_decimals() -> None:
    assert judged("rounded", "The answer is 3.14159.", "3.14") is R
    assert judged("rounded", "The answer is 3.15.", "3.14") is W


MATH = [
    ("The answer is 1,000.", "1000", W),
    ("The answer is 180.\n}", "180", W),
    ("The answer is $\\frac12$.", r"\frac{1}{2}", R),
    (r"The answer is \dfrac{1}{2}.", r"\frac{1}{2}", R),
    (r"The answer is \boxed{\tfrac{1}{2}}.", r"\frac{1}{2}", R),
    ("The answer is 0.5.", r"\frac{1}{2}", R),
    ("The answer is 1/2.", r"\frac{1}{2}", R),
    ("The answer is .5.", r"\frac{1}{2}", R),
    ("The answer is 0.25.", r"\frac{1}{4}", W),
    ("The answer is x=7.", "7", R),
    ("The answer is abc=7.", "7", W),
    (r"The answer is \left(3, 4\right).", "(3,4)", R),
    (r"The answer is 30^\circ.", "30", R),
    (r"The answer is 30^{\circ}.", "30", R),
    (r"The answer is 5\text{ cm}.", "5", R),
    (r"The answer is 5\text{cm}.", "5", W),
    (r"The answer is \$5.", "5", W),
    (r"So it is \boxed{\$5}.", "5", R),
    (r"The answer is 50\%.", "50", R),
    (r"The answer is \sqrt3.", r"\sqrt{3}", R),
    (r"The answer is x^2-1.", "(x-1)(x+1)", W),
    (r"So it is \boxed{7}.", "7", R),
    (r"So it is \fbox{7}.", "7", W),
    (r"First \boxed{5}, then \boxed{\frac{a}{b}}.", r"\frac{a}{b}", R),
    ("No answer at all.", "7", W),
    ("The answer is 7. Q: another? The answer is 8.", "7", R),
    ("The answer is 7. Question: another? The answer is 8.", "7", R),
    (r"The answer is 5\text{ cm and }6\text{ cm}.", "5", W),
    (r"The answer is \sqrt", "5", W),
    (r"The answer is \frac", "5", W),
    (r"The answer is \frac1", r"\frac1", R),
    (r"The answer is \frac1{2}.", r"\frac{1}{2}", R),
    ("The answer is 10,\\!080.", "10,080", R),
]


@pytest.mark.parametrize(("text", "gold", "verdict"), MATH)
def test_latex_is_compared_as_strings(text: str, gold: str, verdict: Verdict) -> None:
    assert judged("math", text, gold) is verdict


def test_what_fails_in_latex_is_the_empty_answer() -> None:
    found = LemaV1(grader="math").judge("No answer at all.", question("7"))
    assert (found.answer, found.rung) == ("", "")


WORDS = [
    ("The answer is bank.", "bank"),
    ("The answer is Bank.", "bank"),
    ("The answer is: mall", "mall"),
    ("The answer is a bank because it is secure.", "department store"),
    ("", "bank"),
    ("The answer is ", "bank"),
    ("I cannot say.", "bank"),
    ("The answer is mall.\n\nQ: Where?\nThe answer is bank.", "mall"),
]


@pytest.mark.parametrize(("text", "choice"), WORDS)
def test_the_nearest_choice_counts_whatever_was_said(text: str, choice: str) -> None:
    found = LemaV1(grader="csqa").judge(text, question(choice, PLACES))
    assert (found.answer, found.verdict) == (choice, R)


def test_of_equally_near_choices_the_first_counts() -> None:
    assert judged("csqa", "The answer is cat.", "bat", ("bat", "rat", "hat")) is R
    assert judged("csqa", "The answer is cat.", "rat", ("bat", "rat", "hat")) is W


def test_a_reference_that_is_no_choice_is_refused() -> None:
    with pytest.raises(InputError, match="none of its choices"):
        judged("csqa", "The answer is bank.", "river", PLACES)


@pytest.mark.parametrize(
    "bomb",
    ["9**9**9**9", "9**" * 100 + "9", "(" * 5000, "-" * 5000 + "1", "1+" * 50_000 + "1", "2**9999999-1", "9" * 9999],
)
def test_no_calculation_takes_long(bomb: str) -> None:
    with at_most(20):
        for grader in ("gsm8k", "math"):
            assert judged(grader, f"The answer is {bomb}", "7") is W


@pytest.mark.parametrize("grader", ["gsm8k", "rounded", "math", "csqa"])
def test_equality_is_symmetric_and_holds_for_an_answer_and_itself(grader: str) -> None:
    verifier = LemaV1(grader=grader)  # type: ignore[arg-type]
    answers = ["5.0", "5", "0.0", "1e+16", "bank", r"\frac{1}{2}", "nan", ""]
    for one in answers:
        assert verifier.equal(one, one) is (one != "")
        for two in answers:
            assert verifier.equal(one, two) == verifier.equal(two, one)
