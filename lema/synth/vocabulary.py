"""Every token that a question, a gold path or a correction in the `brief` format can hold.

A word is a token together with the space before it, so that joining tokens gives the text back to
the letter, and so that the tokens of prompt + completion are those of the prompt and of the completion.
Words that can begin a line or a text have a second token without the space.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from lema.base.reasoning_steps import MARKER
from lema.synth.difficulty import LARGEST_BOUND
from lema.synth.explaining import MEANINGS, PHRASES
from lema.synth.lexicon import CONTAINERS, ITEMS, PARTS, PEOPLE, POSSESSIVE, TIMES
from lema.synth.wording import HELD_OUT, SAME_OWNER, SAME_THING, TEMPLATES

PAD, UNKNOWN, BEGIN, END = SPECIAL = ("<pad>", "<unk>", "<s>", "</s>")
PUNCTUATION = (".", ",", "?", ":", "'s", "\n")
SIGNS = ("+", "-", "*", "/", "=")
FORMAT = "Question Answer Wrong solution step Step Reason Correct"
SOLUTION = f"{MARKER} are is has the The total difference"
# A regular expression for one token; what it leaves out is unknown to the vocabulary.
TOKEN = r"'s| ?[A-Za-z]+| ?[0-9]+| [+\-*/=]|[.,?:]|\n"


def texts() -> Iterator[str]:
    """All wordings, with their slots."""
    for table in (TEMPLATES, HELD_OUT, PHRASES):
        for wordings in table.values():
            yield from wordings
    for single in (SAME_THING, SAME_OWNER, MEANINGS, TIMES, PARTS, POSSESSIVE, CONTAINERS):
        yield from single.values()
    yield from (*PEOPLE, *ITEMS, *CONTAINERS, FORMAT, SOLUTION)


def words() -> list[str]:
    """All words, in alphabetical order."""
    found = {word for text in texts() for word in re.findall(r"[A-Za-z]+", re.sub(r"\{.*?\}|'s", " ", text))}
    return sorted(found)


def vocabulary() -> list[str]:
    """All tokens; the place of one is its id."""
    numbers = [f" {number}" for number in range(LARGEST_BOUND + 1)]
    spaced = [f" {word}" for word in words()]
    starting = [word for word in words() if word[0].isupper()]
    return [*SPECIAL, *PUNCTUATION, *(f" {sign}" for sign in SIGNS), *numbers, *starting, *spaced]
