"""What counts as the right number, and what does not."""

from __future__ import annotations

from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st
from reading.pace import at_most

from lema.base.errors import ConfigError, InputError
from lema.base.records import Question, Verdict
from lema.verifiers.numbers import Numbers

R, W, NONE, U = Verdict.RIGHT, Verdict.WRONG, Verdict.NO_ANSWER, Verdict.UNDECIDED
NUMBERS = Numbers()


def question(answer: str) -> Question:
    return Question(id="q", task="toy", text="How many?", answer=answer)


AFTER_THE_ANSWER_IS = [
    # plain, and what the paper's extractor was measured on
    ("42.", "42", R),
    ("42", "42", R),
    ("42.", "43", W),
    ("$1,234.50.", "1234.5", R),
    ("50%.", "50", R),
    ("1/2.", "0.5", R),
    ("x = 7.", "7", R),
    ("-5.", "-5", R),
    ("-5.", "5", W),
    ("<<3*4=12>>12.", "12", R),
    ("3 hours and 20 minutes.", "320", U),
    ("3 hours and 20 minutes.", "3", U),
    ("10 dollars and 5", "105", U),
    ("10 dollars and 5", "10", U),
    ("1e3", "1000", R),
    ("1e3", "13", W),
    ("5-3.", "2", U),
    ("5-3.", "5", U),
    (r"\frac{1}{2}.", "0.5", R),
    ("180.\n}", "180", R),
    ("180 }", "180", R),
    ("180.}", "180", R),
    ("1,000.", "1000", R),
    ("9**9**9**9.", "9", U),
    ("9^{9^{9^9}}.", "9", U),
    # nothing said is not zero
    ("unknown.", "0", NONE),
    ("", "0", NONE),
    ("not something I can give.", "0", NONE),
    ("0.", "0", R),
    ("$0.00.", "0", R),
    ("zero.", "0", R),
    # money
    ("$18.", "18", R),
    ("$18.00.", "18", R),
    ("£2.50.", "2.5", R),
    ("€3.", "3", R),
    ("18 dollars.", "18", R),
    ("US$18.", "18", R),
    ("-$18.", "-18", R),
    ("$-18.", "-18", R),
    (r"\$18.", "18", R),
    ("Rs. 500.", "500", R),
    ("75 cents.", "75", R),
    ("75 cents.", "0.75", U),
    ("$.75.", "0.75", R),
    ("$5k.", "5000", U),
    # thousands
    ("1,234,567.", "1234567", R),
    ("1,234,567.89.", "1234567.89", R),
    ("1234567", "1,234,567", R),
    ("3,4,5.", "345", U),
    ("3,4,5.", "3", U),
    ("3, 4, 5.", "3", W),
    ("3,5.", "3.5", U),
    ("12,34.", "1234", U),
    ("10.000.", "10", R),
    ("10.000.", "10000", U),
    ("1\u202f000.", "1000", R),
    ("1 000.", "1000", R),
    ("1 000.", "1", W),
    ("1 00.", "100", U),
    (r"1{,}000.", "1000", R),
    (r"1\,000.", "1000", R),
    # decimals and scientific notation
    ("18.0.", "18", R),
    ("18.", "18.0", R),
    (".5.", "0.5", R),
    ("0.3333.", "1/3", W),
    ("1/3.", "1/3", R),
    ("2/6.", "1/3", R),
    ("1.5e3.", "1500", R),
    ("1.5 × 10^3.", "1500", R),
    (r"1.5 \times 10^{3}.", "1500", R),
    ("2e-2.", "0.02", R),
    ("1.2.3.", "1.2", NONE),
    ("10².", "10", U),
    ("1e999999999.", "5", U),
    # fractions and mixed numbers
    ("3 1/2.", "3.5", R),
    ("3½.", "3.5", R),
    ("3 and 1/2.", "3.5", R),
    (r"3\frac{1}{2}.", "3.5", R),
    ("-3 1/2.", "-3.5", R),
    ("3 7/2.", "3", U),
    ("5/0.", "5", U),
    ("5/0.", "0", U),
    ("80/5/2.", "8", U),
    ("2 and a half hours.", "2.5", R),
    ("2 and a half hours.", "2", W),
    ("2 hours and a half.", "2", U),
    # percent
    ("50 percent.", "50", R),
    ("50%.", "0.5", U),
    (r"10\%.", "10", R),
    ("0.5.", "50", W),
    # signs and typography
    ("−7.", "-7", R),
    ("**72**.", "72", R),
    ("$72$.", "72", R),
    (r"\(72\).", "72", R),
    (r"$\boxed{72}$.", "72", R),
    (r"\boxed{10\%}.", "10", R),
    (r"72\text{ dollars}.", "72", R),
    ("“72”.", "72", R),
    ("72!", "72", R),
    ("７２.", "72", R),
    # units and words around
    ("5km.", "5", R),
    ("3 hours per day.", "3", R),
    ("80 miles/hour.", "80", R),
    ("that she makes 18 dollars.", "18", R),
    (": 18.", "18", R),
    ("\n\n18", "18", R),
    ("approx. 18.", "18", R),
    ("18 dollars because 9 * 2 = 18.", "18", R),
    ("18 (9 eggs at 2 dollars).", "18", R),
    ("18. She sells 9 eggs.", "18", R),
    ("12, not 13.", "12", R),
    ("20% of 50.", "20", U),
    ("20% of the eggs.", "20", R),
    ("$18 every day at the farmers' market.", "18", R),
    ("(B) 18.", "18", R),
    ("5'10\".", "5", U),
    ("$\\boxed{18}$. I hope it is correct.", "18", R),
    ("1 hour 30 minutes.", "1", U),
    ("2 apples and 3 oranges.", "5", U),
    ("5 o'clock, 5:00.", "5", W),
    ("5:00 PM.", "5", R),
    ("5:30 PM.", "5", U),
    ("A4.", "4", NONE),
    # words
    ("six.", "6", R),
    ("six apples.", "6", R),
    ("Twenty-five.", "25", R),
    ("one hundred and twenty.", "120", R),
    ("two thousand three hundred five.", "2305", R),
    ("1 million.", "1000000", R),
    ("2.5 million dollars.", "2500000", R),
    ("3 hundred.", "300", R),
    ("two and a half.", "2.5", R),
    ("two thirds.", "2", W),
    ("one half.", "1", W),
    ("one of them.", "1", U),
    ("five six.", "11", U),
    ("2 dozen.", "24", U),
    ("2 dozen.", "2", R),
    # hedges
    ("12 or 13.", "12", W),
    ("12 or 13.", "13", W),
    ("12 or 12.", "12", W),
    ("either 12 or 13.", "12", W),
    ("between 12 and 13.", "12", W),
    ("12-13.", "12", W),
    ("12 to 13 eggs.", "12", W),
    ("12–13.", "13", W),
    ("12, 13.", "12", W),
    ("12 (or 13).", "12", W),
    ("12 or thirteen.", "12", W),
    ("twelve or thirteen.", "12", W),
    ("12. Or maybe 13.", "12", W),
    ("45 minutes and 30 seconds.", "45", U),
    ("6 feet 2 inches.", "6", U),
    # bounds, negations, expressions
    ("more than 12.", "12", U),
    ("at least 12.", "12", U),
    ("not 12.", "12", U),
    ("x > 12.", "12", U),
    (r"\sqrt{16}.", "16", U),
    ("5 more than 12.", "5", U),
    ("6 * 3.", "18", U),
    ("10+John's age.", "10", U),
    ("5x.", "5", U),
    # equations
    ("48 + 24 = 72.", "72", R),
    ("72 = 48 + 24.", "72", R),
    ("x = y.", "0", NONE),
    ("1:2.", "1", U),
]


@pytest.mark.parametrize(("said", "gold", "expected"), AFTER_THE_ANSWER_IS)
def test_what_follows_the_marker_is_read_exactly(said: str, gold: str, expected: Verdict) -> None:
    text = f"Step 1: She sells 99 eggs.\nStep 2: The answer is {said}"
    assert NUMBERS.judge(text, question(gold)).verdict is expected


WHERE = [
    ("She has 3.\n#### 72", "72", R, "hashes"),
    ("She has 3.\n#### $1,080", "1080", R, "hashes"),
    ("She has 3.\nA: 26", "26", R, "answer_line"),
    ("She has 3.\nAnswer: 26 eggs", "26", R, "answer_line"),
    ("**Final answer:** 26", "26", R, "answer_line"),
    ("Answer:\n26", "26", R, "answer_line"),
    (r"So the result is \boxed{72}.", "72", R, "boxed"),
    (r"First \boxed{5}, then \boxed{\frac{1}{2}}.", "0.5", R, "boxed"),
    ("The answer is 5. Wait, I forgot one. The answer is 6.", "6", R, "answer_is"),
    ("The final answer is 6.", "6", R, "answer_is"),
    ("THE ANSWER IS 6", "6", R, "answer_is"),
    ("The answer is: 6", "6", R, "answer_is"),
    (r"#### 5" + "\nThe answer is 6.", "6", R, "answer_is"),
    ("The answer is 5. Wait.\n#### 6", "6", R, "hashes"),
    ("#### 6\nThe answer is unclear.", "6", NONE, ""),
    ("#### Step 2: add\nso 9*2=18, \\boxed{18}", "18", R, "boxed"),
    ("The answer is 18. This answer is correct.", "18", R, "answer_is"),
    ("The answer (in metres) must be 18.", "18", R, "answer_is"),
    ("<answer>18</answer>", "18", R, "answer_line"),
    ("### Final answer\n\n**18**", "18", R, "answer_line"),
    ("So we have\n\\[\n18\n\\]", "18", R, "boxed"),
    ("The answer is unclear.\n#### 6", "6", R, "hashes"),
    ("The answer is 6.\n\nQuestion: How many more?\nThe answer is 7.", "6", R, "answer_is"),
    ("The answer is 6.\n\nQ: How many more?\nA: 7", "6", R, "answer_is"),
    ("This took 3 steps", "3", NONE, ""),
    ("I cannot solve this.", "0", NONE, ""),
    ("", "0", NONE, ""),
    ("   \n", "0", NONE, ""),
    (r"\boxed{72", "72", NONE, ""),
    ("Answer: Let's think step by step.\nShe has 3 eggs.", "3", NONE, ""),
]


@pytest.mark.parametrize(("text", "gold", "expected", "rung"), WHERE)
def test_the_ladder_says_which_rung_held_the_answer(text: str, gold: str, expected: Verdict, rung: str) -> None:
    found = NUMBERS.judge(text, question(gold))
    assert (found.verdict, found.rung) == (expected, rung)
    assert (found.answer is None) == (expected is NONE)


def test_the_last_number_counts_only_when_asked_for() -> None:
    loose = Numbers(rungs=("answer_is", "last_number"))
    text = "She has 3 eggs and sells them for $1,234.50."
    assert NUMBERS.judge(text, question("1234.5")).verdict is NONE
    assert loose.judge(text, question("1234.5")).rung == "last_number"
    assert loose.judge(text, question("1234.5")).verdict is R
    assert loose.judge("$\\boxed{72}$.", question("72")).verdict is R
    assert loose.judge("none at all", question("0")).verdict is NONE


def test_a_rung_that_is_not_allowed_is_not_climbed() -> None:
    assert Numbers(rungs=("hashes",)).judge("The answer is 6.", question("6")).verdict is NONE


@pytest.mark.parametrize("rungs", [(), ("boxed", "boxed")])
def test_rungs_are_given_each_once(rungs: tuple[str, ...]) -> None:
    with pytest.raises(ConfigError, match="rungs"):
        Numbers(rungs=rungs).check()  # type: ignore[arg-type]


@pytest.mark.parametrize("gold", ["", "many", "12 or 13", "5-3"])
def test_a_reference_that_is_no_number_is_an_error_and_not_a_verdict(gold: str) -> None:
    with pytest.raises(InputError, match="question q"):
        NUMBERS.judge("The answer is 5.", question(gold))


@pytest.mark.parametrize(
    "bomb",
    [
        "9**9**9**9",
        "9^{9^{9^9}}",
        "100!!!",
        "1e" + "9" * 5000,
        "9" * 100_000,
        "1," * 50_000,
        "1/" * 50_000,
        "-" * 100_000 + "1",
        "((((" * 20_000,
        "\\boxed{" * 20_000,
        "1 " * 50_000,
        "<<" * 50_000,
        "{" * 100_000 + "1",
        "one hundred " * 20_000,
        "5 million" + " million" * 20_000,
        "\\frac{" * 20_000,
        "A:\n" * 50_000,
        "The answer is " * 20_000,
        "  " * 100_000,
        "\n" * 100_000 + "x",
    ],
    ids=lambda bomb: bomb[:12],
)
def test_no_text_takes_long(bomb: str) -> None:
    every = Numbers(rungs=("answer_is", "hashes", "answer_line", "boxed", "last_number"))
    with at_most(20):
        for text in (bomb, f"The answer is {bomb}", f"#### {bomb}", f"\\boxed{{{bomb}}}"):
            assert every.judge(text, question("7")).verdict is not R


SAME = [("18.0", "18"), ("$1,234", "1234"), ("1/2", "0.5"), ("six", "6"), ("50%", "50"), ("No way", "no  way")]
DIFFERENT = [("50%", "0.5"), ("", ""), ("", "0"), ("12 or 13", "12"), ("a", "b"), ("1/2", "1/3"), ("3", "three or 4")]


def test_equality_of_answers_is_by_value_and_else_by_words() -> None:
    for one, two in SAME:
        assert NUMBERS.equal(one, two) and NUMBERS.equal(two, one), (one, two)
    for one, two in DIFFERENT:
        assert not NUMBERS.equal(one, two) and not NUMBERS.equal(two, one), (one, two)


PIECES = st.sampled_from(
    [
        "12",
        "13",
        "1,000",
        "3.5",
        "1/2",
        "$",
        "%",
        "-",
        " or ",
        " and ",
        " ",
        "=",
        "six",
        "half",
        "km",
        ".",
        ",",
        "e3",
        "(",
    ]
)


@given(st.lists(PIECES, max_size=6).map("".join), st.lists(PIECES, max_size=6).map("".join))
def test_equality_is_symmetric_and_holds_for_an_answer_and_itself(one: str, two: str) -> None:
    assert NUMBERS.equal(one, two) == NUMBERS.equal(two, one)
    assert NUMBERS.equal(one, one) == bool(one.strip())


@given(st.text(max_size=80), st.integers(-(10**9), 10**9))
def test_any_text_gets_a_verdict_and_its_answer_equals_itself(text: str, gold: int) -> None:
    found = NUMBERS.judge(f"The answer is {text}", question(str(gold)))
    if found.answer is not None:
        assert NUMBERS.equal(found.answer, found.answer)
    if found.verdict is R:
        assert NUMBERS.equal(found.answer or "", str(gold))


WRITINGS = [
    "{n}",
    "{n:,}",
    "${n:,}",
    "{n}.0",
    "{n:,}.00",
    "{n} apples",
    "**{n}**",
    "\\boxed{{{n}}}",
    "x = {n}",
    "{n}/1",
    "{n}e0",
    "{n}%",
    "about {n}",
]


@given(st.integers(-(10**12), 10**12), st.sampled_from(WRITINGS))
def test_every_writing_of_a_number_is_that_number_and_not_its_neighbour(n: int, writing: str) -> None:
    text = f"The answer is {writing.format(n=n)}."
    assert NUMBERS.judge(text, question(str(n))).verdict is R
    assert NUMBERS.judge(text, question(str(n + 1))).verdict is not R


@given(st.fractions(max_denominator=999))
def test_fractions_are_exact(value: Fraction) -> None:
    gold = f"{value.numerator}/{value.denominator}"
    assert NUMBERS.judge(f"The answer is {gold}.", question(gold)).verdict is R
    near = Fraction(value.numerator * 10**30 + 1, value.denominator * 10**30)
    assert NUMBERS.judge(f"The answer is {near.numerator}/{near.denominator}.", question(gold)).verdict is W


@given(st.integers(0, 999_999_999))
def test_a_number_spelled_out_is_read_back(n: int) -> None:
    assert NUMBERS.equal(spell(n), str(n))


SMALL = (
    "zero one two three four five six seven eight nine ten eleven twelve thirteen fourteen fifteen sixteen seventeen "
    "eighteen nineteen"
)
ROUND = "twenty thirty forty fifty sixty seventy eighty ninety"
ONES, TENS = SMALL.split(), ROUND.split()


def spell(n: int) -> str:
    for size, word in ((10**6, "million"), (10**3, "thousand"), (100, "hundred")):
        if n >= size:
            rest = n % size
            joint = " and " if size == 100 else " "
            return f"{spell(n // size)} {word}" + (joint + spell(rest) if rest else "")
    if n < 20:
        return ONES[n]
    return TENS[n // 10 - 2] + (f"-{ONES[n % 10]}" if n % 10 else "")
