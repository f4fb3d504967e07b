"""What an answer in LaTeX may be: an expression, or a collection of such."""

from __future__ import annotations

from dataclasses import dataclass, field
from fractions import Fraction


class Unreadable(Exception):
    """Not an answer of a kind that is read here, or one that would take too long."""


@dataclass(frozen=True, slots=True)
class Number:
    value: Fraction
    digits: str = field(default="", compare=False)  # as it was written, where it was: 1.4140 has five


@dataclass(frozen=True, slots=True)
class Symbol:
    """A variable, or one of the constants `pi`, `e` and `i`."""

    name: str


@dataclass(frozen=True, slots=True)
class Apply:
    """An operation: `+ * / ^ - root ! abs binom`, a function such as `sin`, `pm` for plus-minus, or
    `call` for the value of a named function."""

    name: str
    args: tuple[Expression, ...]


@dataclass(frozen=True, slots=True)
class Brackets:
    """A tuple, a point, a vector or an interval: ordered, and its brackets count."""

    left: str
    right: str
    items: tuple[Answer, ...]


@dataclass(frozen=True, slots=True)
class Several:
    """Answers in any order: the elements of a set, or what commas, `and` and `or` join."""

    items: tuple[Answer, ...]


@dataclass(frozen=True, slots=True)
class Union:
    items: tuple[Answer, ...]


@dataclass(frozen=True, slots=True)
class Matrix:
    rows: tuple[tuple[Answer, ...], ...]


@dataclass(frozen=True, slots=True)
class Relation:
    """`terms[0] signs[0] terms[1] ...`: an equation, an inequality, or a chain of them."""

    signs: tuple[str, ...]
    terms: tuple[Answer, ...]


@dataclass(frozen=True, slots=True)
class Based:
    """A numeral with its base: `52_8`."""

    digits: str
    base: int


@dataclass(frozen=True, slots=True)
class Words:
    """A name, a letter of a choice, a word such as `even`; without case and brackets."""

    text: str


@dataclass(frozen=True, slots=True)
class Quantity:
    """A value with the unit that was written after it."""

    value: Answer
    unit: str


Expression = Number | Symbol | Apply
Answer = Expression | Brackets | Several | Union | Matrix | Relation | Based | Words | Quantity
EXPRESSION = (Number, Symbol, Apply)
CONSTANTS = {"pi", "e", "i"}


def symbols(tree: Expression) -> set[str]:
    """The variables of an expression."""
    if isinstance(tree, Symbol):
        return set() if tree.name in CONSTANTS else {tree.name}
    return set().union(*map(symbols, tree.args)) if isinstance(tree, Apply) else set()


def decided(tree: Expression, sign: int) -> Expression:
    """An expression with all its upper signs (`sign` 1) or all its lower ones (-1) in place of `±` and `∓`."""
    if not isinstance(tree, Apply):
        return tree
    args = tuple(decided(arg, sign) for arg in tree.args)
    if tree.name in ("pm", "mp"):
        return args[0] if (tree.name == "pm") == (sign > 0) else Apply("-", args)
    return Apply(tree.name, args)
