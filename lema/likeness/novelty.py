"""Which evolved questions are new: no near-duplicates of their seed, of a known question, of one another."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import replace
from typing import NamedTuple

from lema.base.records import Question, Record
from lema.likeness import NearDuplicates


class Repeat(Record, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A new question that is an old one in other words, and is left out."""

    question_id: str
    of: str  # id of the question that it repeats
    what: str  # "seed" (the one that it was evolved from), "known" or "new"
    share: float  # of the larger question's n-grams, numbers and names masked; 1 for equal ones


class Novel(NamedTuple):
    """What of some new questions is new, and what is not; each in the order given."""

    kept: list[Question]
    repeats: list[Repeat]

    @property
    def counts(self) -> dict[str, int]:
        """How many repeat their seed, another known question, or an earlier new one."""
        return dict(sorted(Counter(repeat.what for repeat in self.repeats).items()))


def novel(rules: NearDuplicates, known: Sequence[Question], new: Sequence[Question], *, templated: bool) -> Novel:
    """Leave out new questions that repeat a known one or an earlier new one that stays.

    Of a templated task (see `lema.likeness.decontaminating.held_out`) only equal questions repeat.
    """
    from lema.likeness.duplicates import near_duplicates

    if templated:
        rules = replace(rules, masked=False)
    questions = [*known, *new]
    texts = (question.text for question in questions)
    repeats = {
        found.text: repeat(questions[found.text], questions[found.of], found.of < len(known), found.share)
        for found in near_duplicates(rules, texts, given=len(known))
    }
    kept = [question for at, question in enumerate(new, len(known)) if at not in repeats]
    return Novel(kept, list(repeats.values()))


def repeat(question: Question, of: Question, known: bool, share: float) -> Repeat:
    what = "new" if not known else "seed" if of.id == question.parent else "known"
    return Repeat(question_id=question.id, of=of.id, what=what, share=share)
