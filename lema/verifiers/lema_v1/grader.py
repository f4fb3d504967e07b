"""The grader of the paper's authors, faults included, so that published numbers can be compared.

Rebuilt from the behaviour of their repository (microsoft/LEMA, `inference_code`), not from its code.
Two things differ on purpose. What they hand to Python's `eval` goes to a calculator here, which
gives up where `eval` would not end; and it knows arithmetic only. For right and wrong answers use
`Numbers`, `Latex` and `Choices`.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Literal, NamedTuple

from lema.base.errors import InputError
from lema.base.records import Judgement, Question, Verdict
from lema.base.spec import Spec, spec
from lema.verifiers.lema_v1.latex import final_latex, stripped
from lema.verifiers.lema_v1.numbers import final_number, number
from lema.verifiers.lema_v1.words import nearest

MARKER = "The answer is "
Kind = Literal["gsm8k", "rounded", "math", "csqa"]


class Grader(NamedTuple):
    """How a task's texts are graded: from a text to an answer, from the reference, and their comparison."""

    extract: Callable[[str, Question], str]
    gold: Callable[[Question], str]
    equal: Callable[[str, str], bool]


@spec
class LemaV1(Spec):
    """Right iff the authors' code would count it: `right` and `wrong` are its only verdicts.

    `grader` is which of their four: `gsm8k` (equal as floats), `rounded` (SVAMP, ASDiv and MAWPS:
    equal to two decimals), `math` (equal strings after normalisation), `csqa` (the choice with the
    smallest edit distance). A text without an answer is 0, the empty string, or some choice.
    """

    kind = "lema_v1"
    grader: Kind

    def judge(self, text: str, question: Question) -> Judgement:
        """Judge a text against the reference answer.

        Raises:
            InputError: a reference that their code refuses: no number, 0 for `gsm8k`, no choice.
        """
        grader = GRADERS[self.grader]
        gold = grader.gold(question)
        answer = grader.extract(text, question)
        verdict = Verdict.RIGHT if grader.equal(answer, gold) else Verdict.WRONG
        return Judgement(verdict=verdict, answer=answer, rung="marker" if MARKER in marked(text) else "")

    def equal(self, answer: str, other: str) -> bool:
        return bool(answer.strip()) and (answer == other or GRADERS[self.grader].equal(answer, other))


def marked(text: str) -> str:
    return text.replace("The answer is: ", MARKER)


def _number(text: str, _: Question) -> str:
    return repr(final_number(marked(text), MARKER))


def _reference_number(question: Question) -> str:
    value = number(question.answer)
    if value is None:
        raise InputError(f"{question.task}, question {question.id}: reference answer {question.answer!r} is no number")
    return repr(value)


def _nonzero_number(question: Question) -> str:
    gold = _reference_number(question)
    if float(gold) == 0:
        raise InputError(
            f"{question.task}, question {question.id}: the reference answer is 0, which the grader gsm8k of lema_v1 "
            "refuses: it could not tell it from no answer"
        )
    return gold


def _choice(text: str, question: Question) -> str:
    return nearest(marked(text), MARKER, question.choices)


def _reference_choice(question: Question) -> str:
    if question.answer not in question.choices:
        raise InputError(
            f"{question.task}, question {question.id}: reference answer {question.answer!r} is none of its choices"
        )
    return question.answer


def _float(text: str) -> float | None:
    try:
        return float(text)  # a number that was read before; `1e+16` would not survive being read again
    except ValueError:
        return number(text)


def _as_floats(one: str, two: str) -> bool:
    first = _float(one)
    return first is not None and first == _float(two)


def _to_cents(one: str, two: str) -> bool:
    first, second = _float(one), _float(two)
    return first is not None and second is not None and round(first, 2) == round(second, 2)


GRADERS: dict[Kind, Grader] = {
    "gsm8k": Grader(_number, _nonzero_number, _as_floats),
    "rounded": Grader(_number, _reference_number, _to_cents),
    "math": Grader(
        lambda text, _: final_latex(marked(text), MARKER), lambda question: stripped(question.answer), str.__eq__
    ),
    "csqa": Grader(_choice, _reference_choice, str.__eq__),
}
