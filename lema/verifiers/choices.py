"""Verdicts on multiple choice: CommonsenseQA, and every task whose questions have `choices`."""

from __future__ import annotations

import re
from collections.abc import Sequence

from lema.base.errors import ConfigError, InputError
from lema.base.judged_stretch import judged
from lema.base.records import Judgement, Question, Verdict
from lema.base.spec import Spec, spec
from lema.verifiers.choice_phrases import alone, chosen_by
from lema.verifiers.choice_words import mentions, plain
from lema.verifiers.ladder import REFUSAL, Rung, candidates, first_line

CAPITAL_A = re.compile(r"[\s*_\"'“(]*A\s+(?=\w)")
#: A further sentence about the answer.
AGAIN = re.compile(r"(?<=[.!?])\s+(?=[^.!?\n]*\b(?:the|this|that|my|our|your)\s+(?:\w+\s+)?answer\b)", re.IGNORECASE)
#: Words about the answer instead of an answer.
ABOUT = re.compile(
    r"(?:(?:also|clearly|indeed|thus|therefore|very|quite|definitely|then)\s+)*(?:correct|right|verified|confirmed|final"
    r"|obvious|clear|evident|reasonable|consistent|logical|sensible|supported|based|as\s+follows|(?:given\s+)?(?:above|below)"
    r"|explained|shown|that\s+way|the\s+(?:best|most\s+likely)\s+(?:one|option|choice|fit|answer))\b"
)


@spec
class Choices(Spec):
    """Right iff the text's final answer is the reference choice, by its words or by its letter.

    `question.choices` are the texts of the choices, lettered A, B, C, ... in their order, and
    `question.answer` is the text of the right one; another choice with the same text is right too.
    An answer must be a choice, apart from case, spaces and a leading article; there is no nearest
    choice. Two choices ("bank or library", "(A) library" where A is another) are wrong, words that
    hold the right choice among others are undecided, and a refusal is no answer.
    """

    kind = "choices"
    rungs: tuple[Rung, ...] = ("answer_is", "hashes", "answer_line", "boxed")

    def check(self) -> None:
        if not self.rungs or len(set(self.rungs)) < len(self.rungs) or "last_number" in self.rungs:
            raise ConfigError(
                "verifier.rungs: give at least one of answer_is, hashes, answer_line, boxed, each once, "
                f"not {', '.join(self.rungs) or '[]'}"
            )

    def judge(self, text: str, question: Question) -> Judgement:
        """Judge a text against the reference choice.

        Raises:
            InputError: the question has no choices, or its reference answer is none of them.
        """
        choices = [plain(choice) for choice in question.choices]
        gold = reference(question, choices)

        def names_one(line: str) -> bool:
            return chosen_by(plain(line), choices) is not None

        for rung, found in candidates(text, self.rungs, first_line, names_one):
            said = plain(AGAIN.split(found, maxsplit=1)[0] if "answer" in found else found)
            chosen = chosen_by(said, choices)
            if chosen is not None and CAPITAL_A.match(found) and choices[chosen] not in (said, choices[0]):
                return Judgement(verdict=Verdict.UNDECIDED, answer=found.strip(), rung=rung)  # a letter, or an article
            if chosen is not None:
                verdict = Verdict.RIGHT if choices[chosen] == gold else Verdict.WRONG
                return Judgement(verdict=verdict, answer=question.choices[choices.index(choices[chosen])], rung=rung)
            named = mentions(said, choices)
            if not named and REFUSAL.match(said):
                return Judgement(verdict=Verdict.NO_ANSWER)
            if named or not (said == "" or ABOUT.match(said)):
                verdict = Verdict.UNDECIDED if named == {gold} else Verdict.WRONG
                return Judgement(verdict=verdict, answer=found.strip(), rung=rung)
        last = alone(judged(text), choices) if "answer_line" in self.rungs else None
        if last is not None:
            verdict = Verdict.RIGHT if choices[last] == gold else Verdict.WRONG
            return Judgement(verdict=verdict, answer=question.choices[last], rung="answer_line")
        return Judgement(verdict=Verdict.NO_ANSWER)

    def equal(self, answer: str, other: str) -> bool:
        """Whether two answers are the same words."""
        return bool(answer.strip()) and (plain(answer) or answer.strip()) == (plain(other) or other.strip())


def reference(question: Question, choices: Sequence[str]) -> str:
    """The reference choice in its plain form."""
    gold = plain(question.answer)
    if not gold or gold not in choices:
        raise InputError(
            f"{question.task}, question {question.id}: reference answer {question.answer!r} is none of its choices "
            f"({', '.join(map(repr, question.choices)) or 'it has none'})"
        )
    return gold
