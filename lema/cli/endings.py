"""How outputs end whose answer could not be read, and what would read it."""

from __future__ import annotations

import dataclasses
import re
from collections import Counter
from typing import Any

from lema.base.errors import LemaError
from lema.base.protocols import Verifier
from lema.base.records import Question, Verdict

SHOWN = 5  # endings that are told
LONGEST = 60  # characters of an ending, from its end
NUMBER = re.compile(r"\d+(?:[.,]\d+)*")
RUNG = "last_number"


class Unread:
    """Counts of the outputs without an answer."""

    def __init__(self, verifier: Verifier) -> None:
        self.endings: Counter[str] = Counter()
        self.lenient = with_last_number(verifier)
        self.by_last_number = None if self.lenient is None else 0

    def take(self, text: str, question: Question) -> None:
        """Count an output."""
        self.endings[ending(text)] += 1
        if self.lenient is not None and self.by_last_number is not None:
            self.by_last_number += self.lenient.judge(text, question).verdict is not Verdict.NO_ANSWER


def ending(text: str) -> str:
    """The end of the last line of a text, its numbers as N; "(empty)" where there is no line."""
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    if not lines:
        return "(empty)"
    told = NUMBER.sub("N", lines[-1])
    return told if len(told) <= LONGEST else f"...{told[-LONGEST:].lstrip()}"


def with_last_number(verifier: Any) -> Verifier | None:
    """The verifier with its most lenient rung as the last one; None where it has that already, or cannot have it."""
    rungs = getattr(verifier, "rungs", ())
    if not rungs or RUNG in rungs:
        return None
    try:
        lenient = dataclasses.replace(verifier, rungs=(*rungs, RUNG))
        lenient.check()
    except (LemaError, ValueError):
        return None
    return lenient if isinstance(lenient, Verifier) else None
