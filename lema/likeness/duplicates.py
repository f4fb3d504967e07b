"""Near-duplicates among many texts: all of them, in memory and time linear in the texts while few are alike.

Two texts with a share `s` of the larger one's n-grams in common have one in common among the rarest
`1 - s` of each (prefix filtering: Bayardo, Ma and Srikant, WWW 2007). Only those are indexed, only as
far as they occur twice, and only texts that meet there are compared.
"""

from __future__ import annotations

from array import array
from collections.abc import Iterable, Iterator
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from lema.likeness import LEAST_WORDS, ROUNDING, NearDuplicates
from lema.likeness.masking import Forms, forms, has_words
from lema.likeness.shingles import BATCH, batched, ranges, shingle, text_hash

Numbers = NDArray[np.int64]


class Duplicate(NamedTuple):
    """A text to leave out, and the earlier one that it repeats and that stays; both by position."""

    text: int
    of: int
    share: float  # of the larger text's n-grams; 1 for equal ones


def near_duplicates(rules: NearDuplicates, texts: Iterable[str], *, given: int = 0) -> Iterator[Duplicate]:
    """Each text that repeats an earlier one that stays; the first `given` texts stay whatever they are.

    `texts` is gone through once and not held: about 4 bytes an n-gram and 60 a text are.
    """
    whole, grams = [array("Q") for _ in Forms._fields], Grams()
    for batch in batched(texts):
        told = [forms(text) for text in batch]
        for hashes, kind in zip(whole, zip(*map(comparable, told), strict=True), strict=True):
            hashes.extend(map(text_hash, kind))
        grams.extend([form.names if rules.masked else "" for form in told], rules.ngram)
    first = np.minimum.reduce([first_equal(hashes) for hashes in (whole if rules.masked else whole[:1])])
    repeats = first < np.arange(len(first))
    repeats[:given] = False
    alike = Alike(grams, rules.share, repeats)
    stands_for: dict[int, int] = {}  # what each text that was left out repeats
    for at in np.flatnonzero(repeats | alike.suspects).tolist():
        equal = int(first[at])
        found = Duplicate(at, stands_for.get(equal, equal), 1.0) if repeats[at] else None
        if at >= given:
            found = found or alike.earlier(at)
        if found is None:
            alike.keep(at)
        else:
            stands_for[at] = found.of
            yield found


def comparable(form: Forms) -> Forms:
    """The forms by which a whole text may be compared: a masked one only if it has words enough."""
    return Forms(form.exact, *(m if has_words(m, LEAST_WORDS) else f"= {form.exact}" for m in form[1:]))


def first_equal(hashes: array[int]) -> Numbers:
    """For each position that of the first equal hash."""
    _, first, place = np.unique(np.frombuffer(hashes, np.uint64), return_index=True, return_inverse=True)
    found: Numbers = first[place]
    return found


class Grams:
    """The n-grams of all texts, one after another, as 32-bit numbers.

    Two different n-grams of a given pair of questions are equal by accident once in two million pairs.
    """

    def __init__(self) -> None:
        self.values, self.sizes = array("I"), array("I")

    def extend(self, names: list[str], n: int) -> None:
        found = shingle(names, n)
        self.values.frombytes((found.grams >> np.uint64(32)).astype(np.uint32).tobytes())
        self.sizes.frombytes(np.bincount(found.texts, minlength=len(names)).astype(np.uint32).tobytes())


class Alike:
    """The texts kept so far, found again by their rare n-grams.

    suspects: texts with enough n-grams that others have too; all others repeat nothing.
    """

    def __init__(self, grams: Grams, share: float, repeats: NDArray[np.bool_]) -> None:
        self.values = np.frombuffer(grams.values, np.uint32)
        self.sizes = np.frombuffer(grams.sizes, np.uint32).astype(np.int64)
        self.starts = np.cumsum(self.sizes) - self.sizes
        self.share = share
        self.needed = np.ceil(self.sizes * share - ROUNDING).astype(np.int64)  # n-grams in common, at least
        self.suspects = np.zeros(len(self.sizes), np.bool_)
        self.index(*repeated(self.values), repeats)

    def index(self, shared: NDArray[np.uint32], counts: Numbers, repeats: NDArray[np.bool_]) -> None:
        """Make room for every text under each of its rare n-grams that another text has too."""
        rare, owned = array("I"), array("I")
        for low in range(0, len(self.sizes), BATCH):
            slots, texts = self.rare(np.arange(low, min(low + BATCH, len(self.sizes))), shared, counts, repeats)
            rare.frombytes(slots.astype(np.uint32).tobytes())
            owned.frombytes(texts.astype(np.uint32).tobytes())
        self.slots = np.frombuffer(rare, np.uint32)  # of each text in turn, which shared n-grams it is kept under
        self.own = np.zeros(len(self.sizes) + 1, np.int64)
        np.cumsum(np.bincount(np.frombuffer(owned, np.uint32), minlength=len(self.sizes)), out=self.own[1:])
        room = np.bincount(self.slots, minlength=len(shared))
        self.first = np.cumsum(room) - room
        self.used = np.zeros(len(shared), np.int64)
        self.kept = np.zeros(len(self.slots), np.uint32)

    def rare(
        self, texts: Numbers, shared: NDArray[np.uint32], counts: Numbers, repeats: NDArray[np.bool_]
    ) -> tuple[Numbers, Numbers]:
        """Which shared n-grams some texts are kept under, with the text of each."""
        sizes, needed = self.sizes[texts], self.needed[texts]
        own = self.values[self.starts[texts[0]] : self.starts[texts[0]] + sizes.sum()]
        text = np.repeat(np.arange(len(texts)), sizes)
        slot = np.searchsorted(shared, own)
        common = slot < len(shared)
        common[common] = shared[slot[common]] == own[common]
        suspect = (np.bincount(text[common], minlength=len(texts)) >= needed) & (sizes > 0)
        self.suspects[texts] = suspect
        frequency = np.ones(len(own), np.int64)
        frequency[common] = counts[slot[common]]
        order = np.lexsort((own, frequency, text))
        rank = np.arange(len(own)) - np.repeat(np.cumsum(sizes) - sizes, sizes)
        wanted = (rank <= (sizes - needed)[text]) & common[order] & (suspect & ~repeats[texts])[text]
        return slot[order][wanted], texts[text[wanted]]

    def earlier(self, at: int) -> Duplicate | None:
        """The kept text that this one repeats most of; the first of several."""
        slots = self.slots[self.own[at] : self.own[at + 1]]
        met = np.unique(self.kept[ranges(self.first[slots], self.used[slots])]).astype(np.int64)
        larger = np.maximum(self.sizes[met], self.sizes[at])
        met = met[np.minimum(self.sizes[met], self.sizes[at]) >= self.share * larger - ROUNDING]
        if not len(met):
            return None
        sizes = self.sizes[met]
        theirs = self.values[ranges(self.starts[met], sizes)]
        own = self.values[self.starts[at] : self.starts[at] + self.sizes[at]]
        common = np.bincount(np.repeat(np.arange(len(met)), sizes)[np.isin(theirs, own)], minlength=len(met))
        shares = common / np.maximum(sizes, self.sizes[at])
        best = int(np.argmax(shares))
        return Duplicate(at, int(met[best]), float(shares[best])) if shares[best] >= self.share - ROUNDING else None

    def keep(self, at: int) -> None:
        """Let later texts meet this one."""
        slots = self.slots[self.own[at] : self.own[at + 1]]
        self.kept[self.first[slots] + self.used[slots]] = at
        self.used[slots] += 1


def repeated(values: NDArray[np.uint32]) -> tuple[NDArray[np.uint32], Numbers]:
    """Values that occur more than once, ascending, and how often."""
    ordered = np.sort(values)
    again = ordered[1:][ordered[1:] == ordered[:-1]]
    found, more = np.unique(again, return_counts=True)
    return found, more + 1
