"""Which Python source a model's text stands for.

`function` is the paper's form: a whole `def solution():`, in a fenced block or with prose around it.

    def solution():
        sam_cards = 8 * 3
        return sam_cards - 2

`body` is for models whose tokenizer has no word for `def`, `return` or an indent: the text is the body alone, and
what `Answer` holds at its end is returned. Errors are the same in both forms, since both run inside a function.

    Step = Sam = 8 * 3
    Answer = Sam - 2
"""

from __future__ import annotations

import ast
import re
import warnings
from collections.abc import Sequence
from typing import Literal

Form = Literal["function", "body"]
HEADER = "def solution():"
INDENT = "    "
RESULT = "Answer"  # the variable that a body leaves its value in
FENCE = re.compile(r"```[ \t]*(?:python|py)?[ \t]*\n(.*?)(?:```|\Z)", re.DOTALL | re.IGNORECASE)
SET_UP = re.compile(r"(?:import|from)\s")
LONGEST = 20_000  # characters of a source that is parsed


def source(text: str, form: Form) -> str:
    """The Python source of a model's text."""
    if form == "body":
        lines = [f"{INDENT}{line}" if line.strip() else "" for line in text.rstrip().split("\n")]
        return "\n".join([HEADER, *lines, f"{INDENT}return {RESULT}"])
    return extracted(text)


def ran(text: str, form: Form) -> str:
    """The part of a model's text that is run, as it wrote it: neither prose around a function nor what comes after."""
    return extracted(text) if form == "function" else text


def extracted(text: str) -> str:
    """The fenced block if there is one, then from the first import or `def solution` to where the function ends."""
    fenced = FENCE.search(text)
    lines = (fenced[1] if fenced else text).rstrip().split("\n")
    start = next((i for i, line in enumerate(lines) if line.startswith("def solution")), None)
    if start is None:
        return "\n".join(lines)
    first = start
    while first and (SET_UP.match(lines[first - 1]) or not lines[first - 1].strip()):
        first -= 1
    end = start + 1
    while end < len(lines) and (not lines[end].strip() or lines[end][0] in " \t#"):
        end += 1
    return "\n".join(lines[first:end]).strip()


def written(lines: Sequence[str], form: Form) -> str:
    """The text of a program from its statements, of which the last one gives the value: `= <expression>`."""
    if form == "body":
        return "\n".join([*lines[:-1], f"{RESULT} {lines[-1]}"])
    return "\n".join(
        [HEADER, *(INDENT + line for line in lines[:-1]), f"{INDENT}return {lines[-1].removeprefix('= ')}"]
    )


def line_of_text(line: int | None, form: Form) -> int | None:
    """The line of the text that a line of its source is, counted from 1."""
    return line if line is None or form == "function" else max(1, line - 1)


class Renaming(ast.NodeTransformer):
    """Names that the program itself assigns, numbered in the order in which they first stand there."""

    def __init__(self, own: set[str]) -> None:
        self.own = own
        self.numbers: dict[str, str] = {}

    def visit_Name(self, node: ast.Name) -> ast.Name:
        if node.id in self.own:
            node.id = self.numbers.setdefault(node.id, f"v{len(self.numbers)}")
        return node


def normal(source: str) -> str | None:
    """A text that is equal for programs that differ in layout, comments, docstrings or names of variables alone.

    It only parses; nothing is run. None for what cannot be parsed.
    """
    tree = parsed(source)
    if tree is None:
        return None
    for node in ast.walk(tree):
        if isinstance(node, ast.FunctionDef | ast.Module) and ast.get_docstring(node, clean=False) is not None:
            node.body = node.body[1:] or [ast.Pass()]
    own = {node.id for node in ast.walk(tree) if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store)}
    return ast.dump(Renaming(own).visit(tree))


def parsed(source: str) -> ast.Module | None:
    """The syntax tree of a source, None where there is none; warnings about the source are not shown."""
    if len(source) > LONGEST:
        return None
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            return ast.parse(source)
        except (SyntaxError, ValueError, RecursionError, MemoryError):
            return None
