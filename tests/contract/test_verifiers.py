"""What every verifier that a task of conf/ uses promises."""

from __future__ import annotations

from pathlib import Path

import pytest
import yaml
from conftest import ROOT
from hypothesis import given, settings
from hypothesis import strategies as st

from lema.config import build
from lema.protocols import Verifier
from lema.records import Question, Verdict
from lema.spec import Spec, canonical

FILES = sorted((ROOT / "conf" / "task").glob("*.yaml"))


def used_by(path: Path) -> Verifier:
    verifier = build(yaml.safe_load(path.read_text())["verifier"], "verifier")
    assert isinstance(verifier, Verifier)
    return verifier


@pytest.fixture(params=FILES, ids=lambda path: path.stem)
def verifier(request: pytest.FixtureRequest) -> Verifier:
    return used_by(request.param)


def question(answer: str) -> Question:
    """A question that every verifier can judge: a number is also a choice."""
    choices = (answer, str(int(answer) + 1), "12", "13")
    return Question(id="q", task="toy", text="How many?", answer=answer, choices=choices)


def test_a_verifier_is_a_spec_with_an_identity(verifier: Verifier) -> None:
    assert isinstance(verifier, Spec)
    canonical(verifier)


@pytest.mark.parametrize("gold", ["0", "7", "-3", "1200"])
def test_the_marked_answer_decides(verifier: Verifier, gold: str) -> None:
    right = verifier.judge(f"Step 1: It is 5 + 2.\nStep 2: The answer is {gold}.", question(gold))
    assert right.verdict is Verdict.RIGHT
    assert right.answer is not None and verifier.equal(right.answer, gold)
    wrong = verifier.judge(f"Step 1: It is {gold}.\nStep 2: The answer is {int(gold) + 1}.", question(gold))
    assert wrong.verdict is Verdict.WRONG


@pytest.mark.parametrize("text", ["", " \n", "I cannot solve this.", "The answer is"])
def test_no_answer_is_never_right_not_even_for_zero(verifier: Verifier, text: str) -> None:
    found = verifier.judge(text, question("0"))
    assert (found.verdict, found.answer) == (Verdict.NO_ANSWER, None)


def test_hedging_is_not_right(verifier: Verifier) -> None:
    for gold in ("12", "13"):
        assert verifier.judge("Step 1: The answer is 12 or 13.", question(gold)).verdict is not Verdict.RIGHT


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
@settings(deadline=None)  # the first comparison of LaTeX starts a process
@given(one=st.text("0123456789.,/-$% or", max_size=8), two=st.text("0123456789.,/-$% or", max_size=8))
def test_equality_is_symmetric(path: Path, one: str, two: str) -> None:
    verifier = used_by(path)
    assert verifier.equal(one, two) == verifier.equal(two, one)


@settings(deadline=None)
@given(text=st.text(max_size=120))
def test_any_text_gets_a_verdict(text: str) -> None:
    for path in FILES:
        assert used_by(path).judge(text, question("5")).verdict in Verdict
