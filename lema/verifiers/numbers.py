"""Exact verdicts on numeric answers: GSM8K, and every task whose reference is one number."""

from __future__ import annotations

from fractions import Fraction
from functools import lru_cache

from lema.base.errors import ConfigError, InputError
from lema.base.records import Judgement, Question, Verdict
from lema.base.spec import Spec, spec
from lema.verifiers.ladder import REFUSAL, Rung, candidates, set_apart
from lema.verifiers.numerals import Reading, read

cached_read = lru_cache(maxsize=4096)(read)


@spec
class Numbers(Spec):
    """Right iff the text's final answer is exactly the reference number.

    `rungs` are the places where an answer is looked for; the last place in the text that holds a
    number decides. `last_number` (any last number of the text) is left out unless asked for: it
    takes "this took 3 steps" for an answer. A number alone in a display or a code fence at the end
    of a text counts as `boxed`.

    A number keeps its value under currency signs, thousands separators, units, other notations
    (18.0, 1/2, 3 1/2, 1.8e1, 2 million, eighteen). Units are not converted. Alternatives ("12 or
    13") are wrong; what is not plainly one number ("3 hours and 20 minutes", "5-3", "more than 12")
    or could be the reference under another reading (50% for 0.5) is undecided.
    """

    kind = "numbers"
    rungs: tuple[Rung, ...] = ("answer_is", "hashes", "answer_line", "boxed")

    def check(self) -> None:
        if not self.rungs or len(set(self.rungs)) < len(self.rungs):
            raise ConfigError(f"verifier.rungs: give at least one rung, each once, not {', '.join(self.rungs) or '[]'}")

    def judge(self, text: str, question: Question) -> Judgement:
        """Judge a text against the reference answer.

        Raises:
            InputError: the reference answer is not one number.
        """
        gold = reference(question)
        for rung, found in candidates(text, self.rungs):
            reading = read(found)
            if reading is not None and rung == "boxed" and found.rstrip(" $}").endswith("!"):
                reading = Reading(found)  # in a box, a factorial
            if reading is not None:
                return Judgement(verdict=verdict(reading, gold), answer=reading.text, rung=rung)
            if REFUSAL.match(found):
                return Judgement(verdict=Verdict.NO_ANSWER)
        apart = set_apart(text) if "boxed" in self.rungs else None
        reading = read(apart) if apart else None
        if reading is not None:
            return Judgement(verdict=verdict(reading, gold), answer=reading.text, rung="boxed")
        return Judgement(verdict=Verdict.NO_ANSWER)

    def equal(self, answer: str, other: str) -> bool:
        """Whether two answers are the same number, or the same words where they are no number."""
        first, second = cached_read(answer), cached_read(other)
        one, two = first and first.value, second and second.value
        if one is not None or two is not None:
            return one == two
        words = answer.split()
        return bool(words) and [w.casefold() for w in words] == [w.casefold() for w in other.split()]


def reference(question: Question) -> Fraction:
    """The reference answer of a question as a number."""
    reading = cached_read(question.answer)
    if reading is None or reading.value is None:
        raise InputError(f"{question.task}, question {question.id}: reference answer {question.answer!r} is no number")
    return reading.value


def verdict(reading: Reading, gold: Fraction) -> Verdict:
    """What a reading is worth against the reference number."""
    if reading.value is None:
        return Verdict.WRONG if reading.hedge else Verdict.UNDECIDED
    if reading.value == gold:
        return Verdict.RIGHT
    return Verdict.UNDECIDED if gold in reading.also else Verdict.WRONG
