"""Verdicts on answers that are a string of letters: Last-Letter."""

from __future__ import annotations

import re

from lema.base.errors import ConfigError, InputError
from lema.base.records import Judgement, Question, Verdict
from lema.base.spec import Spec, spec
from lema.verifiers.ladder import REFUSAL, Rung, candidates, first_line
from lema.verifiers.typography import EDGES

WORDING = re.compile(r"\\(?:text|textbf|textit|mathrm|mathbf|mbox|f?boxed)\s*\{([^{}]*)\}")
QUOTES = re.compile(r"[\"'“”‘’`*_$]")
WORD = re.compile(r"[^\W\d_]+")
#: Letters one by one, with one sort of sign between them.
SPELLED = re.compile(r"[^\W\d_](?P<between>\s*[-,+.·|/]\s*|\s+)[^\W\d_](?:(?P=between)[^\W\d_])*")
#: What follows explains the letters, and is not part of them.
CLAUSE = re.compile(r"[.,;:!]?\s+(?:because|since|as|so|which|where|from|by|when|after)\b.*|[.;!]\s.*", re.DOTALL)


@spec
class Letters(Spec):
    """Right iff the text's final answer is the reference's letters in their order; case does not count, as in PaD.

    The letters may be in quotes, spelled out with one sign or space between each two (`y-a-j-o`), or the last of an
    equation (`y + a = ya`). Among other words they are undecided; another word is wrong.
    """

    kind = "letters"
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
            InputError: the reference answer is no string of letters.
        """
        gold = read(question.answer)
        if gold is None or not WORD.fullmatch(question.answer.strip()):
            raise InputError(
                f"{question.task}, question {question.id}: the reference answer must be letters and nothing else, not "
                f"{question.answer!r}"
            )
        for rung, line in candidates(text, self.rungs, first_line):
            answer = read(line)
            if answer == gold:
                return Judgement(verdict=Verdict.RIGHT, answer=answer, rung=rung)
            said = plain(line)
            if not said or REFUSAL.match(said):
                continue
            if answer is None and gold in WORD.findall(said):
                return Judgement(verdict=Verdict.UNDECIDED, answer=line.strip(), rung=rung)
            return Judgement(verdict=Verdict.WRONG, answer=answer or line.strip(), rung=rung)
        return Judgement(verdict=Verdict.NO_ANSWER)

    def equal(self, answer: str, other: str) -> bool:
        """Whether two answers are the same letters."""
        return bool(answer.strip()) and same(answer) == same(other)


def read(text: str) -> str | None:
    """The letters that an answer is, without case; None where other words stand beside them."""
    said = plain(text).rpartition("=")[2].strip()
    for form in (said, CLAUSE.sub("", said)):
        form = form.strip(EDGES + ".,;:!")
        if WORD.fullmatch(form):
            return form
        if SPELLED.fullmatch(form):
            return "".join(WORD.findall(form))
    return None


def same(answer: str) -> str:
    """Equal for answers that say the same."""
    return read(answer) or plain(answer) or answer.strip()


def plain(text: str) -> str:
    """The words without case, quotes, typesetting and the signs around them."""
    while WORDING.search(text):
        text = WORDING.sub(r"\1", text)
    return " ".join(QUOTES.sub("", text).casefold().split()).strip(EDGES + ".,;:!")
