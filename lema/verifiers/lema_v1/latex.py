"""LaTeX answers as the authors' grader compares them: as strings, after the normalisation of MATH.

The normalisation is that of Hendrycks et al. (2021), rebuilt from its description.
"""

from __future__ import annotations

import re

NEXT_QUESTION = re.compile(r"Q:|Question:")
REPLACED = (
    ("\n", ""),
    ("\\!", ""),
    ("\\\\", "\\"),
    ("tfrac", "frac"),
    ("dfrac", "frac"),
    ("\\left", ""),
    ("\\right", ""),
    ("^{\\circ}", ""),
    ("^\\circ", ""),
    ("\\$", ""),
)
UNIT = "\\text{ "
WHOLE = re.compile(r"[-+]?[0-9]+")


class Failure(Exception):
    """Where their code raises, which makes the answer empty."""


def final_latex(text: str, marker: str) -> str:
    """The normalised answer of a text: after the last marker, else in the last box; '' when there is none."""
    text = NEXT_QUESTION.split(text, maxsplit=1)[0]
    try:
        _, found, said = text.rpartition(marker)
        if not found:
            return stripped(unboxed(last_box(text)))
        said = said.strip().removesuffix(".").replace("$", "")
        return stripped(unboxed(last_box(said)) if "\\boxed{" in said else said)
    except Failure:
        return ""


def last_box(text: str) -> str:
    """The last `\\boxed{...}` or `\\fbox{...}`, with its braces."""
    start = text.rfind("\\boxed")
    if start < 0:
        start = text.rfind("\\fbox")
    depth = 0
    for at in range(start, len(text)) if start >= 0 else ():
        depth += {"{": 1, "}": -1}.get(text[at], 0)
        if text[at] == "}" and depth == 0:
            return text[start : at + 1]
    raise Failure("no box")


def unboxed(box: str) -> str:
    if not (box.startswith("\\boxed{") and box.endswith("}")):
        raise Failure("only \\boxed can be opened")
    return box[len("\\boxed{") : -1]


def stripped(answer: str) -> str:
    """MATH's normal form of an answer; '' where their normalisation fails."""
    try:
        return _stripped(answer)
    except Failure:
        return ""


def _stripped(answer: str) -> str:
    for old, new in REPLACED:
        answer = answer.replace(old, new)
    if UNIT in answer:
        parts = answer.split(UNIT)
        if len(parts) != 2:
            raise Failure("two units")
        answer = parts[0]
    answer = answer.replace("\\%", "").replace(" .", " 0.").replace("{.", "{0.")
    if not answer:
        return answer
    answer = f"0{answer}" if answer[0] == "." else answer
    sides = answer.split("=")
    if len(sides) == 2 and len(sides[0]) <= 2:
        answer = sides[1]
    answer = _braced_fractions(_braced_roots(answer).replace(" ", ""))
    return _slash_as_fraction("\\frac{1}{2}" if answer == "0.5" else answer)


def _braced_roots(answer: str) -> str:
    """`\\sqrt3` with its braces; the first character after the command is the argument."""
    first, *rest = answer.split("\\sqrt")
    for part in rest:
        if not part:
            raise Failure("nothing under the root")
        first += "\\sqrt" + (part if part[0] == "{" else f"{{{part[0]}}}{part[1:]}")
    return first


def _braced_fractions(answer: str) -> str:
    """`\\frac12`, `\\frac1{2}` with their braces; a fraction of one character leaves all as it is."""
    fixed, *rest = answer.split("\\frac")
    for part in rest:
        if not part:
            raise Failure("an empty fraction")
        if part[0] == "{":
            fixed += f"\\frac{part}"
        elif len(part) < 2:
            return answer
        elif part[1] == "{":
            fixed += f"\\frac{{{part[0]}}}{part[1:]}"
        else:
            fixed += f"\\frac{{{part[0]}}}{{{part[1]}}}{part[2:]}"
    return fixed


def _slash_as_fraction(answer: str) -> str:
    over, slash, under = answer.partition("/")
    if slash and WHOLE.fullmatch(over) and WHOLE.fullmatch(under) and f"{int(over)}/{int(under)}" == answer:
        return f"\\frac{{{over}}}{{{under}}}"
    return answer
