"""Whether a training question is a test question in disguise.

Four rules, tried in this order; `lema.masking` has the forms that they compare:

    exact     the same words
    numbers   the same words but for the numbers
    names     the same words but for numbers and names
    overlap   a share of the test question's n-grams, numbers and names masked, is in the training question

docs/decisions/009-decontamination.md has what each threshold finds and what it costs.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import NamedTuple

import numpy as np

from lema.likeness import LEAST_WORDS, Decontamination
from lema.masking import Forms, forms, has_words
from lema.shingles import batched, ranges, shingle


class HeldOut(NamedTuple):
    """Questions that no training question may give away.

    `templated`: all questions of the task are made from the same sentences, so that only equal
    ones are alike, and only the rule `exact` means anything.
    """

    name: str
    questions: Sequence[tuple[str, str]]  # id, text
    templated: bool = False


class Leak(NamedTuple):
    """The test question that a text gives away."""

    rule: str
    test_set: str
    question_id: str
    share: float  # of the test question's n-grams; 1 for the other rules


class Index:
    """Test questions, to check any number of texts against in time linear in their length.

    Neither the order of the sets nor that of their questions matters: of several test questions
    that fit, the leak names the one with the greatest share, and then the first by set and id.
    """

    def __init__(self, rules: Decontamination, held_out: Iterable[HeldOut]) -> None:
        self.rules = rules
        rows = sorted((of.name, number, text, of.templated) for of in held_out for number, text in of.questions)
        self.questions = [(name, number) for name, number, *_ in rows]
        held = [forms(text) for _, _, text, _ in rows]
        self.exact = _first((form.exact, i) for i, form in enumerate(held))
        told = [i for i, (*_, templated) in enumerate(rows) if not templated]
        masked = told if rules.masked else []
        self.numbers = _first((held[i].numbers, i) for i in masked if has_words(held[i].numbers, LEAST_WORDS))
        self.names = _first((held[i].names, i) for i in masked if has_words(held[i].names, LEAST_WORDS))
        self.index_grams([held[i].names for i in told] if rules.overlap else [], told)

    def index_grams(self, names: Sequence[str], owners: Sequence[int]) -> None:
        """n-grams in ascending order, and beside each the question that has it."""
        found = shingle(names, self.rules.ngram)
        order = np.argsort(found.grams, kind="stable")
        self.grams = found.grams[order]
        self.owners = np.asarray(owners, np.int64)[found.texts[order]]
        self.sizes = np.bincount(self.owners, minlength=len(self.questions))

    def check(self, text: str) -> Leak | None:
        """The leak in one text, if there is one."""
        return next(self.check_all([text]))

    def check_all(self, texts: Iterable[str]) -> Iterator[Leak | None]:
        """For each text in turn its leak, or None."""
        for batch in batched(texts):
            told = [forms(text) for text in batch]
            overlaps = self.overlaps([form.names for form in told])
            for i, form in enumerate(told):
                yield self.equal(form) or overlaps.get(i)

    def equal(self, form: Forms) -> Leak | None:
        """A leak by one of the rules that compare whole texts."""
        for rule, known, own in (
            ("exact", self.exact, form.exact),
            ("numbers", self.numbers, form.numbers),
            ("names", self.names, form.names),
        ):
            if own in known:
                return Leak(rule, *self.questions[known[own]], 1.0)
        return None

    def overlaps(self, names: Sequence[str]) -> dict[int, Leak]:
        """By position of the text, its leak by the rule `overlap`."""
        found = shingle(names, self.rules.ngram)
        low = np.searchsorted(self.grams, found.grams, "left")
        counts = np.searchsorted(self.grams, found.grams, "right") - low
        pairs = np.repeat(found.texts, counts) * len(self.questions) + self.owners[ranges(low, counts)]
        pairs, common = np.unique(pairs, return_counts=True)
        texts, owners = np.divmod(pairs, len(self.questions) or 1)
        shares = common / self.sizes[owners]
        enough = np.flatnonzero((shares >= self.rules.share) & (common >= self.rules.ngrams))
        best: dict[int, Leak] = {}
        for at in enough[np.lexsort((owners[enough], -shares[enough]))]:
            best.setdefault(int(texts[at]), Leak("overlap", *self.questions[int(owners[at])], float(shares[at])))
        return best


def _first(keys: Iterable[tuple[str, int]]) -> dict[str, int]:
    """The first position of each key; no key is empty."""
    known: dict[str, int] = {}
    for key, at in keys:
        if key:
            known.setdefault(key, at)
    return known
