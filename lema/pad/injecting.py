"""Errors that are put into right programs, so that a student sees what failures look like (paper §3.3).

The paper's released recipe for syntax errors gives programs that run, and its messages were collected without calling
the function, so that there were none. Here every broken program is run, and counts only if it fails with the class that
was meant. Lines are changed as text, not printed anew from a syntax tree, so that layout and comments stay.

    NameError          a line that assigns is left out, and nothing else assigns its variable;
                       or a name that is used is misspelt for one that nothing defines
    UnboundLocalError  a variable is used in a line before the one that assigns it
    SyntaxError        a line loses an operand, its sign or a bracket
"""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator, Sequence
from itertools import pairwise
from typing import Literal

from lema.pad.forms import Form, parsed, source
from lema.synth.draw import Draw
from lema.synth.lexicon import PEOPLE

#: The classes of the paper's table of failures.
ErrorKind = Literal["NameError", "UnboundLocalError", "SyntaxError"]
KINDS: tuple[ErrorKind, ...] = ("NameError", "UnboundLocalError", "SyntaxError")
OPERAND = re.compile(r"(?<=[-+*/%=]) *(?:\w+(?:\.\d+)?)(?=\s*$|\s*[-+*/%])")
SIGN = re.compile(r"(?<=\w) *(?:\*\*|//|[-+*/%])(?= *\w)")
BRACKET = re.compile(r"[()\[\]]")
OTHER_NAMES = tuple(f"undefined_{number}" for number in range(100))


def broken(text: str, form: Form, kind: ErrorKind, draw: Draw) -> Iterator[str]:
    """Texts that should fail with this class, in random order; whether they do is for the sandbox to say."""
    match kind:
        case "NameError":
            found = [*without_definition(text, form), *misspelt(text, form, draw)]
        case "UnboundLocalError":
            found = list(used_too_soon(text, form))
        case "SyntaxError":
            found = list(no_python(text, form))
    yield from draw.shuffled(list(dict.fromkeys(one for one in found if one != text)))


def statements(text: str, form: Form) -> list[tuple[int, ast.stmt]]:
    """The one-line statements of the function, with the 0-based lines of the text that they stand on."""
    tree = parsed(source(text, form))
    first = next((node for node in tree.body if isinstance(node, ast.FunctionDef)), None) if tree is not None else None
    if first is None:
        return []
    shift = 2 if form == "body" else 1 + offset(text, form)
    lines = len(text.split("\n"))
    plain = [node for node in first.body if node.lineno == node.end_lineno]
    return [(node.lineno - shift, node) for node in plain if 0 <= node.lineno - shift < lines]


def offset(text: str, form: Form) -> int:
    """How many lines of the text stand before its source (a fence, prose); counted with a minus sign."""
    return -max(0, text[: text.find(source(text, form).split("\n")[0])].count("\n"))


def assigned(node: ast.AST) -> set[str]:
    return {n.id for n in ast.walk(node) if isinstance(n, ast.Name) and isinstance(n.ctx, ast.Store)}


def used(node: ast.AST) -> set[str]:
    return {n.id for n in ast.walk(node) if isinstance(n, ast.Name) and isinstance(n.ctx, ast.Load)}


def without_definition(text: str, form: Form) -> Iterator[str]:
    """The text without a line that is the only one to assign a variable which another line uses."""
    lines, rows = text.split("\n"), statements(text, form)
    for row, node in rows:
        others = [other for at, other in rows if at != row]
        lost = assigned(node) - set().union(*map(assigned, others), set())
        if lost & set().union(*map(used, others), set()):
            yield "\n".join([*lines[:row], *lines[row + 1 :]])


def misspelt(text: str, form: Form, draw: Draw) -> Iterator[str]:
    """The text with one use of a variable misspelt: as a person in a body, where these are all the names there are."""
    lines, rows = text.split("\n"), statements(text, form)
    own = set().union(*(assigned(node) for _, node in rows), set())
    free = [name for name in (PEOPLE if form == "body" else OTHER_NAMES) if name not in text]
    if not free:
        return
    for row, node in rows:
        for name in sorted(used(node) & own):
            for place in uses(node, name):
                yield changed(lines, row, place, len(name), draw.pick(free), shift(node, lines[row]))


def used_too_soon(text: str, form: Form) -> Iterator[str]:
    """The text with two lines in the other order, or with a variable in place of one that was assigned before it."""
    lines, rows = text.split("\n"), statements(text, form)
    for (row, node), (later, other) in pairwise(rows):
        if later == row + 1 and assigned(node) & used(other) and not isinstance(other, ast.Return):
            yield "\n".join([*lines[:row], lines[later], lines[row], *lines[later + 1 :]])
    for row, node in rows:
        before = set().union(*(assigned(other) for at, other in rows if at < row), set())
        late = set().union(*(assigned(other) for at, other in rows if at >= row), set()) - before
        for name in sorted(late):
            for start, end in whole_numbers(node):
                yield changed(lines, row, start, end - start, name, shift(node, lines[row]))


def no_python(text: str, form: Form) -> Iterator[str]:
    """The text with a line that lost a part which Python needs."""
    lines = text.split("\n")
    for row, _ in statements(text, form):
        for pattern in (OPERAND, SIGN, BRACKET):
            for found in pattern.finditer(lines[row]):
                shorter = lines[row][: found.start()] + lines[row][found.end() :]
                yield "\n".join([*lines[:row], shorter, *lines[row + 1 :]])


def uses(node: ast.AST, name: str) -> list[int]:
    """Columns of the source at which a name is used."""
    return [
        n.col_offset for n in ast.walk(node) if isinstance(n, ast.Name) and n.id == name and isinstance(n.ctx, ast.Load)
    ]


def whole_numbers(node: ast.AST) -> list[tuple[int, int]]:
    """Columns of the source at which whole numbers begin and end."""
    held = [n for n in ast.walk(node) if isinstance(n, ast.Constant) and isinstance(n.value, int)]
    return [(n.col_offset, n.end_col_offset) for n in held if n.end_col_offset is not None]


def shift(node: ast.stmt, line: str) -> int:
    """What to take from columns of the source for those of a line of the text."""
    return node.col_offset - (len(line) - len(line.lstrip()))


def changed(lines: Sequence[str], row: int, column: int, width: int, new: str, less: int) -> str:
    line, at = lines[row], column - less
    return "\n".join([*lines[:row], line[:at] + new + line[at + width :], *lines[row + 1 :]])
