"""Verdicts on questions that are answered by yes or no: Coin-Flip."""

from __future__ import annotations

import re

from lema.base.errors import ConfigError, InputError
from lema.base.records import Judgement, Question, Verdict
from lema.base.spec import Spec, spec
from lema.verifiers.ladder import REFUSAL, Rung, candidates, first_line, first_sentence
from lema.verifiers.typography import EDGES

WORDING = re.compile(r"\\(?:text|textbf|mathrm|mathbf|mbox|f?boxed)\s*\{([^{}]*)\}")
#: What says yes or no by itself; `True` is what a program prints.
SAID = {"yes": "yes", "true": "yes", "no": "no", "false": "no"}
FIRST = re.compile(r"[\s\"'“‘(\[*_`$]*(yes|no|true|false)\b", re.IGNORECASE)
#: What may follow it: nothing, a sign, or words that explain. "no idea", "no one" and "yes/no" are no answers.
THEN = re.compile(r"\W*$|\s*[,.;:!)\]*\"'”’}]|\s+[-–—]\s|\s+(?:because|since|as|so|it|the|that|this)\b")
#: Words behind a yes that take it back, and behind either answer the other one.
DENIAL = re.compile(r"\b(?:no|not|false|never|neither|nor|cannot)\b|n't\b", re.IGNORECASE)
ASSENT = re.compile(r"\b(?:yes|true)\b", re.IGNORECASE)


@spec
class YesNo(Spec):
    """Right iff the text's final answer is the reference, `yes` or `no`, by its first word.

    What follows may explain it. Words that take a yes back ("yes or no", "yes, it is not"), a no beside a yes, and an
    answer that says neither ("heads up") are undecided: nothing is guessed.
    """

    kind = "yes_no"
    rungs: tuple[Rung, ...] = ("answer_is", "hashes", "answer_line", "boxed")

    def check(self) -> None:
        if not self.rungs or len(set(self.rungs)) < len(self.rungs) or "last_number" in self.rungs:
            raise ConfigError(
                "verifier.rungs: give at least one of answer_is, hashes, answer_line, boxed, each once, "
                f"not {', '.join(self.rungs) or '[]'}"
            )

    def judge(self, text: str, question: Question) -> Judgement:
        """Judge a text against the reference.

        Raises:
            InputError: the reference answer is neither yes nor no.
        """
        gold = plain(question.answer)
        if gold not in ("yes", "no"):
            raise InputError(
                f"{question.task}, question {question.id}: the reference answer must be yes or no, not "
                f"{question.answer!r}"
            )
        for rung, line in candidates(text, self.rungs, first_line):
            said = first_sentence(line)
            answer = read(said)
            if answer is not None:
                verdict = Verdict.RIGHT if answer == gold else Verdict.WRONG
                return Judgement(verdict=verdict, answer=answer, rung=rung)
            if FIRST.match(said) or (said.strip(EDGES + ".") and not REFUSAL.match(said)):
                return Judgement(verdict=Verdict.UNDECIDED, answer=said.strip(), rung=rung)
        return Judgement(verdict=Verdict.NO_ANSWER)

    def equal(self, answer: str, other: str) -> bool:
        """Whether two answers say the same; words that say neither are equal to themselves alone."""
        return bool(answer.strip()) and same(answer) == same(other)


def read(said: str) -> str | None:
    """`yes` or `no`; None for words that say neither, or both."""
    said = plain(said)
    found = FIRST.match(said)
    if found is None:
        return None
    answer, rest = SAID[found[1].lower()], said[found.end() :]
    if not THEN.match(rest):
        return None
    contrary = ASSENT.search(rest) if answer == "no" else DENIAL.search(rest)
    return None if contrary else answer


def same(answer: str) -> str:
    """Equal for answers that say the same."""
    return read(answer) or plain(answer) or answer.strip()


def plain(text: str) -> str:
    """The words without case, typesetting and the signs around them."""
    while WORDING.search(text):
        text = WORDING.sub(r"\1", text)
    return " ".join(text.replace("’", "'").replace("$", "").casefold().split()).strip(EDGES + ".,;:!")
