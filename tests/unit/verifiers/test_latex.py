"""Mathematical answers: where they stand, which values they have, and what stays undecided."""

from __future__ import annotations

import subprocess
import sys

import pytest
from conftest import ROOT, package
from hypothesis import given, settings
from hypothesis import strategies as st
from reading.pace import at_most

from lema.base.errors import ConfigError, InputError
from lema.base.records import Question, Verdict
from lema.base.spec import key
from lema.verifiers.latex.agreement import agree
from lema.verifiers.latex.equal_values import Agreement
from lema.verifiers.latex.reading import read
from lema.verifiers.latex.verdict import Latex

R, W, NONE, U = Verdict.RIGHT, Verdict.WRONG, Verdict.NO_ANSWER, Verdict.UNDECIDED
SAME, LIKELY, UNKNOWN, OPEN, DIFFERENT = Agreement
LATEX = Latex(time_limit=2.0)

pytestmark = pytest.mark.usefixtures("math_verify")


@pytest.fixture(scope="module")
def math_verify() -> None:
    package("math_verify")


def question(answer: str) -> Question:
    return Question(id="q", task="math", text="Find it.", answer=answer)


WHERE = [
    ("The answer is $\\frac{1}{2}$.", R, "$\\frac{1}{2}$", "answer_is"),
    ("Then \\boxed{\\frac{1}{2}} is it.", R, "\\frac{1}{2}", "boxed"),
    ("The answer is \\boxed{\\frac{1}{\\sqrt{4}}}.", R, "\\frac{1}{\\sqrt{4}}", "answer_is"),
    ("First \\boxed{1}, then \\boxed{0.5}", R, "0.5", "boxed"),
    ("#### 1/2", R, "1/2", "hashes"),
    ("Answer: $0.5$", R, "$0.5$", "answer_line"),
    ("The answer is correct when halved, so \\boxed{\\frac12}", R, "\\frac12", "answer_is"),
    ("\\boxed{\\frac12} is what we get. The answer is correct.", R, "\\frac12", "boxed"),
    ("The answer is 3. No: the half is \\boxed{\\frac12}", R, "\\frac12", "boxed"),
    ("\\boxed{3}. No, the answer is $\\frac12$.", R, "$\\frac12$", "answer_is"),
    ("The answer is⏎\\[ \\frac{1}{2} \\]", R, "\\[ \\frac{1}{2} \\]", "answer_is"),
    ("The answer is 0.5. It is one of 3.", R, "0.5", "answer_is"),
    ("The answer is Monday.", W, "Monday", "answer_is"),
    ("We find $\\frac{1}{2}$.", NONE, None, ""),
    ("\\boxed{\\frac{1}{2}", NONE, None, ""),
    ("The answer is unknown.", NONE, None, ""),
    ("", NONE, None, ""),
]


@pytest.mark.parametrize(("text", "verdict", "answer", "rung"), WHERE)
def test_the_ladder_says_which_rung_held_the_answer(text: str, verdict: Verdict, answer: str | None, rung: str) -> None:
    found = LATEX.judge(text.replace("⏎", "\n"), question("\\frac{1}{2}"))
    assert (found.verdict, found.answer, found.rung) == (verdict, answer, rung)


def test_a_rung_that_is_not_allowed_is_not_climbed() -> None:
    assert Latex(rungs=("boxed",)).judge("The answer is 6.", question("6")).verdict is NONE


@pytest.mark.parametrize("rungs", [(), ("boxed", "boxed")])
def test_rungs_are_given_each_once(rungs: tuple[str, ...]) -> None:
    with pytest.raises(ConfigError, match="rungs"):
        Latex(rungs=rungs).check()  # type: ignore[arg-type]


def test_the_time_limit_is_identity_and_the_number_of_processes_is_not() -> None:
    assert key(Latex(workers=4)) == key(Latex()) != key(Latex(time_limit=1.0))


def test_an_empty_reference_is_an_error_and_not_a_verdict() -> None:
    with pytest.raises(InputError, match="question q"):
        LATEX.judge("The answer is 5.", question(" $ $ "))


AGREEMENTS = [
    ("1/2^{99}", "1/2^{98}", DIFFERENT),
    ("1/2^{99}", "2^{-99}", SAME),
    ("\\sqrt{-4}", "2i", SAME),
    ("\\sqrt{2}", "1.4142135623730950488", SAME),
    ("\\sqrt{2}", "1.4142", OPEN),
    ("\\sqrt{2}", "1.4142135623730950489", DIFFERENT),
    ("\\sqrt{8}", "2\\sqrt{2}", SAME),
    ("\\sqrt[3]{-8}", "-2", SAME),
    ("e^{i\\pi}", "-1", SAME),
    ("\\log_2 8", "3", SAME),
    ("\\binom{5}{2}", "10", SAME),
    ("|{-3}|", "3", SAME),
    ("\\cos 60^\\circ", "\\frac{1}{2}", SAME),
    ("\\sin^2 1 + \\cos^2 1", "1", SAME),
    ("10^{60}+\\sqrt{2}", "10^{60}+\\sqrt{3}", UNKNOWN),
    ("\\frac{\\sqrt{2}}{10^{40}}", "0", DIFFERENT),
    ("\\frac{\\sqrt{2}}{10^{50}}", "0", UNKNOWN),
    ("9^{9^{9^9}}", "1", UNKNOWN),
    ("1/0", "1", UNKNOWN),
    ("1/2x", "\\frac{x}{2}", UNKNOWN),
    ("x+x", "2x", LIKELY),
    ("(a+b)^2", "a^2+2ab+b^2", LIKELY),
    ("\\frac{x^2-1}{x-1}", "x+1", LIKELY),
    ("\\sqrt{x^2}", "x", OPEN),
    ("x^2", "x^3", DIFFERENT),
    ("a", "b", DIFFERENT),
    ("2\\frac{1}{2}", "\\frac{5}{2}", SAME),
    ("2\\frac12", "1", DIFFERENT),
    ("2 \\cdot \\frac{1}{2}", "1", SAME),
    ("1\\frac{5}{4}", "\\frac{9}{4}", UNKNOWN),
    ("x^23", "3x^2", UNKNOWN),
    ("x^{23}", "3x^2", DIFFERENT),
    ("\\frac12", "0.5", SAME),
    ("(1,2)", "(1.0, \\frac{4}{2})", SAME),
    ("(1,2)", "(2,1)", DIFFERENT),
    ("(1,2)", "[1,2]", DIFFERENT),
    ("(1,2)", "1,2", OPEN),
    ("1,2", "2,1", SAME),
    ("1,1,2", "1,2,2", DIFFERENT),
    ("\\{1,2\\}", "2,1", SAME),
    ("\\pm 2", "2, -2", SAME),
    ("x=2, x=-2", "\\pm 2", SAME),
    ("x=1, y=2", "1,2", OPEN),
    ("2x+y=3", "4x+2y=6", SAME),
    ("2x+y=3", "2x+y=4", DIFFERENT),
    ("2x+y=3", "x+2y=3", UNKNOWN),
    ("x=1, 2", "1, 2", SAME),
    ("x=3", "y=3", OPEN),
    ("f(x)=2x", "2x", SAME),
    ("a+b=5", "5", OPEN),
    ("a+b=0", "0", DIFFERENT),
    ("2+3=5", "5", SAME),
    ("2+3=6", "6", OPEN),
    ("x>2", "(2,\\infty)", SAME),
    ("0<x<1", "(0,1)", OPEN),
    ("0 \\le x<1", "[0,1)", SAME),
    ("1>x\\geq 0", "[0,1)", SAME),
    ("52_8", "52_{8}", SAME),
    ("52_8", "52", OPEN),
    ("-12_3", "12_3", DIFFERENT),
    ("5 \\text{ cm}", "5", SAME),
    ("5 \\text{ cm}", "5 \\text{ m}", OPEN),
    ("5 \\text{ square inches}", "5 \\text{ in}^2", SAME),
    ("50\\%", "50", SAME),
    ("50\\%", "0.5", OPEN),
    ("50\\%", "0.6", DIFFERENT),
    ("C", "\\text{(C)}", SAME),
    ("C", "\\text{(D)}", DIFFERENT),
    ("\\text{an ellipse}", "\\text{Ellipse}", SAME),
    ("\\emptyset", "\\{\\}", SAME),
]


@pytest.mark.parametrize(("one", "two", "expected"), AGREEMENTS)
def test_answers_are_compared_by_value_and_in_both_directions_alike(one: str, two: str, expected: Agreement) -> None:
    first, second = read(one), read(two)
    if first.tree is None or second.tree is None:
        assert expected is UNKNOWN
        return
    assert agree(first.tree, second.tree) is expected
    assert agree(second.tree, first.tree) is expected


CHECKED_TWICE = [
    ("x+x", "2x", R),
    ("x^2 - 1 + 0", "x^2 - 1", R),
    ("\\frac{x}{2} + 0", "\\frac{x}{2}", R),
    ("(a+b)^2", "a^2+2ab+b^2", R),
    ("\\sqrt{x^2}", "x", U),
    ("2x+y=3", "2x+y=4", W),
    ("3*x-1*y+13=0", "3x+4y+14=0", W),
    ("12 or 13", "12", W),
]


@pytest.mark.parametrize(("said", "gold", "verdict"), CHECKED_TWICE)
def test_what_has_variables_is_right_only_when_both_checkers_say_so(said: str, gold: str, verdict: Verdict) -> None:
    assert LATEX.judge(f"The answer is ${said}$.", question(gold)).verdict is verdict
    assert LATEX.equal(said, gold) == LATEX.equal(gold, said) == (verdict is R)


def test_what_no_checker_can_say_in_its_time_is_undecided() -> None:
    bomb, latex = "\\boxed{9^{9^{9^9}}}", Latex(time_limit=0.5)
    assert latex.judge(f"The answer is ${bomb}$.", question("5")).verdict is U
    assert not latex.equal(bomb, "5") and not latex.equal("5", bomb)


@pytest.mark.parametrize(
    "bomb",
    [
        "9^{9^{9^9}}",
        "100!!!",
        "{" * 100_000,
        "\\frac{" * 20_000,
        "(" * 100_000,
        "\\boxed{" * 20_000,
        "$" * 100_000,
        "$ x" * 30_000,
        "\\sqrt" * 20_000,
        "1," * 50_000,
        "9" * 100_000,
        "x^" * 450,
        "((((" * 200,
        "400!^{400!}",
        "1+" * 480 + "1",
        "\\begin{pmatrix}" * 5000,
        "\\text{a} " * 10_000,
        "a because " * 10_000,
        "1 or " * 20_000,
        "\\left(" * 150 + "1" + "\\right)" * 150,
    ],
    ids=lambda bomb: bomb[:12],
)
def test_no_text_takes_long_in_this_process_and_none_is_right(bomb: str) -> None:
    with at_most(40):
        for text in (bomb, f"The answer is {bomb}", f"The answer is ${bomb}$", f"\\boxed{{{bomb}}}", f"#### {bomb}"):
            assert Latex(time_limit=0.2).judge(text, question("7")).verdict is not R


def test_math_verify_is_never_loaded_here() -> None:
    code = (
        "import sys; from lema.verifiers.latex.verdict import Latex; from lema.base.records import Question\n"
        "light = 'mpmath' not in sys.modules\n"
        "q = Question(id='q', task='t', text='', answer='2x')\n"
        "print(light, Latex().judge('The answer is $x+x$.', q).verdict)\n"
        "print('sympy' in sys.modules, 'math_verify' in sys.modules)"
    )
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=ROOT)
    assert run.stdout.split() == ["True", "right", "False", "False"]


PIECES = st.sampled_from(
    [
        "1",
        "2",
        "x",
        "\\frac",
        "{",
        "}",
        "(",
        ")",
        ",",
        "+",
        "-",
        "^",
        "\\pi",
        "=",
        "<",
        "\\sqrt",
        "\\text{cm}",
        "\\%",
        " or ",
        "[",
        "i",
    ]
)


@settings(deadline=None, max_examples=300)
@given(st.lists(PIECES, max_size=7).map("".join), st.lists(PIECES, max_size=7).map("".join))
def test_agreement_is_symmetric_and_an_answer_is_itself(one: str, two: str) -> None:
    first, second = read(one).tree, read(two).tree
    if first is not None and second is not None:
        assert agree(first, second) is agree(second, first)
    assert LATEX.equal(one, one) == bool(one.strip())


@settings(deadline=None, max_examples=200)
@given(
    st.fractions(max_denominator=999),
    st.sampled_from(
        ["\\frac{{{n}}}{{{d}}}", "{n}/{d}", "\\dfrac{{{n}}}{{{d}}}", "\\left(\\frac{{{n}}}{{{d}}}\\right)"]
    ),
)
def test_every_writing_of_a_fraction_is_that_fraction_and_not_its_neighbour(value: object, writing: str) -> None:
    n, d = value.numerator, value.denominator  # type: ignore[attr-defined]
    text = f"The answer is ${writing.format(n=n, d=d)}$."
    assert LATEX.judge(text, question(f"\\frac{{{n}}}{{{d}}}")).verdict is R
    assert LATEX.judge(text, question(f"\\frac{{{n + 1}}}{{{d}}}")).verdict is W
