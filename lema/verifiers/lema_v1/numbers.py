"""Numbers as the authors' grader reads them: letters are deleted, and what remains is calculated."""

from __future__ import annotations

import ast
import operator
import re
from collections.abc import Callable

ENDS = re.compile(r"\n\nQ: |\n\nQuestion: ")
LETTERS = re.compile(r"[a-z]")
OPERATIONS: dict[type[ast.operator], Callable[[float, float], float]] = {
    ast.Add: operator.add,
    ast.Sub: operator.sub,
    ast.Mult: operator.mul,
    ast.Div: operator.truediv,
    ast.FloorDiv: operator.floordiv,
}
LONGEST = 500  # characters of a calculation
MOST_BITS = 2048  # of a power


def final_number(text: str, marker: str) -> float:
    """The number after the last marker; 0.0 when there is none, or none that can be read."""
    text = ENDS.split(text, maxsplit=1)[0]
    _, found, said = text.rpartition(marker)
    if not found:
        return 0.0
    value = number(said)
    return 0.0 if value is None else value


def number(said: str) -> float | None:
    """The number that their rules make of a phrase; None where they fail."""
    said = said.removesuffix(".").replace("£", "").replace("€", "").removesuffix(".").replace(",", "")
    said = said.rpartition("=")[2].rpartition(">>")[2]
    said = LETTERS.sub("", said.lower()).partition(":")[0].replace("$", "").replace('"', "")
    if "%" in said:
        if not said.endswith("%"):
            return None
        said = said[:-1]
    said = said.removesuffix("/").replace(" ", "")
    try:
        return float(calculate(said)) if re.search(r"[-+*/]", said) else float(said)
    except (ValueError, ArithmeticError):
        return None


def calculate(said: str) -> float:
    """The value of a calculation with `+ - * / // **`, by Python's rules.

    Raises:
        ValueError: it is anything else, or too large.
        ArithmeticError: it has no value.
    """
    if len(said) > LONGEST:
        raise ValueError("too long")
    try:
        return _value(ast.parse(said, mode="eval").body)
    except (SyntaxError, RecursionError, MemoryError) as fault:
        raise ValueError(str(fault)) from None


def _value(node: ast.expr) -> float:
    if isinstance(node, ast.Constant) and type(node.value) in (int, float):
        return node.value  # type: ignore[return-value]
    if isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.USub | ast.UAdd):
        value = _value(node.operand)
        return -value if isinstance(node.op, ast.USub) else value
    if isinstance(node, ast.BinOp):
        left, right = _value(node.left), _value(node.right)
        if isinstance(node.op, ast.Pow):
            return _power(left, right)
        if type(node.op) in OPERATIONS:
            return OPERATIONS[type(node.op)](left, right)
    raise ValueError(f"no arithmetic: {type(node).__name__}")


def _power(base: float, exponent: float) -> float:
    if isinstance(base, int) and isinstance(exponent, int) and base.bit_length() * abs(exponent) > MOST_BITS:
        raise ValueError("too large")
    value = base**exponent
    if isinstance(value, int | float):
        return value
    raise ValueError("no real number")
