"""A place among the tokens of an answer."""

from __future__ import annotations

from collections.abc import Sequence

from lema.verifiers.latex.tokens import Token
from lema.verifiers.latex.tree import Unreadable
from lema.verifiers.latex.vocabulary import SPELLED

DEEPEST = 40  # brackets in brackets


class Cursor:
    """`at` is the number of the next token."""

    def __init__(self, found: Sequence[Token]) -> None:
        self.tokens = [_spelled(token) for token in found]
        self.at = 0
        self.depth = 0
        self.fraction_end = -1  # where the last `\\frac` ended
        self.number_before_fraction = False
        self.bar = 0  # open absolute values: the next `|` closes one

    def next(self) -> Token:
        return self.tokens[self.at] if self.at < len(self.tokens) else Token("end", "")

    def sign(self) -> str:
        """The next token if it is a sign."""
        token = self.next()
        return token.value if token.kind == "sign" else ""

    def take(self, *values: str) -> str:
        """The next token if it is one of these signs, passed over; empty otherwise."""
        found = self.sign()
        if found and found in values:
            self.at += 1
            return found
        return ""

    def need(self, value: str) -> None:
        if not self.take(value):
            raise Unreadable(f"{value} expected")

    def deeper(self) -> None:
        self.depth += 1
        if self.depth > DEEPEST:
            raise Unreadable("too many brackets")


def _spelled(token: Token) -> Token:
    known = SPELLED.get(token.value) if token.kind == "letters" else None
    return Token("sign", known) if known else token
