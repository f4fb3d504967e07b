"""From what a model wrote to its pick. Nothing is guessed: what does not name one candidate is invalid."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence

#: What a pick stands behind. Without a colon "Choice" only names a candidate, as "Answer" does.
MARKER = re.compile(r"\bChoice\b[ \t*_]*:|\bright one is\b")
SAID = re.compile(r"(?:\bChoice\b[\s*_]*:|\bright one is\b)[ \t*_]*(\S[^\n]*)")
SCORE = re.compile(r"\bScore\b[\s:*_]*[<(\[]?(\d+(?:\.\d+)?)([^\n]*)")
UNSURE_SCORE = re.compile(r"\s*(?:[-–—]|to\b|or\b|and\b|,)\s*\d", re.IGNORECASE)
NUMBER = re.compile(r"(?:(?<!\d)[-+−])?\d+(?:[.,/]\d+)*")
#: Where one clause ends and the next begins; a reason is a clause of its own.
CLAUSE = re.compile(
    r"[;,!()]|\.(?=\s|\W*$)|\s[-–—]+\s|(?=\b(?:because|since|given that|due to)\b)|(?<=\s)(?=as\b)", re.IGNORECASE
)
REASON = re.compile(r"\W*(?:because|since|given that|due to|as)\b", re.IGNORECASE)
#: With these no candidate is picked, or several are.
OPEN = re.compile(
    r"\?|\d\s*(?:\.\.+|…|~)\s*\d"
    r"|\b(?:or|either|both|between|any|all|wait|actually|sorry|hmm|correction|second thoughts?|i mean)\b",
    re.IGNORECASE,
)
#: With these a clause says what is not picked.
DENIAL = re.compile(
    r"n't\b|\b(?:not|cannot|never|neither|nor|none|no|nothing|wrong|incorrect|false|unlikely|unsure|doubt|except|but|than"
    r"|instead|without|against|reject(?:ed)?|exclud(?:e|ed|ing)|rul(?:e|ed) out|eliminat(?:e|ed)|worse|worst)\b",
    re.IGNORECASE,
)
#: What stands before the number of a candidate that is named, and behind one.
NOUN = re.compile(r"\b(?:answer|option|choice|candidate|number|solution)s?\b[\s:*_#]*[<(\[]?$", re.IGNORECASE)
VERB = re.compile(r"\b(?:pick|choose|chose|select|take|is)\b[\s:*_#]*[<(\[]?$", re.IGNORECASE)
PICKED = "Choice"  # what a pick behind a marker is read behind
#: A line of the list of candidates, repeated.
LISTED = re.compile(r"\W*Answer\s+(\d+)\s*:")
SUBJECT = re.compile(r"[\s*_>)\]]*(?:is|seems|looks)\b", re.IGNORECASE)
EDGES = " \t*_#<>()[]\"'`.:"
TOP = 10  # the highest score


def label(text: str, n: int) -> int | None:
    """The 0-based pick: the one candidate that is named behind the last marker, else in the last line with words.

    None when none is named, or several are, or one is only denied ("not 2"), or its number is not from 1 to n. A
    candidate that is denied beside the pick, or stands in the reason for it, is no second pick.
    """
    lines = [line for line in text.splitlines() if line.strip()]
    marked = [number for number, line in enumerate(lines) if MARKER.search(line)]
    if not marked:
        listed = {found[1] for line in lines if (found := LISTED.match(line))}
        return named(lines[-1], n) if lines and len(listed) < 2 else None
    before, *behind = MARKER.split(lines[marked[-1]])
    if not "".join(behind).strip(EDGES):  # the pick stands in the next line
        behind = lines[marked[-1] + 1 : marked[-1] + 2]
    if not behind or DENIAL.search(before):
        return None
    return named(", ".join(f"{PICKED} {said.strip(EDGES)}" for said in behind), n)


def named(statement: str, n: int) -> int | None:
    """The one candidate that a statement picks."""
    picked: set[int] = set()
    denied: set[int] = set()
    touched: set[int] = set()
    statement = re.sub(r"\bno\.\s*(?=\d)", "number ", statement, flags=re.IGNORECASE)
    for clause in CLAUSE.split(statement):
        if REASON.match(clause) or not clause.strip(EDGES):
            continue
        if OPEN.search(clause):
            return None
        here = [(found, place) for found in NUMBER.finditer(clause) if (place := place_of(found, n)) is not None]
        if DENIAL.search(clause):
            if not here:
                return None
            denied |= {place for _, place in here}
            continue
        touched |= {place for _, place in here}
        picked |= {place for found, place in here if is_named(found)}
    if len(picked) != 1 or touched != picked or picked & denied:
        return None
    return picked.pop()


def place_of(number: re.Match[str], n: int) -> int | None:
    """The 0-based place that a number stands for; None for one that is no label: 2.5, q4, $2, 2nd, or past n."""
    text = number.string
    before, after = text[: number.start()][-1:], text[number.end() :][:1]
    part = before.isalnum() or after.isalnum() or before in tuple("$€£.") or after in tuple("%°")
    return None if part else in_range(number[0], n)


def is_named(number: re.Match[str]) -> bool:
    """Whether a number in a clause names a candidate: alone, behind a noun or verb of choice, or as what is right."""
    clause = number.string
    before, after = clause[: number.start()], clause[number.end() :]
    if not before.strip(EDGES):
        return not after.strip(EDGES) or bool(SUBJECT.match(after))
    if not after.strip(EDGES):
        return bool(NOUN.search(before) or VERB.search(before))
    noun = NOUN.search(before)
    return noun is not None and (noun[0].startswith(PICKED) or after[0] == ":" or bool(SUBJECT.match(after)))


def in_range(number: str, n: int) -> int | None:
    return int(number) - 1 if number.isdecimal() and 1 <= int(number) <= n else None


def verbatim(text: str, answers: Sequence[str], equal: Callable[[str, str], bool]) -> int | None:
    """The first candidate whose answer the last marked line repeats; None when it is no candidate's."""
    said = SAID.findall(text)
    if not said:
        return None
    words = said[-1].strip().strip("*_\"'<>").rstrip(". ").strip()
    for number, answer in enumerate(answers):
        if words and (words.casefold() == answer.strip().casefold() or equal(words, answer)):
            return number
    return None


def score(text: str) -> float | None:
    """A score from 0 to 10: the last one behind its marker, else a number that is all there is; None for a range."""
    marked = SCORE.findall(text)
    bare = re.fullmatch(r"\s*(\d+(?:\.\d+)?)(?:\s*/\s*10)?\.?\s*", text)
    if marked and UNSURE_SCORE.match(marked[-1][1]):
        return None
    found = float(marked[-1][0]) if marked else float(bare[1]) if bare else None
    return found if found is not None and 0 <= found <= TOP else None
