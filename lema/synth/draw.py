"""A seeded source of choices that gives the same ones in every process and Python version."""

from __future__ import annotations

import hashlib
import random
from collections.abc import Mapping, Sequence
from typing import TypeVar

T = TypeVar("T")


class Draw:
    """Random choices decided by the parts that it is made of.

    Only `random.random()` is used: the one method whose sequence Python promises to keep.
    """

    __slots__ = ("_unit",)

    def __init__(self, *parts: object) -> None:
        text = "\0".join(map(str, parts)).encode()
        self._unit = random.Random(int.from_bytes(hashlib.blake2b(text, digest_size=8).digest())).random

    def chance(self, probability: float) -> bool:
        return self._unit() < probability

    def between(self, low: int, high: int) -> int:
        """An integer from low to high, both included."""
        return low + int(self._unit() * (high - low + 1))

    def pick(self, options: Sequence[T]) -> T:
        return options[int(self._unit() * len(options))]

    def weighted(self, weights: Mapping[T, float]) -> T:
        """One of the keys, each with a chance in proportion to its weight; at least one must be above 0."""
        left = self._unit() * sum(weights.values())
        options = [option for option, weight in weights.items() if weight > 0]
        for option in options:
            left -= weights[option]
            if left < 0:
                return option
        return options[-1]  # rounding

    def sample(self, options: Sequence[T], count: int) -> list[T]:
        """`count` different positions of `options`, in random order."""
        rest = list(options)
        for i in range(count):
            j = i + int(self._unit() * (len(rest) - i))
            rest[i], rest[j] = rest[j], rest[i]
        return rest[:count]

    def shuffled(self, options: Sequence[T]) -> list[T]:
        return self.sample(options, len(options))
