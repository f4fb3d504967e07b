"""What a step of a path claims: which quantity, from which numbers, by which operation, with which result."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import NamedTuple

from lema.synth.cast import RESULTS, Name
from lema.synth.lexicon import CONTAINERS, ITEMS, PEOPLE

NUMBER = r"-?\d+(?:\.\d+)?"
SIGN = {"+": "+", "-": "-", "−": "-", "*": "*", "x": "*", "×": "*", "·": "*", "/": "/", "÷": "/"}
PERSON = "|".join(PEOPLE)
THING = "|".join((*ITEMS, *CONTAINERS))
FINAL = re.compile(rf"\banswer\b(?:\s+(?:is|are|should\s+be)\b|\s*[:=])+\s*({NUMBER})(?!\s*[-+−*x×·/÷]\s*\d)", re.I)
# One operation: a chain of them is nothing that a definition of this laboratory says.
ARITHMETIC = re.compile(
    rf"(?<![\d.])(?<![-+*/]\s)({NUMBER})\s*([-+−*x×·/÷])\s*({NUMBER})\s*(?:=|is|are|equals|makes)"
    rf"\s*({NUMBER})(?!\s*[-+*/]\s*\d)"
)
MENTION = re.compile(
    rf"\b(?P<owner>{PERSON})(?:'s|’s)\s+(?P<thing>{THING})\b"
    rf"|\b(?P<holder>{PERSON})\s+(?:has|have|owns|counts|keeps)\b[^.;]*?\b(?P<held>{THING})\b"
    rf"|\bthe\s+(?P<result>{'|'.join(RESULTS.values())})\b(?!\s+(?:of|between)\b)",
    re.I,
)
# A quantity that is being defined is followed by one of these, and by nothing else before its numbers.
COPULA = re.compile(r"^\s*(?:(?:is|are|has|have|be|equals?|equal to|therefore|must|will)\b|[:=(])", re.I)
COMPARED = r"(?!\s*(?:more|fewer|less|times|[-+*/x×÷]))"  # "3 more than", not "is 3"
STATED = re.compile(rf"^\W*(?:(?:is|are|equals?|be|must|has|have|owns|counts)\W+)+({NUMBER})\b{COMPARED}", re.I)
COUNTED = re.compile(rf"\s({NUMBER})\s+(?:{THING})$", re.I)
ATTEMPT = re.compile(r"=|\d\s*[-+*/]")
BETWEEN_CLAIMS = re.compile(r"[.;]\s|\n|,?\s+(?:so|then|and then|therefore|thus|hence)\b", re.I)


class Claim(NamedTuple):
    """One statement of a step. `left`, `sign` and `right` are None where it gives a bare value."""

    step: int  # 1-based place in the path
    name: Name | None  # None: no quantity is named
    left: int | None
    sign: str | None
    right: int | None
    result: int | None  # None: not a whole number
    final: bool = False


def read_claims(step: int, text: str) -> list[Claim]:
    """The claims of one step, in order. Wording is free; a step without any number claims nothing."""
    final = FINAL.search(text)
    body = text[: final.start()] if final else text
    claims: list[Claim] = []
    for part in BETWEEN_CLAIMS.split(body):
        claims.extend(read_part(step, part))
    if final:
        claims.append(Claim(step, None, None, None, None, whole(final[1]), final=True))
    return claims


def unreadable(text: str) -> bool:
    """Whether a step that claims nothing tried to: it has arithmetic, or numbers of nothing."""
    return bool(ATTEMPT.search(text) or (re.search(r"\d", text) and not MENTION.search(text)))


def read_part(step: int, text: str) -> list[Claim]:
    """Claims of a stretch of text without a full stop in it."""
    claims = []
    start = 0
    found = list(ARITHMETIC.finditer(text))
    for i, match in enumerate(found):
        # What is named behind the last arithmetic of a part belongs to it: "7 + 5 = 12 are Mia's marbles".
        end = found[i + 1].start() if i + 1 < len(found) else len(text)
        name = subject(text[start : match.start()]) or subject(text[match.end() : end]) or held(text[start:end])
        left, sign, right, result = match.groups()
        claims.append(Claim(step, name, whole(left), SIGN[sign], whole(right), whole(result)))
        start = match.end()
    if not found:
        for mention in MENTION.finditer(text):
            stated = STATED.match(text[mention.end() :]) or COUNTED.search(mention[0])
            if stated:
                claims.append(Claim(step, name_of(mention.groupdict()), None, None, None, whole(stated[1])))
    return claims


def subject(text: str) -> Name | None:
    """The quantity that a text defines: the one before a copula, else the first that is named."""
    mentions = list(MENTION.finditer(text))
    for mention in reversed(mentions):
        if COPULA.match(text[mention.end() :]):
            return name_of(mention.groupdict())
    return name_of(mentions[0].groupdict()) if mentions else None


def held(text: str) -> Name | None:
    """The quantity of `Mia has 7 + 5 = 12 marbles`."""
    mention = MENTION.search(text)
    return name_of(mention.groupdict()) if mention else None


def name_of(groups: Mapping[str, str | None]) -> Name:
    owner = groups["owner"] or groups["holder"] or ""
    thing = groups["thing"] or groups["held"] or groups["result"] or ""
    return Name(owner.capitalize(), thing.lower())


def whole(number: str) -> int | None:
    """The integer of a numeral; None for a fraction."""
    value = float(number)
    return int(value) if value.is_integer() else None
