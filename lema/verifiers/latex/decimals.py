"""Decimals for exact values: `1.41421` for the root of 2, `0.333` for a third.

One rule: a decimal agrees with an exact value when it is that value rounded or cut off at the digits given. With six
significant digits or more that is enough, with fewer it is open, and a digit that disagrees is a difference.
"""

from __future__ import annotations

from fractions import Fraction
from math import trunc

from lema.verifiers.latex.tree import Apply, Expression, Number
from lema.verifiers.latex.values import Value, mp

ENOUGH = 6  # significant digits


def decimal(tree: Expression) -> str:
    """The digits of a number with a decimal point, with its sign; empty for anything else."""
    if isinstance(tree, Apply) and tree.name == "-" and len(tree.args) == 1:
        inner = decimal(tree.args[0])
        return f"-{inner}" if inner and not inner.startswith("-") else ""
    return tree.digits if isinstance(tree, Number) and "." in tree.digits else ""


def agreeing(said: str, exact: Value) -> int:
    """How many significant digits a decimal has that an exact value is rounded or cut off to; 0 where one disagrees."""
    places = len(said.partition(".")[2])
    number = Fraction(said) * 10**places
    if isinstance(exact, Fraction):
        scaled = exact * 10**places
        agrees = abs(scaled - number) <= Fraction(1, 2) or trunc(scaled) == number
    else:
        if mp().im(exact) or not abs(exact) < mp().mpf(10) ** 15:
            return 0
        scaled = mp().re(exact) * mp().mpf(10) ** places
        cut = mp().floor(scaled) if scaled >= 0 else mp().ceil(scaled)
        agrees = abs(scaled - number.numerator) <= mp().mpf(0.5) or cut == number.numerator
    digits = said.lstrip("-").replace(".", "").lstrip("0")
    return len(digits) if agrees else 0
