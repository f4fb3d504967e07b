"""Whether two expressions have the same value: once where there are no variables, else at random points."""

from __future__ import annotations

import random
from collections.abc import Iterable, Iterator
from enum import IntEnum
from fractions import Fraction

from lema.verifiers.latex.decimals import ENOUGH, agreeing, decimal
from lema.verifiers.latex.tree import Expression, Unreadable, symbols
from lema.verifiers.latex.values import Point, evaluate, same

POINTS = 3  # at which expressions with variables are compared, beside one where variables are negative


class Agreement(IntEnum):
    """How two answers compare; of the parts of an answer the highest counts."""

    SAME = 0
    LIKELY = 1  # equal wherever they were compared, which no proof makes of it: variables
    UNKNOWN = 2  # not understood here
    OPEN = 3  # the same under another reading: 50% and 0.5, (1,2) and 1,2
    DIFFERENT = 4


def expressions(one: Expression, two: Expression) -> Agreement:
    """Compared by value: once where there are no variables, else at random points."""
    if one == two:
        return Agreement.SAME
    names = sorted(symbols(one) | symbols(two))
    try:
        if not set(names) - {"oo"}:
            return constants(one, two, next(points(names)))
        agreements = [same(evaluate(one, at), evaluate(two, at)) for at in points(names)]
    except Unreadable:
        return Agreement.UNKNOWN
    if not all(agreements[:POINTS]):
        return Agreement.DIFFERENT
    # equal only where variables are positive: sqrt(x^2) and x
    return Agreement.LIKELY if agreements[POINTS] else Agreement.OPEN


def constants(one: Expression, two: Expression, at: Point) -> Agreement:
    first, second = evaluate(one, at), evaluate(two, at)
    if same(first, second):
        return Agreement.SAME
    said, other = decimal(one), decimal(two)
    if bool(said) == bool(other):
        return Agreement.DIFFERENT
    digits = agreeing(said, second) if said else agreeing(other, first)
    return Agreement.SAME if digits >= ENOUGH else Agreement.OPEN if digits else Agreement.DIFFERENT


def points(names: Iterable[str]) -> Iterator[Point]:
    """Values for variables, the same in every process; the last point has negative ones."""
    names = tuple(names)
    for number in range(POINTS + 1):
        draw = random.Random(f"point {number}")
        sign = -1 if number == POINTS else 1
        yield {name: Fraction(sign * draw.randrange(2**18, 2**22), 2**20 + 7) for name in names}
