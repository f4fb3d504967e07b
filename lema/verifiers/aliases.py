"""Verdicts on short answers in words, of which several may be right: TriviaQA."""

from __future__ import annotations

import re
import string

from lema.base.errors import ConfigError, InputError
from lema.base.records import Judgement, Question, Verdict
from lema.base.spec import Spec, spec
from lema.verifiers.ladder import REFUSAL, Rung, candidates, first_line, first_sentence

ARTICLES = re.compile(r"\b(?:a|an|the)\b")
MARKS = str.maketrans(dict.fromkeys(string.punctuation + "‘’´`“”", " "))


@spec
class Aliases(Spec):
    """Right iff the text's final answer is the reference or one of its aliases, by the same words.

    Case, punctuation, articles and white space do not count, in both: what lm-eval's normalisation does. The answer is
    the rest of the line behind a marker, or its first sentence; an answer that only holds an alias among other words
    is wrong, since a list of guesses would hold it too.
    """

    kind = "aliases"
    rungs: tuple[Rung, ...] = ("answer_is", "hashes", "answer_line", "boxed")

    def check(self) -> None:
        if not self.rungs or len(set(self.rungs)) < len(self.rungs) or "last_number" in self.rungs:
            raise ConfigError(
                "verifier.rungs: give at least one of answer_is, hashes, answer_line, boxed, each once, "
                f"not {', '.join(self.rungs) or '[]'}"
            )

    def judge(self, text: str, question: Question) -> Judgement:
        """Judge a text against the reference and its aliases.

        Raises:
            InputError: the reference answer has no words.
        """
        if not question.answer.strip():
            raise InputError(f"{question.task}, question {question.id}: the reference answer is empty")
        known = {plain(answer) for answer in (question.answer, *question.aliases)}
        for rung, line in candidates(text, self.rungs, first_line):
            said = line.strip().rstrip(".")
            for form in (said, first_sentence(line).strip()):
                if plain(form) in known:
                    return Judgement(verdict=Verdict.RIGHT, answer=form, rung=rung)
            if REFUSAL.match(said):
                break
            if said:
                return Judgement(verdict=Verdict.WRONG, answer=said, rung=rung)
        return Judgement(verdict=Verdict.NO_ANSWER)

    def equal(self, answer: str, other: str) -> bool:
        """Whether two answers are the same words. Whether both are aliases of one thing only a question says."""
        return bool(answer.strip()) and plain(answer) == plain(other)


def plain(text: str) -> str:
    """Words without case, punctuation and articles; the text itself where nothing else is left."""
    words = " ".join(ARTICLES.sub(" ", text.casefold().translate(MARKS)).split())
    return words or text.strip().casefold()
