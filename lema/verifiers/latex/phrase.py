"""Where an answer in LaTeX ends: at the end of its sentence, outside of braces and formulas."""

from __future__ import annotations

import re
from itertools import pairwise

from lema.verifiers.boxes import LONGEST, boxes
from lema.verifiers.number_context import DENIED_BEFORE, NEGATIVE_BEFORE, NO_NUMBER_AFTER, PART_AFTER, TAKEN_BACK

MARK = re.compile(r"\\begin\b|\\end\b|\\.|\$\$?|[{}]|\n|(?:[.?]|(?<!!)!)(?=\s+(?!or\b)|\s*$|\s*\})", re.IGNORECASE)
OPENS = {"{", "\\begin", "\\[", "\\("}
FORMULA = re.compile(r"\$\$(.+?)\$\$|(?<!\\)\$(.+?)(?<!\\)\$|\\\((.+?)\\\)|\\\[(.+?)\\\]", re.DOTALL)
#: Words around a formula with which it is not the answer, or not alone.
HEDGE = re.compile(
    r"\b(?:or|either|neither|not|approximately|about|roughly|around|nearly|almost|maybe|possibly|perhaps|less|greater"
    r"|more|fewer|than|between|least|most|times|plus|minus|except|unless|half|twice)\b|n't\b|[0-9=<>+*/^-]",
    re.IGNORECASE,
)
#: What follows explains the answer.
CLAUSE = re.compile(r"\s*,?\s+(?:since|because|as|so|which|where)\b", re.IGNORECASE)
JOINT = re.compile(r"\s*(?:,|;|,?\s*\b(?:and|or)\b)\s*", re.IGNORECASE)
CLOSES = {"}", "\\end", "\\]", "\\)"}


#: At the end of a text, in lines of its own: display mathematics, a formula, a code block of one line.
ALONE = re.compile(
    r"(?:^|\n)[ \t]*(?:\$\$([^$]+)\$\$|\$([^$\n]+)\$|\\\[((?:(?!\\\[).)+?)\\\]|\\\(((?:(?!\\\().)+?)\\\)"
    r"|```[a-z]*\n([^\n`]+)\n[ \t]*```)[ \t]*[.,;]?\s*\Z",
    re.DOTALL,
)


def alone(text: str) -> str | None:
    """A formula, or the line of a code block, that makes up the last line of a text, without its full stop."""
    found = ALONE.search(text[-LONGEST:])
    content = next((part for part in found.groups() if part is not None), None) if found else None
    return None if content is None else content.strip().rstrip(".,;").strip() or None


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


def without_prose(phrase: str) -> str:
    """The formula of a phrase, when the words around it change nothing; several, when they are a list.

    Words after a formula stay: they may be its unit.
    """
    formulas = list(FORMULA.finditer(phrase))
    clause = next(
        (c for c in CLAUSE.finditer(phrase) if not any(f.start() < c.start() < f.end() for f in formulas)), None
    )
    if clause is not None and clause.start() > 0:
        taken_back = TAKEN_BACK.match(phrase[clause.start() :].lstrip(" ,"))
        return phrase if taken_back else without_prose(phrase[: clause.start()])
    if not formulas:
        return phrase
    inside = [next(part for part in found.groups() if part is not None).strip(" ,;") for found in formulas]
    before, after = phrase[: formulas[0].start()], phrase[formulas[-1].end() :]
    between = [phrase[one.end() : two.start()] for one, two in pairwise(formulas)]
    if HEDGE.search(before) or HEDGE.search(after) or not all(map(JOINT.fullmatch, between)):
        return phrase
    if DENIED_BEFORE.search(before) or NEGATIVE_BEFORE.search(before):
        return phrase
    if NO_NUMBER_AFTER.match(after) or PART_AFTER.search(after):
        return phrase
    return ", ".join(inside) + (f" \\text{{{after.strip(' .,;:*')}}}" if after.strip(" .,;:*") else "")
