"""Inequalities in one variable as the interval that they describe: `2x > 6`, `3 - x \\leq 5`, `-1 < 2x + 1 < 7`."""

from __future__ import annotations

from collections.abc import Iterator
from fractions import Fraction
from itertools import pairwise

from lema.verifiers.latex.tree import (
    EXPRESSION,
    Answer,
    Apply,
    Brackets,
    Expression,
    Number,
    Relation,
    Several,
    Symbol,
    Unreadable,
    symbols,
)
from lema.verifiers.latex.values import evaluate

TURNED = {">": "<", "\\geq": "\\leq", "<": ">", "\\leq": "\\geq"}
LINEAR = {"+", "-", "*", "/"}  # operations that a linear expression may have
TRIED = [Fraction(value) for value in (0, 1, 2, -3, 10)]
INFINITE = Symbol("oo")


def is_inequality(answer: Answer) -> bool:
    """Whether it is one, or a chain of them."""
    return isinstance(answer, Relation) and set(answer.signs) <= TURNED.keys()


def solved(answer: Answer) -> Answer:
    """An inequality as an interval; as it is, where it is not linear in one variable, or no inequality."""
    if not isinstance(answer, Relation):
        return answer
    signs, terms = answer.signs, answer.terms
    if all(sign in (">", "\\geq") for sign in signs):
        signs, terms = tuple(TURNED[sign] for sign in reversed(signs)), tuple(reversed(terms))
    if any(sign in (">", "\\geq") for sign in signs):
        return answer
    plain = between(signs, terms)
    return plain if plain is not None else linear(Relation(signs, terms)) or answer


def between(signs: tuple[str, ...], terms: tuple[Answer, ...]) -> Answer | None:
    """The interval of a variable that stands alone between its bounds, whatever these are."""
    if len(terms) == 2 and isinstance(terms[0], Symbol):
        signs, terms = ("<", *signs), (Apply("-", (INFINITE,)), *terms)
    elif len(terms) == 2 and isinstance(terms[1], Symbol):
        signs, terms = (*signs, "<"), (*terms, INFINITE)
    if len(terms) != 3 or not isinstance(terms[1], Symbol):
        return None
    return Brackets("[" if signs[0] == "\\leq" else "(", "]" if signs[1] == "\\leq" else ")", (terms[0], terms[2]))


def linear(chain: Relation) -> Answer | None:
    """The interval of a chain of linear inequalities; None where one is not linear, or in several variables."""
    terms = [term for term in chain.terms if isinstance(term, EXPRESSION)]
    names = set().union(*map(symbols, terms))
    if len(terms) < len(chain.terms) or len(names) != 1 or names == {"oo"}:
        return None
    (name,) = names
    low: tuple[Fraction, bool] | None = None  # the bound, and whether it is outside itself
    high: tuple[Fraction, bool] | None = None
    for sign, (left, right) in zip(chain.signs, pairwise(terms), strict=True):
        found = line(Apply("+", (left, Apply("-", (right,)))), name)
        if found is None:
            return None
        slope, at_zero = found
        root, open_ = -at_zero / slope, sign == "<"
        if slope > 0:
            high = (root, open_) if high is None or (root, not open_) < (high[0], not high[1]) else high
        else:
            low = (root, open_) if low is None or (root, open_) > low else low
    if low is not None and high is not None and (low[0] > high[0] or (low[0] == high[0] and (low[1] or high[1]))):
        return Several(())
    return Brackets(
        "(" if low is None or low[1] else "[",
        ")" if high is None or high[1] else "]",
        (Apply("-", (INFINITE,)) if low is None else number(low[0]), INFINITE if high is None else number(high[0])),
    )


def line(tree: Expression, name: str) -> tuple[Fraction, Fraction] | None:
    """Slope and value at 0 of a linear expression; None for any other."""
    if not set(operations(tree)) <= LINEAR:
        return None
    try:
        values = [evaluate(tree, {name: at}) for at in TRIED]
    except Unreadable:
        return None
    if not all(isinstance(value, Fraction) for value in values):
        return None
    slope, start = values[1] - values[0], values[0]
    straight = all(value == start + slope * at for value, at in zip(values, TRIED, strict=True))
    return (slope, start) if slope and straight else None


def operations(tree: Expression) -> Iterator[str]:
    """Names of all operations in an expression."""
    if isinstance(tree, Apply):
        yield tree.name
        for arg in tree.args:
            yield from operations(arg)


def number(value: Fraction) -> Expression:
    """A number as it is parsed: a negative one as the opposite of another."""
    return Number(value) if value >= 0 else Apply("-", (Number(-value),))
