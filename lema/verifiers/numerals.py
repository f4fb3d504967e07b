"""Numbers as people write them, read exactly: no eval, no float, and no input that takes long."""

from __future__ import annotations

import re
from fractions import Fraction
from typing import NamedTuple

from lema.verifiers.number_context import (
    ALTERNATIVE,
    ALTERNATIVE_NUMBER,
    CLAUSE,
    CONDITION_AFTER,
    DENIED_BEFORE,
    HEDGED_BEFORE,
    LISTED,
    NEGATIVE_BEFORE,
    NO_NUMBER_AFTER,
    PART_AFTER,
    PLACE_BEFORE,
    TAKEN_BACK,
    WORD_AFTER_OR,
)
from lema.verifiers.number_words import read_share, read_words
from lema.verifiers.typography import plain

MOST_DIGITS = 1000  # of one number; and of a power of ten
SCALES = {"hundred": 100, "thousand": 10**3, "million": 10**6, "billion": 10**9, "trillion": 10**12}
#: Units that people also leave out by converting: `50%` may stand for 0.5, `75 cents` for 0.75.
CONVERSIONS = {
    "%": Fraction(1, 100),
    "percent": Fraction(1, 100),
    "cent": Fraction(1, 100),
    "cents": Fraction(1, 100),
    "¢": Fraction(1, 100),
    "dozen": Fraction(12),
}

NUMBER = re.compile(
    r"""
    (?: (?<![\w)%.]) (?P<sign>[-+]) \s? )?
    (?: (?:US|A|C)? [$£€¥₹]+ \s? (?P<inner>-)? )?
    (?P<digits>
        (?<![\w.])
        (?: (?P<whole> (?>[0-9]{1,3}(?:,[0-9]{3})+)(?![0-9]) | (?>[0-9]+) ) (?P<decimals>\.(?>[0-9]+))?
          | (?P<bare>\.(?>[0-9]+)) )
        (?! \.?[0-9] )
    )
    (?: [eE](?P<exponent>[-+]?[0-9]+)(?!\w)
      | \s?[*x]\s?10\s?\^\s?[{(]?(?P<power>[-+]?[0-9]+)[)}]?
      | \s?/\s?(?P<under>(?>[0-9]+))(?!\.[0-9]|\s?/)
      | \s(?:and\s)?(?P<over>(?>[0-9]+))\s?/\s?(?P<mixed_under>(?>[0-9]+))(?!\.[0-9]|\s?/)
    )?
    (?: :00 (?![:0-9]) )?  # five o'clock
    (?P<half>\sand\s(?:a|one)[\s-]half\b)?
    (?P<scales>(?:\s?(?:hundred|thousand|million|billion|trillion)\b)*)
    (?P<unit>\s?%|\s?¢|\s(?:percent|cents?|dozen)\b|k\b)?
    """,
    re.VERBOSE | re.IGNORECASE,
)

#: Between two spellings of one value.
RESTATED = re.compile(
    r"[\s,(]*(?:or|i\.e\.,?|that\s+is,?)\s+(?:simply\s+|equivalently,?\s+|just\s+)?[($]*", re.IGNORECASE
)

RESTATED_AFTER = re.compile(rf"(?<=[a-z]){RESTATED.pattern}\Z", re.IGNORECASE)


class Reading(NamedTuple):
    """What a text says about a number.

    `value` is None when the text holds numbers but is not one number: alternatives (`hedge`: "12 or
    13"), a quantity in parts, an expression, a bound. `also` are other values that the same words
    may stand for.
    """

    text: str
    value: Fraction | None = None
    also: tuple[Fraction, ...] = ()
    hedge: bool = False


def read(text: str) -> Reading | None:
    """The one number that a short text gives as its answer, or None when no number is in it."""
    text = plain(text)
    first = NUMBER.search(text)
    if first is None:
        return _from_words(text)
    if len(first[0]) == len(text):
        return _from_match(text, first)
    clause = CLAUSE.search(text, first.end())
    if clause and TAKEN_BACK.match(text, clause.start()):
        return Reading(text)
    if clause:
        text = text[: clause.start()]
    before = text[: first.start()]
    if before and PLACE_BEFORE.search(before):
        return None
    if before and DENIED_BEFORE.search(before):
        return Reading(text)
    if HEDGED_BEFORE.search(before):
        return _restated_words(before, text[first.start() :]) or Reading(text, hedge=True)
    if "=" in text or "≈" in text:
        return _from_equation(text)
    second = NUMBER.search(text, first.end())
    if second is not None:
        between = text[first.end() : second.start("digits")]
        if not between.lstrip().startswith("(") or ALTERNATIVE.search(between):
            if RESTATED.fullmatch(between) and NUMBER.search(text, second.end()) is None:
                one, two = sorted((_from_match(text, first), _from_match(text, second)), key=lambda r: len(r.also))
                if one.text != two.text and one.value is not None and one.value in (two.value, *two.also):
                    return one
            return Reading(text, hedge=_is_choice(between, first, second) or _offers_another(text, first))
    elif WORD_AFTER_OR.search(text, first.end()):
        return Reading(text, hedge=True)
    if PART_AFTER.search(text, first.end()) or CONDITION_AFTER.search(text, first.end()):
        return Reading(text)
    return _from_match(text, first)


def _restated_words(before: str, after: str) -> Reading | None:
    """`a quarter, or 0.25`: one value in words and then in digits."""
    found = RESTATED_AFTER.search(before)
    words = _from_words(before[: found.start()]) if found else None
    digits = read(after) if words else None
    return digits if digits and words and digits.value is not None and digits.value == words.value else None


def _is_choice(between: str, first: re.Match[str], second: re.Match[str]) -> bool:
    """Whether two numbers are alternatives, a list or a range, and not parts of one quantity."""
    if ALTERNATIVE.search(between) or LISTED.search(between):
        return True
    if between.strip() == "-":
        low, high = _value(first), _value(second)
        return low is not None and high is not None and low < high
    return False


def _offers_another(text: str, first: re.Match[str]) -> bool:
    return ALTERNATIVE_NUMBER.search(text, first.end()) is not None


def _from_equation(text: str) -> Reading:
    """`x = 7` and `48 + 24 = 72` say what is right of the last sign; `72 = 48 + 24` what is left."""
    parts = re.split(r"[=≈]+", text)
    last = read(parts[-1])
    if last is not None and (last.value is not None or last.hedge):
        return last
    return read(parts[0]) or Reading(text)


def _from_match(text: str, match: re.Match[str]) -> Reading:
    """The reading of a single number."""
    thousands_or_unit = (match["unit"] or "").casefold() == "k"
    value = None if thousands_or_unit or NO_NUMBER_AFTER.match(text, match.end()) else _value(match)
    if value is None:
        return Reading(text)
    said = text[match.start() : match.end()].strip()
    if NEGATIVE_BEFORE.search(text[: match.start()]):
        return Reading(f"-{said}", -value) if value > 0 else Reading(text)
    return Reading(said, value, tuple(_other_values(match, value)))


def _other_values(match: re.Match[str], value: Fraction) -> list[Fraction]:
    others = []
    unit = (match["unit"] or "").strip().lower()
    if unit:
        others.append(value * CONVERSIONS[unit])
    decimals, whole = match["decimals"] or "", match["whole"] or ""
    if len(decimals) == 4 and len(whole) <= 3 and whole != "0" and "," not in whole:
        others.append(value * 1000)  # a dot between thousands: 10.000
    return others


def _value(match: re.Match[str]) -> Fraction | None:
    """The exact value of a match of NUMBER, None beyond the limits or when it is no number."""
    whole = (match["whole"] or "").replace(",", "")
    decimals = (match["decimals"] or match["bare"] or "")[1:]
    if len(match[0]) > MOST_DIGITS:
        return None
    value = Fraction(int(whole + decimals), 10 ** len(decimals)) if decimals else Fraction(int(whole))
    exponent = match["exponent"] or match["power"]
    if exponent:
        if abs(int(exponent)) > MOST_DIGITS:
            return None
        value *= Fraction(10) ** int(exponent)
    under = int(match["under"] or match["mixed_under"] or 1)
    if under == 0:
        return None
    if match["over"]:
        if decimals or int(match["over"]) >= under:
            return None
        value += Fraction(int(match["over"]), under)
    elif match["under"]:
        value /= under
    if match["half"]:
        value += Fraction(1, 2)
    for scale in match["scales"].lower().split():
        value *= SCALES[scale]
    negative = (match["sign"] == "-") != (match["inner"] == "-")
    return -value if negative else value


def _from_words(text: str) -> Reading | None:
    """A number spelled out at the beginning of a text."""
    share = read_share(text)
    if share is not None:
        return Reading(share[0], share[1])
    found = read_words(text)
    if found is None:
        return None
    if WORD_AFTER_OR.search(text, found.end):
        return Reading(text, hedge=True)
    changed = NO_NUMBER_AFTER.match(text, found.end) or PART_AFTER.search(text, found.end)
    if found.value is None or found.more or changed:
        return Reading(text)
    value = Fraction(found.value) + (Fraction(1, 2) if found.half else 0)
    return Reading(text[found.start : found.end], -value if found.negative else value)
