"""Values of expressions: exact fractions as long as they are rational, else fifty digits and more."""

from __future__ import annotations

import math
import threading
from collections.abc import Callable, Mapping
from fractions import Fraction
from typing import Any

from lema.verifiers.latex.tree import Expression, Number, Symbol, Unreadable

DIGITS = 60  # that are computed
AGREEING = 45  # of them must agree for two irrational values to be one
ROUNDING = 40  # decimal places, beyond which what differs may be rounding
LARGEST = 10**15  # of an irrational value: beyond, its last digits say too little
MOST_BITS = 4096  # of an exact power
MOST_FACTORS = 2500  # of an exact factorial

Value = Any  # Fraction, or a complex number of mpmath
Point = Mapping[str, Fraction]
LOCAL = threading.local()


def mp() -> Any:
    """This thread's mpmath: its precision is state, so it is never shared."""
    if not hasattr(LOCAL, "mp"):
        from mpmath import MPContext

        LOCAL.mp = MPContext()
        LOCAL.mp.dps = DIGITS
    return LOCAL.mp


def evaluate(tree: Expression, at: Point) -> Value:
    """The value of an expression where its variables have these values.

    Raises:
        Unreadable: it has none (1/0), or one that is too large to tell it from its neighbours.
    """
    try:
        value = _value(tree, at)
    except (ArithmeticError, ValueError, TypeError, OverflowError) as fault:
        raise Unreadable(str(fault)) from None
    if not isinstance(value, Fraction) and not abs(value) < LARGEST:
        raise Unreadable("too large to be exact")
    return value


def same(one: Value, two: Value) -> bool:
    """Whether two values are one: exactly, or to `AGREEING` digits.

    Raises:
        Unreadable: neither exact nor large enough to compare.
    """
    if isinstance(one, Fraction) and isinstance(two, Fraction):
        return one == two
    first, second = inexact(one), inexact(two)
    apart, scale = abs(first - second), max(abs(first), abs(second))
    if apart < scale * mp().mpf(10) ** -AGREEING:
        # where large terms cancel, what is left of equal ones is rounding: so small a value is no agreement
        if scale < mp().mpf(10) ** -ROUNDING:
            raise Unreadable("too small to be exact")
        return True
    if apart < mp().mpf(10) ** -ROUNDING:
        raise Unreadable("no further apart than rounding may set them")
    return False


def inexact(value: Value) -> Any:
    return mp().mpf(value.numerator) / value.denominator if isinstance(value, Fraction) else value


def _value(tree: Expression, at: Point) -> Value:
    if isinstance(tree, Number):
        return tree.value
    if isinstance(tree, Symbol):
        return _symbol(tree.name, at)
    if tree.name not in OPERATIONS:
        raise Unreadable(f"a {tree.name} has no value")
    args = [_value(arg, at) for arg in tree.args]
    exact = all(isinstance(arg, Fraction) for arg in args)
    return OPERATIONS[tree.name](*(args if exact else [inexact(arg) for arg in args]))


def _symbol(name: str, at: Point) -> Value:
    if name in at:
        return at[name]
    constants = {"pi": lambda: +mp().pi, "e": lambda: +mp().e, "i": lambda: mp().mpc(0, 1)}
    return constants[name]()


def _sum(*terms: Value) -> Value:
    total = terms[0]
    for term in terms[1:]:
        total = total + term
    return total


def _power(base: Value, exponent: Value) -> Value:
    if isinstance(base, Fraction) and isinstance(exponent, Fraction):
        if exponent.denominator == 1:
            bits = max(base.numerator.bit_length(), base.denominator.bit_length())
            if bits * abs(exponent.numerator) > MOST_BITS:
                raise Unreadable("a large power")
            return base ** int(exponent)
        if exponent.denominator <= 64 and abs(exponent.numerator) <= 64:
            return _root(_power(base, Fraction(exponent.numerator)), Fraction(exponent.denominator))
    base, exponent = inexact(base), inexact(exponent)
    if abs(exponent) > 10**4 or abs(base) > LARGEST:
        raise Unreadable("a large power")
    return mp().power(base, exponent)


def _root(inside: Value, degree: Value) -> Value:
    if not isinstance(degree, Fraction) or degree.denominator != 1 or not 1 <= degree <= 64:
        raise Unreadable("a root of unusual degree")
    if isinstance(inside, Fraction):
        over, under = _whole_root(abs(inside.numerator), int(degree)), _whole_root(inside.denominator, int(degree))
        if over is not None and under is not None and (inside >= 0 or degree % 2):
            return Fraction(over, under) if inside >= 0 else -Fraction(over, under)
        if inside < 0 and degree % 2:  # the real root, as in school
            return -mp().root(inexact(-inside), int(degree))
    return mp().root(inexact(inside), int(degree))


def _whole_root(number: int, degree: int) -> int | None:
    guess = math.isqrt(number) if degree == 2 else round(number ** (1 / degree)) if number < 10**15 else 0
    return guess if guess**degree == number else None


def _factorial(number: Value) -> Value:
    if isinstance(number, Fraction) and number.denominator == 1:
        if not 0 <= number <= MOST_FACTORS:
            raise Unreadable("a large factorial")
        return Fraction(math.factorial(int(number)))
    return mp().gamma(inexact(number) + 1)


def _binomial(n: Value, k: Value) -> Value:
    if isinstance(n, Fraction) and isinstance(k, Fraction) and n.denominator == k.denominator == 1:
        if not 0 <= k <= n <= MOST_FACTORS:
            raise Unreadable("an unusual binomial")
        return Fraction(math.comb(int(n), int(k)))
    return mp().binomial(inexact(n), inexact(k))


def _log(number: Value, base: Value | None = None) -> Value:
    # log without a base means ln to some and log10 to others; who writes it means the same each time
    return mp().log(inexact(number)) if base is None else mp().log(inexact(number)) / mp().log(inexact(base))


def _function(name: str) -> Callable[[Value], Value]:
    return lambda number: getattr(mp(), name)(inexact(number))


NAMES = {"arcsin": "asin", "arccos": "acos", "arctan": "atan", "ln": "log"}
FUNCTIONS = "sin cos tan cot sec csc arcsin arccos arctan sinh cosh tanh ln exp"
OPERATIONS: dict[str, Callable[..., Value]] = {
    "+": _sum,
    "-": lambda number: -number,
    "*": lambda one, two: one * two,
    "/": lambda one, two: one / two,
    "^": _power,
    "root": _root,
    "!": _factorial,
    "abs": abs,
    "degree": lambda number: number,  # a unit, as any other
    "binom": _binomial,
    "log": _log,
    **{name: _function(NAMES.get(name, name)) for name in FUNCTIONS.split()},
}
