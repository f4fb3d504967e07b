"""Word n-grams of masked texts as 64-bit numbers in flat arrays: no Python object for each."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator, Sequence
from functools import lru_cache
from itertools import islice
from typing import NamedTuple, TypeVar

import numpy as np
from numpy.typing import NDArray

from lema.likeness.masking import is_word

T = TypeVar("T")
FACTOR = 0x9E3779B97F4A7C15  # odd, so that multiplying by it loses nothing
BATCH = 4096  # texts at a time


class Shingles(NamedTuple):
    """The different n-grams of some texts, by text and then by value; two arrays of one length."""

    grams: NDArray[np.uint64]
    texts: NDArray[np.int64]  # position of the text that has the gram


def shingle(forms: Sequence[str], n: int) -> Shingles:
    """The n-grams of masked texts of which at least half are words that say something.

    Windows of masks, operators and variables are left out: formulas share them without being alike.
    """
    split = [form.split() for form in forms]
    lengths = np.fromiter(map(len, split), np.int64, len(split))
    total = int(lengths.sum())
    words = np.fromiter((word_hash(word) for form in split for word in form), np.uint64, total)
    texts = np.repeat(np.arange(len(split)), lengths)
    if total < n:
        return Shingles(words[:0], texts[:0])
    windows = total - n + 1
    grams = np.zeros(windows, np.uint64)
    telling = np.zeros(windows, np.int64)
    for offset in range(n):
        grams *= np.uint64(FACTOR)
        grams += words[offset : offset + windows]
        telling += (words[offset : offset + windows] & np.uint64(1)).astype(np.int64)
    held = (texts[:windows] == texts[n - 1 :]) & (2 * telling >= n)
    return _different(grams[held], texts[:windows][held])


def _different(grams: NDArray[np.uint64], texts: NDArray[np.int64]) -> Shingles:
    """Sorted by text and gram, each gram of a text once."""
    order = np.lexsort((grams, texts))
    grams, texts = grams[order], texts[order]
    first = np.ones(len(grams), np.bool_)
    first[1:] = (grams[1:] != grams[:-1]) | (texts[1:] != texts[:-1])
    return Shingles(grams[first], texts[first])


@lru_cache(maxsize=1 << 16)
def word_hash(word: str) -> int:
    """A word as 64 bits, equal in every process; the lowest is set for words that say something."""
    number = text_hash(word)
    return number | 1 if is_word(word) else number & ~1


def text_hash(text: str) -> int:
    """A text as 64 bits, equal in every process."""
    return int.from_bytes(hashlib.blake2b(text.encode(), digest_size=8).digest(), "little")


def ranges(starts: NDArray[np.int64], counts: NDArray[np.int64]) -> NDArray[np.int64]:
    """`starts[0], starts[0] + 1, ...` for `counts[0]` numbers, then the same from `starts[1]`, and so on."""
    before = np.cumsum(counts) - counts
    places: NDArray[np.int64] = np.arange(int(counts.sum())) + np.repeat(starts - before, counts)
    return places


def batched(items: Iterable[T]) -> Iterator[list[T]]:
    """Items in lists of `BATCH`, so that any number of texts is gone through in little memory."""
    rest = iter(items)
    while batch := list(islice(rest, BATCH)):
        yield batch
