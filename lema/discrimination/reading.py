"""From what a model wrote to its pick. Nothing is guessed: what does not name one candidate is invalid."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence

MARKER = re.compile(r"(?:\bChoice\b|\bright one is\b)[\s:*_]*[<(\[]?\s*(?:[Aa]nswer\s+)?(-?\d+(?:[.,]\d+)*)")
SAID = re.compile(r"(?:\bChoice\b[\s*_]*:|\bright one is\b)[ \t*_]*(\S[^\n]*)")
SCORE = re.compile(r"\bScore\b[\s:*_]*(-?\d+(?:\.\d+)?)")
#: A number that stands alone: no part of a longer one, of a decimal or of a word.
ALONE = re.compile(r"(?<![\w.,+-])(\d+)(?![\w])(?![.,]\d)")
TOP = 10  # the highest score


def label(text: str, n: int) -> int | None:
    """The 0-based pick: the last number behind a marker, else the last that stands alone in the last line with words.

    None when there is none, or it is not from 1 to n.
    """
    marked = MARKER.findall(text)
    if marked:
        return in_range(marked[-1], n)
    lines = [line for line in text.splitlines() if line.strip()]
    found = ALONE.findall(lines[-1]) if lines else []
    return in_range(found[-1], n) if found else None


def in_range(number: str, n: int) -> int | None:
    return int(number) - 1 if number.isdecimal() and 1 <= int(number) <= n else None


def verbatim(text: str, answers: Sequence[str], equal: Callable[[str, str], bool]) -> int | None:
    """The first candidate whose answer the last marked line repeats; None when it is no candidate's."""
    said = SAID.findall(text)
    if not said:
        return None
    words = said[-1].strip().strip("*_\"'<>").rstrip(". ").strip()
    for number, answer in enumerate(answers):
        if words and (words.casefold() == answer.strip().casefold() or equal(words, answer)):
            return number
    return None


def score(text: str) -> float | None:
    """A score from 0 to 10: the last one behind its marker, else a number that is all there is."""
    marked = SCORE.findall(text)
    bare = re.fullmatch(r"\s*(\d+(?:\.\d+)?)(?:\s*/\s*10)?\.?\s*", text)
    found = float(marked[-1]) if marked else float(bare[1]) if bare else None
    return found if found is not None and 0 <= found <= TOP else None
