"""Judging a path by its last line, `The answer is 12.`: exact whole numbers, nothing is guessed.

>>> from lema.base.records import Question
>>> question = Question(id="q", task="toy", text="", answer="12")
>>> Integers().judge("Step 1: The answer is 12.", question).verdict.value
'right'
"""

from __future__ import annotations

import re

from lema.base.judged_stretch import judged
from lema.base.records import Judgement, Question, Verdict
from lema.base.spec import Spec, spec

MARKED = re.compile(r"^\s*(?:Step\s+\d+\s*[:.]\s*)?The answer is\s+(-?\d+)\s*\.?\s*$", re.MULTILINE)


@spec
class Integers(Spec):
    """Reads the last line of the form `The answer is N.`; a text without one has no answer."""

    kind = "integers"

    def judge(self, text: str, question: Question) -> Judgement:
        found = MARKED.findall(judged(text))
        if not found:
            return Judgement(verdict=Verdict.NO_ANSWER)
        answer = str(int(found[-1]))
        verdict = Verdict.RIGHT if self.equal(answer, question.answer) else Verdict.WRONG
        return Judgement(verdict=verdict, answer=answer, rung="marker")

    def equal(self, answer: str, other: str) -> bool:
        try:
            return int(answer) == int(other)
        except ValueError:
            return answer.strip() == other.strip()
