"""From the words of an answer to what it says: units, names and introductions taken off, the rest parsed."""

from __future__ import annotations

import re
from fractions import Fraction
from functools import lru_cache
from typing import NamedTuple

from lema.verifiers.latex.parser import parse
from lema.verifiers.latex.phrase import without_prose
from lema.verifiers.latex.tokens import LONGEST, Token, normal, tokens, with_unit
from lema.verifiers.latex.tree import Answer, Number, Quantity, Several, Unreadable, Words
from lema.verifiers.latex.vocabulary import FUNCTIONS, SPELLED
from lema.verifiers.number_context import ALTERNATIVE, SCALED
from lema.verifiers.number_words import read_words
from lema.verifiers.numerals import read as read_number

BEFORE = (
    "the a an is are equal equals to value values answer point points interval set ordered pair simply just exactly "
    "therefore thus total of solutions solution roots function expression matrix vector number"
)
UNITS = "cm mm km dm ft in kg mg lb ml mi pm am hr sq"
AFTER = (
    "or and not maybe perhaps possibly approximately about than less more fewer either between if when for times plus "
    "minus over dozen dozens hundred thousand million billion trillion half third quarter where with cannot below "
    "above under at least most wrong incorrect false impossible invalid gross to power raised of"
)
LEADING = set(BEFORE.split())  # words that may stand before an answer without changing it
SHORT_UNITS = set(UNITS.split())
NO_UNIT = {*AFTER.split(), *SCALED.split("|")}  # words after a value that are no unit of it


ARTICLE = re.compile(r"^(?:an?|the) (?=.)")
UNIT_POWER = re.compile(r"(?<![a-z])([a-z]{1,12})\s*\^\s*(?:[23]|\{[23]\})(?![0-9])", re.IGNORECASE)
WORD = re.compile(r"[a-z]+|[0-9]|%")
ONE_UNIT = {
    **dict.fromkeys(["in", "inches"], "inch"),
    **dict.fromkeys(["ft", "feet"], "foot"),
    **dict.fromkeys(["cm", "centimetre", "centimetres", "centimeters"], "centimeter"),
    **dict.fromkeys(["m", "metre", "metres", "meters"], "meter"),
    **dict.fromkeys(["km", "kilometre", "kilometres", "kilometers"], "kilometer"),
    "sq": "square",
    "hr": "hour",
    "percent": "%",
}


class Reading(NamedTuple):
    """An answer: as one string, and as a tree where it could be parsed."""

    normal: str
    tree: Answer | None
    formula: str  # what math-verify is given
    with_unit: Answer | None = None  # the tree, if the letter at the end is a unit: `60 m^2`

    @property
    def words(self) -> bool:
        """Whether it is no mathematics, but a word or a sentence."""
        if self.tree is not None:
            return isinstance(self.tree, Words)
        parts = self.normal.split()
        return 2 * sum(len(part) > 2 and part.isalpha() for part in parts) > len(parts)

    def within(self, other: Reading) -> bool:
        """Whether the other holds this and more: `at least 42`."""
        return f" {self.normal} " in f" {other.normal} "


@lru_cache(maxsize=4096)
def read(text: str) -> Reading:
    """What an answer says; never fails and never takes long."""
    if len(text) > LONGEST:
        return Reading(" ".join(text.split()), None, "")
    formula = without_prose(text)
    found = tokens(formula)
    if not found:
        return Reading("", None, "")
    try:
        tree: Answer | None = _tree(found)
    except Unreadable:
        tree = _number(text)
    return Reading(normal(found), tree, formula, _with_unit(formula))


def _with_unit(formula: str) -> Answer | None:
    """The tree of an answer whose last letter is taken as a unit; None where it cannot be one."""
    text = with_unit(formula)
    if text is None:
        return None
    try:
        return _tree(tokens(text))
    except Unreadable:
        return None


def _tree(found: list[Token]) -> Answer:
    words = _words(found)
    if words is not None:
        spelled = read_words(words.text)
        if spelled is None or spelled.end < len(words.text) or spelled.value is None:
            return words
        value = Fraction(spelled.value) + (Fraction(1, 2) if spelled.half else 0)
        return Number(-value if spelled.negative else value)
    start = 0
    while start < len(found) and found[start].kind in ("letters", "text") and _all_in(found[start].value, LEADING):
        start += 1
    found, unit = _unit(found[start:])
    tree = parse(found)
    return Quantity(tree, unit) if unit else tree


def _all_in(text: str, allowed: set[str]) -> bool:
    return len(text) > 1 and all(word in allowed for word in re.findall(r"[a-z]+", text.casefold()))


def _words(found: list[Token]) -> Words | None:
    """A name or a letter of a choice: nothing but words, at least one of them unmistakable."""
    marked = False
    for kind, value in found:
        if kind == "text" or (kind == "letters" and len(value) > 2 and value not in SPELLED | dict.fromkeys(FUNCTIONS)):
            marked = True
        elif kind != "letters" and value not in "()-'\"/":
            return None
    text = " ".join(value for _, value in found)
    words = " ".join(re.findall(r"\w+", text.casefold()))
    return Words(ARTICLE.sub("", words)) if marked and words else None


def _unit(found: list[Token]) -> tuple[list[Token], str]:
    """An answer without the unit at its end, and the unit: `15 \\mbox{ cm}^2`, `3 \\text{ units}`, `50\\%`."""
    end = len(found)
    while end > 1:
        kind, value = found[end - 1]
        power = (
            kind == "number" and value in "23" and found[end - 2].value == "^" and end > 3 and _is_unit(found[end - 3])
        )
        if power:
            end -= 3
        elif _is_unit(found[end - 1]) or value in ("\\%", "%", "\\cent"):
            end -= 1
        else:
            break
    return found[:end], unit_name([word for _, value in found[end:] for word in WORD.findall(value.casefold())])


def unit_name(words: list[str]) -> str:
    """One name for all ways to write a unit: `square inches`, `in^2`, `inches^2`."""
    names = [ONE_UNIT.get(word, word.removesuffix("s")) for word in words]
    for power, digit in (("square", "2"), ("cubic", "3")):
        if power in names:
            names = [name for name in names if name != power] + [digit]
    return " ".join(names)


def _is_unit(token: Token) -> bool:
    words = re.findall(r"[a-z]+", token.value.casefold())
    if token.kind == "text":
        return not NO_UNIT & set(words) and not any(c.isdigit() for c in UNIT_POWER.sub(r"\1", token.value))
    if token.kind != "letters" or token.value in SPELLED:
        return False
    return token.value in SHORT_UNITS or (len(token.value) > 2 and not NO_UNIT & set(words))


def _number(text: str) -> Answer | None:
    """Numbers as people write them in prose: `3 1/2`, `1 million`, `six`."""
    if ALTERNATIVE.search(text):
        return Several(())  # no answer is equal to it
    if re.search(r"[\\^_{}=!]", text):
        return None
    reading = read_number(text)
    if reading is None:
        return None
    return None if reading.value is None else Number(reading.value)
