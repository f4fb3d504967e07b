"""Whether a training question is a test question in disguise.

Four rules, tried in this order; `lema.likeness.masking` has the forms that they compare:

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
from numpy.typing import NDArray

from lema.likeness import LEAST_WORDS, ROUNDING, Decontamination
from lema.likeness.masking import Forms, forms, has_words
from lema.likeness.shingles import FACTOR, Shingles, batched, ranges, shingle


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
        """All n-grams of each question, and of these, by value, the rare ones under which it is found.

        A leak has at least `needed` n-grams of its question, so one of any `sizes - needed + 1` of them.
        The most frequent are left out: half the questions of a set may end in the same words.
        """
        found = shingle(names, self.rules.ngram)
        of = np.asarray(owners, np.int64)[found.texts]
        self.grams, self.sizes = found.grams, np.bincount(of, minlength=len(self.questions))
        self.starts = np.cumsum(self.sizes) - self.sizes
        self.needed = np.maximum(np.ceil(self.sizes * self.rules.share - ROUNDING), self.rules.ngrams).astype(np.int64)
        _, value, counts = np.unique(found.grams, return_inverse=True, return_counts=True)
        order = np.lexsort((found.grams, counts[value], of))
        rank = np.arange(len(of)) - self.starts[of]
        rare = order[rank <= (self.sizes - self.needed)[of]]
        rare = rare[np.argsort(found.grams[rare], kind="stable")]
        self.rare, self.owners = found.grams[rare], of[rare]

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
        low = np.searchsorted(self.rare, found.grams, "left")
        counts = np.searchsorted(self.rare, found.grams, "right") - low
        met = np.unique(np.repeat(found.texts, counts) * len(self.questions) + self.owners[ranges(low, counts)])
        texts, owners = np.divmod(met, len(self.questions) or 1)
        common = self.common(found, texts, owners)
        enough = np.flatnonzero(common >= self.needed[owners])
        shares = common / self.sizes[owners]
        best: dict[int, Leak] = {}
        for at in enough[np.lexsort((owners[enough], -shares[enough]))]:
            best.setdefault(int(texts[at]), Leak("overlap", *self.questions[int(owners[at])], float(shares[at])))
        return best

    def common(self, found: Shingles, texts: NDArray[np.int64], owners: NDArray[np.int64]) -> NDArray[np.int64]:
        """How many n-grams each of some texts has in common with a question."""
        sizes = self.sizes[owners]
        theirs = self.grams[ranges(self.starts[owners], sizes)]
        pair = np.repeat(np.arange(len(owners)), sizes)
        # A text's n-gram as one number: whether two such numbers are equal is all that is asked.
        held = np.isin(of_text(theirs, texts[pair]), of_text(found.grams, found.texts))
        return np.bincount(pair[held], minlength=len(owners))


def of_text(grams: NDArray[np.uint64], texts: NDArray[np.int64]) -> NDArray[np.uint64]:
    return grams + texts.astype(np.uint64) * np.uint64(FACTOR)


def _first(keys: Iterable[tuple[str, int]]) -> dict[str, int]:
    """The first position of each key; no key is empty."""
    known: dict[str, int] = {}
    for key, at in keys:
        if key:
            known.setdefault(key, at)
    return known
