"""In which order candidates are shown."""

from __future__ import annotations

import random
from collections.abc import Sequence


def rotated(order: Sequence[int], by: int) -> tuple[int, ...]:
    """The same circle, begun elsewhere."""
    return (*order[by:], *order[:by])


def orders(place: int, n: int, seed: int, *, cyclic: bool = False) -> tuple[tuple[int, ...], ...]:
    """The orders in which the candidates of a question are shown, as numbers of candidates.

    Questions come in blocks of n, each with a random order of its own, and each question of a block turns it on by one:
    over a block every candidate stands at every position once. What a candidate is worth plays no part.

    Args:
        place: of the question among all that are asked.
        cyclic: all n turns, so that every candidate stands at every position for every question.
    """
    base = list(range(n))
    random.Random(f"{seed}:{place // n}").shuffle(base)
    first = rotated(base, place % n)
    return tuple(rotated(first, turn) for turn in range(n if cyclic else 1))
