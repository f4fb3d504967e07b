"""Whether two answers are the same mathematical object, decided by values and not by spelling."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from fractions import Fraction

from lema.verifiers.latex.equal_values import Agreement, expressions, points
from lema.verifiers.latex.inequalities import is_inequality, solved
from lema.verifiers.latex.tree import (
    EXPRESSION,
    Answer,
    Apply,
    Based,
    Brackets,
    Matrix,
    Number,
    Quantity,
    Relation,
    Several,
    Symbol,
    Union,
    Unreadable,
    Words,
    decided,
    symbols,
)
from lema.verifiers.latex.values import evaluate, same

PERCENT = {"%"}


def agree(one: Answer, two: Answer) -> Agreement:
    """How two answers compare; symmetric."""
    one_unit, two_unit = (answer.unit if isinstance(answer, Quantity) else "" for answer in (one, two))
    found = plainly(simple(one), simple(two))
    if found <= Agreement.LIKELY and one_unit and two_unit and one_unit != two_unit:
        return Agreement.OPEN
    if found is Agreement.DIFFERENT and (one_unit in PERCENT) != (two_unit in PERCENT):
        hundredth = scaled(one) if one_unit in PERCENT else scaled(two)
        other = simple(two) if one_unit in PERCENT else simple(one)
        if hundredth is not None and plainly(hundredth, other) <= Agreement.LIKELY:
            return Agreement.OPEN
    return found


def scaled(answer: Answer) -> Answer | None:
    value = simple(answer)
    return Apply("/", (value, Number(Fraction(100)))) if isinstance(value, EXPRESSION) else None


def simple(answer: Answer) -> Answer:
    """An answer without its unit, with `±` as two answers, number words as numbers, and no list in a list."""
    if isinstance(answer, Quantity):
        return simple(answer.value)
    if isinstance(answer, EXPRESSION):
        upper, lower = decided(answer, 1), decided(answer, -1)
        return upper if upper == lower else Several((upper, lower))
    if isinstance(answer, Several):
        items = [simple(item) for item in answer.items]
        if items and all(map(is_inequality, items)):
            return Union(tuple(map(interval, items)))  # x < -2 or x > 5
        # `x = 1 or x = 2` lists values of one name
        items = [unnamed(item) for item in items] if len({name(item) for item in items}) == 1 else items
        flat = [part for item in items for part in (item.items if isinstance(item, Several) else (item,))]
        return Several(tuple(flat))
    return answer


def plainly(one: Answer, two: Answer) -> Agreement:
    """`agree`, of answers in their simple form."""
    if isinstance(one, Relation) or isinstance(two, Relation):
        return relations(one, two)
    if isinstance(one, EXPRESSION) and isinstance(two, EXPRESSION):
        return expressions(one, two)
    for kind, compare in COMPARE:
        if isinstance(one, kind) and isinstance(two, kind):
            return compare(one, two)
    return mixed(one, two)


def mixed(one: Answer, two: Answer) -> Agreement:
    """Answers of two kinds: different, unless one is a usual way to write the other."""
    for first, second in ((one, two), (two, one)):
        if isinstance(first, Words) and isinstance(second, Symbol) and first.text == second.name.casefold():
            return Agreement.SAME
        if isinstance(first, Based) and isinstance(second, Number) and first.digits == str(second.value):
            return Agreement.OPEN
        if isinstance(first, Several) and len(first.items) == 1:
            return max(agree(first.items[0], second), Agreement.OPEN)
        if isinstance(first, Several) and first.items and isinstance(second, EXPRESSION):
            found = max(agree(item, second) for item in first.items)  # 3/8, or 0.375; but not 5, 5
            return max(found, Agreement.OPEN) if len(set(first.items)) < len(first.items) else found
        items = in_order(first)
        if isinstance(first, Brackets) and items is not None and (others := in_order(second)) is not None:
            return max(each(items, others), Agreement.OPEN)
    return Agreement.DIFFERENT


def in_order(answer: Answer) -> Sequence[Answer] | None:
    """The parts of a tuple, a list, or a matrix of one row or column."""
    if isinstance(answer, Brackets | Several):
        return answer.items
    if isinstance(answer, Matrix) and 1 in (len(answer.rows), len(answer.rows[0])):
        return [item for row in answer.rows for item in row]
    return None


def each(ones: Sequence[Answer], twos: Sequence[Answer]) -> Agreement:
    """Parts compared one by one."""
    if len(ones) != len(twos):
        return Agreement.DIFFERENT
    return max((agree(one, two) for one, two in zip(ones, twos, strict=True)), default=Agreement.SAME)


def brackets(one: Brackets, two: Brackets) -> Agreement:
    return each(one.items, two.items) if (one.left, one.right) == (two.left, two.right) else Agreement.DIFFERENT


def matrices(one: Matrix, two: Matrix) -> Agreement:
    if len(one.rows) != len(two.rows):
        return Agreement.DIFFERENT
    return max(each(first, second) for first, second in zip(one.rows, two.rows, strict=True))


def in_any_order(one: Several | Union, two: Several | Union) -> Agreement:
    """Each part of one is a part of the other, as often."""
    if len(one.items) != len(two.items):
        return Agreement.DIFFERENT
    left, worst = list(two.items), Agreement.SAME
    if given_names(one) != given_names(two) and max(len(given_names(one)), len(given_names(two))) > 1:
        worst = Agreement.OPEN  # x = 1, y = 2 and a list without names
    for item in one.items:
        found = min(((agree(item, other), at) for at, other in enumerate(left)), default=(Agreement.DIFFERENT, 0))
        worst = max(worst, found[0])
        if left:
            del left[found[1]]
    return worst


def given_names(answer: Several | Union) -> set[str]:
    return {given for item in answer.items if (given := name(item))}


def equal_parts(one: Answer, two: Answer) -> Agreement:
    return Agreement.SAME if one == two else Agreement.DIFFERENT


COMPARE: tuple[tuple[type, Callable[..., Agreement]], ...] = (
    (Several, in_any_order),
    (Union, in_any_order),
    (Brackets, brackets),
    (Matrix, matrices),
    (Based, equal_parts),
    (Words, equal_parts),
)


def relations(one: Answer, two: Answer) -> Agreement:
    """Where at least one is an equation, an inequality or a membership."""
    if isinstance(one, Relation) and isinstance(two, Relation) and one.signs == two.signs == ("=",):
        return equations(one, two)
    if any(isinstance(answer, Relation) and "\\approx" in answer.signs for answer in (one, two)):
        first, second = (answer.terms[-1] if isinstance(answer, Relation) else answer for answer in (one, two))
        return max(agree(first, second), Agreement.OPEN)
    first, second = (interval(named(answer)) for answer in (one, two))
    if is_inequality(first) or is_inequality(second):
        return Agreement.SAME if first == second else Agreement.OPEN  # one that is not solved here
    if isinstance(first, Relation) or isinstance(second, Relation):
        return unnamed_sides(first, second)
    found = agree(first, second)
    # (0,1) may be a point: an inequality says which numbers are meant
    converted = [answer for answer, before in ((second, one), (first, two)) if is_inequality(before)]
    if len(converted) == 1 and any(maybe_point(answer) for answer in converted):
        return max(found, Agreement.OPEN)
    return found


def unnamed_sides(one: Answer, two: Answer) -> Agreement:
    """An equation whose left side is more than a name, and a value: `a + b = 5` and 5."""
    for first, second in ((one, two), (two, one)):
        if isinstance(first, Relation) and set(first.signs) == {"="} and not isinstance(second, Relation):
            last = first.terms[-1]
            if last == Number(Fraction(0)):
                return Agreement.DIFFERENT
            closed = all(isinstance(term, EXPRESSION) and not symbols(term) for term in first.terms)
            true = closed and all(agree(term, last) is Agreement.SAME for term in first.terms)
            found = agree(last, second)
            return found if true else max(found, Agreement.OPEN)
    return Agreement.UNKNOWN if isinstance(one, Relation) and isinstance(two, Relation) else Agreement.DIFFERENT


def equations(one: Relation, two: Relation) -> Agreement:
    """Equal when one is a multiple of the other at every point; by name and value when both are named."""
    (left, right), (other_left, other_right) = one.terms, two.terms
    if left == other_left:
        return agree(right, other_right)
    sides = (left, right, other_left, other_right)
    if not all(isinstance(side, EXPRESSION) for side in sides):
        return max(agree(right, other_right), Agreement.OPEN)
    difference, other = (
        Apply("+", (a, Apply("-", (b,))))  # type: ignore[arg-type]
        for a, b in ((left, right), (other_left, other_right))
    )
    names = sorted(symbols(difference) | symbols(other))
    try:
        ratios = [evaluate(Apply("/", (difference, other)), at) for at in points(names)]
        proportional = bool(names) and all(same(ratio, ratios[0]) for ratio in ratios)
    except Unreadable:
        proportional = False
    if proportional:
        return Agreement.SAME
    renamed = name(one) and name(two) and agree(right, other_right) <= Agreement.LIKELY
    return Agreement.OPEN if renamed else Agreement.UNKNOWN


def name(answer: Answer) -> str:
    """The name that an answer gives its value: `x` of `x = 5` and of `x \\in S`."""
    if isinstance(answer, Relation) and answer.signs in (("=",), ("\\in",)) and is_name(answer.terms[0]):
        return str(answer.terms[0])
    return ""


def is_name(left: Answer) -> bool:
    """A variable, or a function of one: `f(x)`, which reads like a product of two."""
    if isinstance(left, Apply):
        return left.name in ("*", "call") and all(isinstance(arg, Symbol) for arg in left.args)
    return isinstance(left, Symbol) or (isinstance(left, Brackets) and all(isinstance(i, Symbol) for i in left.items))


def unnamed(answer: Answer) -> Answer:
    return simple(answer.terms[1]) if isinstance(answer, Relation) and name(answer) else answer


def named(answer: Answer) -> Answer:
    """`unnamed`, for either side of the sign."""
    if isinstance(answer, Relation) and answer.signs == ("=",) and not name(answer) and is_name(answer.terms[1]):
        return simple(answer.terms[0])
    return unnamed(answer)


def maybe_point(answer: Answer) -> bool:
    """Whether brackets may be a point's: both round, and nothing in them infinite."""
    if not isinstance(answer, Brackets) or (answer.left, answer.right) != ("(", ")"):
        return False
    return not any(isinstance(item, EXPRESSION) and "oo" in symbols(item) for item in answer.items)


def interval(answer: Answer) -> Answer:
    """An inequality in one variable as the interval or union that it describes; anything else as it is."""
    return solved(answer) if is_inequality(answer) else answer
