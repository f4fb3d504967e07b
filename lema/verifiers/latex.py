"""Verdicts on mathematical answers in LaTeX: MATH (Hendrycks et al., 2021)."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from lema.errors import ConfigError, InputError
from lema.records import Judgement, Question, Verdict
from lema.spec import Spec, runtime, spec
from lema.verifiers.ladder import candidates
from lema.verifiers.latex_phrase import phrase
from lema.verifiers.latex_tokens import normal, tokens
from lema.verifiers.math_pool import pool, require_math_verify

LatexRung = Literal["answer_is", "boxed", "hashes", "answer_line"]


@spec
class Latex(Spec):
    """Right iff the text's final answer is the same mathematical value as the reference.

    `rungs` are the places where an answer is looked for, in this order. `time_limit` is in seconds
    of CPU time for one comparison; one that takes longer is undecided, as is one on which the two
    checkers disagree.
    """

    kind = "latex"
    rungs: tuple[LatexRung, ...] = ("answer_is", "boxed", "hashes", "answer_line")
    time_limit: Annotated[float, Field(gt=0, le=600)] = 5.0
    workers: Annotated[int, Field(ge=1)] = runtime(default=1)

    def check(self) -> None:
        if not self.rungs or len(set(self.rungs)) < len(self.rungs):
            raise ConfigError(f"verifier.rungs: give at least one rung, each once, not {', '.join(self.rungs) or '[]'}")

    def judge(self, text: str, question: Question) -> Judgement:
        """Judge a text against the reference answer.

        Raises:
            InputError: the reference answer is empty.
            MissingExtra: math-verify is not installed.
        """
        require_math_verify()
        if not normal(tokens(question.answer)):
            raise InputError(f"{question.task}, question {question.id}: the reference answer is empty")
        for rung, found in candidates(text, self.rungs, phrase):
            said = found.strip()
            if normal(tokens(said)):
                return Judgement(verdict=self.compare(said, question.answer), answer=said, rung=rung)
        return Judgement(verdict=Verdict.NO_ANSWER)

    def compare(self, said: str, gold: str) -> Verdict:
        if normal(tokens(said)) == normal(tokens(gold)):
            return Verdict.RIGHT
        found = pool(self.workers).compare(said, gold, self.time_limit)
        if found is None or "fault" in found or found["there"] != found["back"]:
            return Verdict.UNDECIDED
        return Verdict.RIGHT if found["there"] else Verdict.WRONG

    def equal(self, answer: str, other: str) -> bool:
        """Whether two answers are the same value."""
        if not answer.strip() or not other.strip():
            return False
        return answer.strip() == other.strip() or self.compare(*sorted((answer, other))) is Verdict.RIGHT
