from __future__ import annotations

import pytest

from lema.base.protocols import Verifier
from lema.base.records import Question, Verdict
from lema.verifiers.integers import Integers

QUESTION = Question(id="q", task="toy", text="How many?", answer="12")


@pytest.mark.parametrize(
    ("text", "verdict", "answer"),
    [
        ("Step 1: Mia's coins are 7 + 5 = 12.\nStep 2: The answer is 12.", Verdict.RIGHT, "12"),
        ("The answer is 12", Verdict.RIGHT, "12"),
        ("The answer is 012.", Verdict.RIGHT, "12"),
        ("Step 1: The answer is 12.\nStep 2: The answer is 13.", Verdict.WRONG, "13"),
        ("The answer is -12.", Verdict.WRONG, "-12"),
        ("The answer is 12 or 13.", Verdict.NO_ANSWER, None),
        ("Mia's coins are 7 + 5 = 12.", Verdict.NO_ANSWER, None),
        ("The answer is 1.2.", Verdict.NO_ANSWER, None),
        ("", Verdict.NO_ANSWER, None),
    ],
)
def test_only_the_marked_line_counts(text: str, verdict: Verdict, answer: str | None) -> None:
    judgement = Integers().judge(text, QUESTION)
    assert (judgement.verdict, judgement.answer) == (verdict, answer)
    assert judgement.rung == ("marker" if answer else "")


def test_equality_is_of_numbers_and_symmetric() -> None:
    verifier: Verifier = Integers()
    assert verifier.equal("12", "012")
    assert verifier.equal("012", "12")
    assert not verifier.equal("12", "twelve")
    assert not verifier.equal("twelve", "12")
    assert verifier.equal("twelve", "twelve")
