"""What every verifier that a task of conf/ uses promises."""

from __future__ import annotations

from pathlib import Path
from typing import NamedTuple

import pytest
import yaml
from conftest import ROOT
from hypothesis import given, settings
from hypothesis import strategies as st

from lema.base.protocols import Verifier
from lema.base.records import Question, Verdict
from lema.base.spec import Spec, canonical
from lema.config.config import build

FILES = sorted((ROOT / "conf" / "task").glob("*.yaml"))
NUMBERS = (("0", "1"), ("7", "8"), ("-3", "-2"), ("1200", "1201"))


class Sample(NamedTuple):
    """Reference answers of one kind of task, each with another answer that is wrong."""

    answers: tuple[tuple[str, str], ...]
    choices: tuple[str, ...] = ()


#: What the references of a task look like, by the kind of its verifier.
SAMPLES = {
    "integers": Sample(NUMBERS),
    "numbers": Sample((*NUMBERS, ("51.0", "5.1"), ("1/2", "1/3"))),
    "latex": Sample((*NUMBERS, (r"\frac{1}{2}", r"\frac{1}{3}"), ("(0,1)", "(1,0)"), (r"\text{east}", r"\text{west}"))),
    "aliases": Sample((("Paris", "Lyon"), ("the Beatles", "Queen"), ("St. Louis", "St. Paul"))),
    "yes_no": Sample((("yes", "no"), ("no", "yes"))),
    "letters": Sample((("yajo", "yajc"), ("aaae", "aae"))),
    "choices": Sample((("bank", "library"), ("new york", "mall")), ("bank", "library", "mall", "new york", "bank")),
}


def used_by(path: Path) -> Verifier:
    verifier = build(yaml.safe_load(path.read_text())["verifier"], "verifier")
    assert isinstance(verifier, Verifier)
    return verifier


def sample(verifier: Verifier) -> Sample:
    assert isinstance(verifier, Spec)
    assert verifier.kind in SAMPLES, f"give sample answers of the kind {verifier.kind!r} in SAMPLES"
    return SAMPLES[verifier.kind]


@pytest.fixture(params=FILES, ids=lambda path: path.stem)
def verifier(request: pytest.FixtureRequest) -> Verifier:
    return used_by(request.param)


def question(answer: str, choices: tuple[str, ...] = ()) -> Question:
    return Question(id="q", task="toy", text="Which?", answer=answer, choices=choices)


def test_a_verifier_is_a_spec_with_an_identity(verifier: Verifier) -> None:
    assert isinstance(verifier, Spec)
    canonical(verifier)


def test_the_marked_answer_decides(verifier: Verifier) -> None:
    held = sample(verifier)
    for gold, other in held.answers:
        asked = question(gold, held.choices)
        right = verifier.judge(f"Step 1: It may be {other}.\nStep 2: The answer is {gold}.", asked)
        assert right.verdict is Verdict.RIGHT, gold
        assert right.answer is not None and verifier.equal(right.answer, gold)
        wrong = verifier.judge(f"Step 1: It may be {gold}.\nStep 2: The answer is {other}.", asked)
        assert wrong.verdict is Verdict.WRONG, gold


@pytest.mark.parametrize("text", ["", " \n", "I cannot solve this.", "The answer is", "The answer is unknown."])
def test_no_answer_is_never_right_not_even_for_zero(verifier: Verifier, text: str) -> None:
    held = sample(verifier)
    for gold, _ in held.answers:
        found = verifier.judge(text, question(gold, held.choices))
        assert (found.verdict, found.answer) == (Verdict.NO_ANSWER, None)


def test_hedging_is_not_right(verifier: Verifier) -> None:
    held = sample(verifier)
    for pair in held.answers:
        for gold in pair:
            found = verifier.judge(f"Step 1: The answer is {pair[0]} or {pair[1]}.", question(gold, held.choices))
            assert found.verdict is not Verdict.RIGHT


def test_every_answer_is_equal_to_itself_and_to_no_other(verifier: Verifier) -> None:
    for gold, other in sample(verifier).answers:
        assert verifier.equal(gold, gold) and verifier.equal(other, other)
        assert not verifier.equal(gold, other) and not verifier.equal(other, gold)


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
@settings(deadline=None)
@given(one=st.text("0123456789.,/-$% or", max_size=8), two=st.text("0123456789.,/-$% or", max_size=8))
def test_equality_is_symmetric(path: Path, one: str, two: str) -> None:
    verifier = used_by(path)
    assert verifier.equal(one, two) == verifier.equal(two, one)


@settings(deadline=None)
@given(text=st.text(max_size=120))
def test_any_text_gets_a_verdict(text: str) -> None:
    for path in FILES:
        verifier = used_by(path)
        held = sample(verifier)
        asked = question(held.answers[0][0], held.choices)
        assert verifier.judge(text, asked).verdict in Verdict
        assert verifier.judge(f"The answer is {text}", asked).verdict in Verdict
