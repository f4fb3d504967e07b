"""Choices as the authors' grader finds them: the nearest by edit distance, whatever was said."""

from __future__ import annotations

from collections.abc import Sequence

from lema.verifiers.lema_v1.numbers import ENDS


def nearest(text: str, marker: str, choices: Sequence[str]) -> str:
    """The choice nearest to what follows the last marker, or to the whole text; the first of several."""
    text = ENDS.split(text, maxsplit=1)[0]
    said = text.rpartition(marker)[2].strip(".")
    return min(choices, key=lambda choice: distance(said, choice))


def distance(one: str, two: str) -> int:
    """The number of insertions, deletions and replacements between two strings (Levenshtein)."""
    row = list(range(len(two) + 1))
    for number, character in enumerate(one, 1):
        diagonal, row[0] = row[0], number
        for at, other in enumerate(two, 1):
            diagonal, row[at] = row[at], min(row[at] + 1, row[at - 1] + 1, diagonal + (character != other))
    return row[-1]
