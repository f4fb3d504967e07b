"""Numbers spelled out in English: whole ones up to the millions, and simple fractions."""

from __future__ import annotations

import re
from fractions import Fraction
from typing import NamedTuple

SMALL = (
    "zero one two three four five six seven eight nine ten eleven twelve thirteen fourteen fifteen "
    "sixteen seventeen eighteen nineteen"
)
ROUND = "twenty thirty forty fifty sixty seventy eighty ninety"
ONES = {word: number for number, word in enumerate(SMALL.split())}
TENS = {word: 10 * number for number, word in enumerate(ROUND.split(), 2)}
LARGE = {"thousand": 10**3, "million": 10**6}
NUMBER_WORD = "|".join([*ONES, *TENS, "hundred", *LARGE])

FILLER = r"(?:about|around|approximately|exactly|only|just|a\s+total\s+of|equal\s+to)"
RUN = re.compile(
    rf"[\W_]*(?:{FILLER}\s+)*(?P<negative>(?:negative|minus)\s+)?(?P<run>(?:{NUMBER_WORD})(?:[\s-]+(?:and\s+)?(?:{NUMBER_WORD}))*)\b"
    r"(?P<half>\s+and\s+(?:a|one)[\s-]half\b)?(?P<part>[\s-]+(?:half|halves|thirds?|quarters?|fourths?|fifths?|of)\b)?",
    re.IGNORECASE,
)
ANY = re.compile(rf"\b(?:{NUMBER_WORD})\b", re.IGNORECASE)


DENOMINATORS = {
    **{word: number for number, words in enumerate(("half halves", "third thirds"), 2) for word in words.split()},
    **dict.fromkeys(("quarter", "quarters", "fourth", "fourths"), 4),
    **{
        f"{word}{end}": n for n, word in ((5, "fifth"), (6, "sixth"), (8, "eighth"), (10, "tenth")) for end in ("", "s")
    },
}
#: `a quarter`, `two thirds`, `half a dozen`, `a dozen`, and nothing else.
SHARE = re.compile(
    rf"[\W_]*(?:{FILLER}\s+)*(?P<said>(?:(?P<over>an?|{'|'.join(list(ONES)[1:10])})[\s-]+)?"
    rf"(?:(?P<under>{'|'.join(DENOMINATORS)})(?P<of_dozen>\s+a\s+dozen)?|(?P<dozen>dozen)))[\W_]*",
    re.IGNORECASE,
)


class Spelled(NamedTuple):
    """A run of number words in a text, from `start` to `end`."""

    value: int | None  # None: not one number
    half: bool  # "... and a half"
    start: int
    end: int
    negative: bool
    more: bool  # further number words follow


def read_words(text: str) -> Spelled | None:
    """The number words at the beginning of a text; None when it begins with something else."""
    match = RUN.match(text)
    if match is None:
        return None
    # "two thirds", "one of them": not the number that the words begin with
    value = None if match["part"] else whole_number(re.findall(r"[a-z]+", match["run"].lower()))
    end = match.end("half") if match["half"] else match.end("run")
    return Spelled(
        value,
        bool(match["half"]),
        match.start("negative" if match["negative"] else "run"),
        end,
        bool(match["negative"]),
        bool(ANY.search(text, end)),
    )


def read_share(text: str) -> tuple[str, Fraction] | None:
    """A text that is one fraction in words, or a dozen: its words and its value."""
    match = SHARE.fullmatch(text)
    if match is None:
        return None
    over = ONES.get((match["over"] or "one").lower(), 1)
    value = Fraction(over * 12) if match["dozen"] else Fraction(over, DENOMINATORS[match["under"].lower()])
    return match["said"], value * 12 if match["of_dozen"] else value


def whole_number(words: list[str]) -> int | None:
    """The value of number words in their usual order, None in any other: `five six`, `ten twenty`."""
    total = group = 0
    room = 10**9  # a word must be smaller than what the words before it leave open
    last_large = 10**9
    for word in words:
        if word == "and":
            continue
        if word in ONES or word in TENS:
            number = ONES.get(word, TENS.get(word, 0))
            if number >= room or (number == 0 and len(words) > 1):
                return None
            group += number
            room = 10 if word in TENS else 0
        elif word == "hundred":
            fifteen_hundred = 10 < group < 100 and group % 10 and not total
            if not (0 < group < 10 or fifteen_hundred):
                return None
            group, room = group * 100, 100
        else:
            large = LARGE[word]
            if group == 0 or large >= last_large:
                return None
            total, group, room, last_large = total + group * large, 0, 1000, large
    return total + group
