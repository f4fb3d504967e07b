"""Programs of Coin-Flip and Last-Letter questions, written from their words: demonstrations for a teacher."""

from __future__ import annotations

from collections.abc import Callable

from lema.base.records import Question
from lema.data.symbolic import flips, words


def coin_lines(text: str) -> list[str] | None:
    """Statements that count the flips; None for a question that is worded in another way."""
    said = flips(text)
    if said is None:
        return None
    names = ", ".join(name for name, _ in said)
    held = ", ".join(str(flipped) for _, flipped in said)
    return [f"flips = [{held}]  # {names}", "heads_up = sum(flips) % 2 == 0", '= "yes" if heads_up else "no"']


def letter_lines(text: str) -> list[str] | None:
    """Statements that join the last letters; None for a question that is worded in another way."""
    asked = words(text)
    if asked is None:
        return None
    return [f"words = {asked!r}", "letters = [word[-1].lower() for word in words]", '= "".join(letters)']


LINES: dict[str, Callable[[str], list[str] | None]] = {"coin_flip": coin_lines, "last_letters": letter_lines}


def symbolic_lines(question: Question) -> list[str] | None:
    """Statements of a program for the question, the last one `= <expression>`; None for any other task's."""
    lines = LINES.get(question.task)
    return None if lines is None else lines(question.text)
