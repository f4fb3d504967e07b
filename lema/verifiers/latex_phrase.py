"""Where an answer in LaTeX ends: at the end of its sentence, outside of braces and formulas."""

from __future__ import annotations

import re

from lema.verifiers.ladder import boxes

MARK = re.compile(r"\\begin\b|\\end\b|\\.|\$\$?|[{}]|\n|(?:[.?]|(?<!!)!)(?=\s+(?!or\b)|\s*$|\s*\})", re.IGNORECASE)
OPENS = {"{", "\\begin", "\\[", "\\("}
CLOSES = {"}", "\\end", "\\]", "\\)"}


def phrase(rest: str) -> str:
    """The answer at the beginning of a text: its first sentence, or what that puts in boxes."""
    found = sentence(rest)
    inside = boxes(found)
    return ", ".join(inside) if inside else found


def sentence(rest: str) -> str:
    """A text up to the end of its first sentence or line that is not inside braces or a formula."""
    rest = rest.lstrip()
    depth, formula = 0, ""
    for found in MARK.finditer(rest):
        mark = found[0]
        if mark.startswith("$"):
            if formula:
                formula = "" if mark == formula else formula
            elif mark in rest[found.end() :].split("\n\n" if mark == "$$" else "\n", 1)[0]:
                formula = mark
        elif mark in OPENS:
            depth += 1
        elif mark in CLOSES:
            depth -= 1
            if depth < 0:  # of a correction, which ends in a brace of its own
                return rest[: found.start()]
        elif depth == 0 and not formula and not mark.startswith("\\"):
            return rest[: found.start()]
    return rest
