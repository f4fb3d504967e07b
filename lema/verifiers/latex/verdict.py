"""Verdicts on mathematical answers in LaTeX: MATH (Hendrycks et al., 2021)."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from lema.base.errors import ConfigError, InputError
from lema.base.judged_stretch import judged
from lema.base.records import Judgement, Question, Verdict
from lema.base.spec import Spec, runtime, spec
from lema.verifiers.boxes import last_box
from lema.verifiers.ladder import REFUSAL, candidates
from lema.verifiers.latex.agreement import agree
from lema.verifiers.latex.equal_values import Agreement
from lema.verifiers.latex.math_pool import pool, require_math_verify
from lema.verifiers.latex.phrase import alone, phrase
from lema.verifiers.latex.reading import Reading, read

DECIDED = {
    Agreement.SAME: Verdict.RIGHT,
    Agreement.OPEN: Verdict.UNDECIDED,
    Agreement.DIFFERENT: Verdict.WRONG,
}
LatexRung = Literal["answer_is", "boxed", "hashes", "answer_line"]


@spec
class Latex(Spec):
    """Right iff the text's final answer is the same mathematical value as the reference.

    `rungs` are the kinds of places where an answer is looked for, the last of the text first. `time_limit` is in
    seconds of CPU time for one comparison; one that takes longer is undecided, as is one on which the two
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
        gold = read(question.answer)
        if not gold.normal:
            raise InputError(f"{question.task}, question {question.id}: the reference answer is empty")
        prose = None
        text = judged(text)
        for rung, found in candidates(text, self.rungs, phrase):
            said = read(found.strip())
            if not said.normal:
                continue
            if said.normal != gold.normal and REFUSAL.match(found):
                break
            if said.words and not gold.words and not gold.within(said):
                # "our answer is correct" points at an answer elsewhere
                prose = prose or Judgement(verdict=Verdict.WRONG, answer=found.strip(), rung=rung)
                continue
            verdict = self.compare(said, gold)
            if rung == "boxed" and verdict is Verdict.WRONG:
                verdict = self.of_last_box(text, found, gold)
            return Judgement(verdict=verdict, answer=found.strip(), rung=rung)
        if prose is None and (last := alone(text)) is not None:
            return Judgement(verdict=self.compare(read(last), gold), answer=last, rung="answer_line")
        return prose or Judgement(verdict=Verdict.NO_ANSWER)

    def of_last_box(self, text: str, found: str, gold: Reading) -> Verdict:
        """Of boxes side by side the last may be the answer, as in MATH's own solutions, or all of them."""
        last = last_box(text)
        alone = last is not None and last.strip() != found.strip() and self.compare(read(last), gold) is Verdict.RIGHT
        return Verdict.UNDECIDED if alone else Verdict.WRONG

    def equal(self, answer: str, other: str) -> bool:
        """Whether two answers are the same value; what is undecided is not."""
        if not answer.strip() or not other.strip():
            return False
        return answer.strip() == other.strip() or self.compare(read(answer), read(other)) is Verdict.RIGHT

    def compare(self, said: Reading, gold: Reading) -> Verdict:
        """The verdict on two answers, in either order."""
        if said.normal == gold.normal:
            return Verdict.RIGHT
        ours = best(said, gold)
        if ours in DECIDED:
            return DECIDED[ours]
        if not said.formula or not gold.formula:
            return Verdict.UNDECIDED
        if ours is Agreement.UNKNOWN and (said.within(gold) or gold.within(said)):
            return Verdict.UNDECIDED
        one, two = sorted((said.formula, gold.formula))
        theirs = pool(self.workers).compare(one, two, self.time_limit)
        if theirs is None or "fault" in theirs:
            return Verdict.UNDECIDED
        if ours is Agreement.LIKELY:
            return Verdict.RIGHT if theirs["there"] or theirs["back"] else Verdict.UNDECIDED
        # What is not understood here is never right: the other library skips what it cannot read, and rounds.
        return Verdict.UNDECIDED if theirs["there"] or theirs["back"] else Verdict.WRONG


def best(said: Reading, gold: Reading) -> Agreement:
    """How two answers compare, in the reading in which they agree best: a letter behind a number may be a unit."""
    found = [
        agree(one, two) for one in (said.tree, said.with_unit) for two in (gold.tree, gold.with_unit) if one and two
    ]
    if said.tree is None or gold.tree is None:
        found = [one for one in found if one is Agreement.SAME] or [Agreement.UNKNOWN]
    return min(found)
