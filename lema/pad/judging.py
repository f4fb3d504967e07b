"""Whether the value of a program is the answer to its question."""

from __future__ import annotations

import math
import re
from typing import Literal

from lema.base.protocols import Verifier
from lema.base.reasoning_steps import MARKER
from lema.base.records import Judgement, Question, Verdict
from lema.programs.program import Outcome, Status

Rule = Literal["exact", "pad_v1"]
EXECUTED = "executed"  # the class of a program that left a value
NO_VALUE = "no_value"  # it ran and returned nothing
WHOLE = re.compile(r"[+-]?\d{1,300}")
RATIO = re.compile(r"([+-]?\d{1,18})/(\d{1,18})")  # as Python prints a Fraction
GROUPED = re.compile(r"[+-]?\d{1,3}(,\d{3})+(\.\d+)?")
TOLERANCE = 1e-4  # relative above 1, absolute below


def error_class(outcome: Outcome) -> str:
    """`executed`, or what went wrong: an exception's class (indentation counts as syntax), or how it ended."""
    if outcome.status is Status.OK:
        return EXECUTED if outcome.value is not None else NO_VALUE
    return outcome.paper_error or outcome.error or outcome.status.value


def judge(outcome: Outcome, question: Question, verifier: Verifier, rule: Rule) -> Judgement:
    """The verdict on a program that ran; `rung` is its class. One without a value gives no answer."""
    if outcome.status is not Status.OK or outcome.value is None:
        return Judgement(verdict=Verdict.NO_ANSWER, rung=error_class(outcome))
    value = outcome.value.strip()
    right = one_line(value) and (
        rounds_to(value, question.answer) if rule == "pad_v1" else agrees(value, question, verifier)
    )
    return Judgement(verdict=Verdict.RIGHT if right else Verdict.WRONG, answer=value, rung=EXECUTED)


def one_line(value: str) -> bool:
    return bool(value) and len(value.splitlines()) == 1


def agrees(value: str, question: Question, verifier: Verifier) -> bool:
    """|value - gold| <= 1e-4 max(1, |gold|) for numbers, whole ones compared exactly; else as the task's verifier reads
    "The answer is <value>."
    """
    for gold in (question.answer, *question.aliases):
        if WHOLE.fullmatch(value) and WHOLE.fullmatch(gold):
            if int(value) == int(gold):
                return True
            continue
        said, wanted = number(value), number(gold)
        if said is None or wanted is None:
            continue
        if abs(said - wanted) <= TOLERANCE * max(1.0, abs(wanted)):
            return True
    if number(question.answer) is not None:
        return False
    return verifier.judge(f"{MARKER} {value}.", question).verdict is Verdict.RIGHT


def rounds_to(value: str, gold: str) -> bool:
    """The rule of the paper's code: Python's `round` of the value is the whole gold number; 4.4 is a 4, and so is 4.5.

    Answers that are no numbers must be equal but for case.
    """
    if number(gold) is None:
        return value.lower() == gold.strip().lower()
    try:
        return round(float(value)) == int(gold)
    except (ValueError, OverflowError):
        return False


def number(text: str) -> float | None:
    """The finite number that a text is, as Python prints them and data sets write them; else None."""
    text = text.strip()
    if GROUPED.fullmatch(text):
        text = text.replace(",", "")
    ratio = RATIO.fullmatch(text)
    try:
        value = int(ratio[1]) / int(ratio[2]) if ratio else float(text)
    except (ValueError, ZeroDivisionError):
        return None
    return value if math.isfinite(value) and "_" not in text else None


def vote_class(answer: str) -> str:
    """Equal for values that one vote goes to: 12, 12.0 and 24/2 are one."""
    value = number(answer)
    return answer.strip().lower() if value is None else f"{round(value, 6) + 0.0:.12g}"
