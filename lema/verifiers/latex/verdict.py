"""Verdicts on mathematical answers in LaTeX: MATH (Hendrycks et al., 2021)."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from lema.base.errors import ConfigError, InputError
from lema.base.judged_stretch import judged
from lema.base.records import Judgement, Question, Verdict
from lema.base.spec import Spec, runtime, spec
from lema.verifiers.ladder import REFUSAL, candidates
from lema.verifiers.latex.agreement import Agreement, agree
from lema.verifiers.latex.math_pool import pool, require_math_verify
from lema.verifiers.latex.phrase import boxed_later, phrase
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
        gold = read(question.answer)
        if not gold.normal:
            raise InputError(f"{question.task}, question {question.id}: the reference answer is empty")
        prose = None
        text = judged(text)
        for rung, found in candidates(text, self.rungs, phrase, lists=False):
            said = read(found.strip())
            if not said.normal:
                continue
            if said.normal != gold.normal and REFUSAL.match(found):
                break
            if rung == "answer_is" and "boxed" in self.rungs and boxed_later(text):
                continue
            if said.words and not gold.words and not gold.within(said):
                # "our answer is correct" points at an answer elsewhere
                prose = prose or Judgement(verdict=Verdict.WRONG, answer=found.strip(), rung=rung)
                continue
            return Judgement(verdict=self.compare(said, gold), answer=found.strip(), rung=rung)
        return prose or Judgement(verdict=Verdict.NO_ANSWER)

    def equal(self, answer: str, other: str) -> bool:
        """Whether two answers are the same value; what is undecided is not."""
        if not answer.strip() or not other.strip():
            return False
        return answer.strip() == other.strip() or self.compare(read(answer), read(other)) is Verdict.RIGHT

    def compare(self, said: Reading, gold: Reading) -> Verdict:
        """The verdict on two answers, in either order."""
        if said.normal == gold.normal:
            return Verdict.RIGHT
        ours = Agreement.UNKNOWN if said.tree is None or gold.tree is None else agree(said.tree, gold.tree)
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
        if not theirs["there"] and not theirs["back"]:
            return Verdict.WRONG
        # alone it is believed only where it is not known to skip what it cannot read
        alone = theirs["there"] and theirs["back"] and not said.prose and not gold.prose
        return Verdict.RIGHT if alone else Verdict.UNDECIDED
