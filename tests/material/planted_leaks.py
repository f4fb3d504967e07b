"""Questions of the real data sets, and what somebody does to a test question who does not want it recognised.

Nothing here knows the rules that are to find it: a name is a word that a data set writes with a capital
inside sentences and never without one.
"""

from __future__ import annotations

import json
import random
import re
from collections.abc import Callable, Iterable
from pathlib import Path
from xml.etree import ElementTree

CAPITALISED = re.compile(r"\b[A-Z][a-z]+\b")
INSIDE = re.compile(r"(?<=[a-z,] )[A-Z][a-z]+\b")
MADE_UP = (
    "Aisha,Will,Rose,Mary Ann,Jean-Luc,Zoë,Nguyễn,Mr. Okafor,Bill,Grace,Priya,Dmitri,Mark,Hope,Kwame,Ying,José,"
    "Sunny,O'Brien,Wanjiru,Lars,Señor Díaz,Xochitl,Faith"
)
NEW_NAMES = MADE_UP.split(",")
SMALL = "two three four five six seven eight nine ten eleven twelve fifteen twenty thirty forty fifty"
SPELLED = SMALL.split()
DIGITS = re.compile(r"\d+(?:,\d{3})*(?:\.\d+)?")
PUNCTUATION = re.compile(r"(?<![\d\\])[.,;:?!](?!\d)|(?<!\\)[.,;:?!](?=\s|$)")  # none of a number or of LaTeX
WORDS = re.compile(rf"\b(?:{'|'.join(SPELLED)})\b")
PAIRS = ("he she", "him her", "his her", "He She", "His Her", "himself herself")
OTHER = {a: b for pair in PAIRS for a, b in (pair.split(), pair.split()[::-1])}
FILLER = "For a school project somebody wrote the following down and asked a friend about it."

Plant = Callable[[str, random.Random], str]


def questions(data: Path) -> dict[str, list[str]]:
    """The texts of every data set in the folder, by name."""
    math, csqa = "math/test.jsonl", "csqa/{}_rand_split.jsonl"
    svamp = json.loads((data / "svamp/SVAMP.json").read_text())
    asdiv = ElementTree.parse(data / "asdiv/ASDiv.xml").iter("Problem")  # our own test data
    return {
        "gsm8k train": [row["question"] for row in lines(data / "gsm8k/train.jsonl")],
        "gsm8k test": [row["question"] for row in lines(data / "gsm8k/test.jsonl")],
        "svamp": [f"{row['Body'].strip().rstrip('.')}. {row['Question']}" for row in svamp],
        "asdiv": [f"{row.findtext('Body', '').strip()} {row.findtext('Question', '').strip()}" for row in asdiv],
        "math test": [row["problem"] for row in lines(data / math)],
        "csqa train": [row["question"]["stem"] for row in lines(data / csqa.format("train"))],
        "csqa dev": [row["question"]["stem"] for row in lines(data / csqa.format("dev"))],
    }


def lines(path: Path) -> Iterable[dict]:
    return map(json.loads, path.read_text(encoding="utf-8").splitlines())


def names_in(texts: list[str]) -> frozenset[str]:
    """Words that stand in the texts with a capital inside a sentence, and nowhere without."""
    lower = {word for text in texts for word in re.findall(r"\b[a-z]+\b", text)}
    return frozenset(word for text in texts for word in INSIDE.findall(text) if word.lower() not in lower)


def repunctuated(text: str, draw: random.Random) -> str:
    """Other case, spaces, apostrophes and punctuation; numbers and operators as they are."""
    text = re.sub(
        r"(?<![\d\\])[.,;:?!](?!\d)|(?<!\\)[.,;:?!](?=\s|$)", lambda _: draw.choice([" ", " ;", "!", "…"]), text
    )
    text = re.sub(r" ", lambda _: draw.choice([" ", "  ", "\u00a0", "\n"]), text.replace("'", "’"))
    return draw.choice([str.lower, str.upper, str.strip])(text)


def renumbered(text: str, draw: random.Random) -> str:
    def number(found: re.Match[str]) -> str:
        size = draw.randint(2, 9) if len(found[0]) == 1 else draw.randint(10, 9999)
        return f"{size:,}" if "\\" not in text else str(size)

    text = DIGITS.sub(number, text)
    return WORDS.sub(lambda _: draw.choice([*SPELLED, "twenty-four", "31"]), text)


def renamed(text: str, draw: random.Random, names: frozenset[str]) -> str:
    here = [word for word in dict.fromkeys(CAPITALISED.findall(text)) if word in names]
    new = dict(zip(here, draw.sample(NEW_NAMES, min(len(here), len(NEW_NAMES))), strict=False))
    return CAPITALISED.sub(lambda found: new.get(found[0], found[0]), text)


def other_pronouns(text: str) -> str:
    return re.sub(r"\b\w+\b", lambda found: OTHER.get(found[0], found[0]), text)


def disguised(text: str, draw: random.Random, names: frozenset[str]) -> str:
    """Renamed, renumbered, and of the other sex."""
    return other_pronouns(renumbered(renamed(text, draw, names), draw))


def with_words_replaced(text: str, draw: random.Random, share: float, words: list[str]) -> str:
    return " ".join(draw.choice(words) if draw.random() < share else word for word in text.split())


def with_another_end(text: str, draw: random.Random, texts: list[str]) -> str:
    """The same story, asked about something else."""
    start, _, _ = text.rstrip(" .?!").rpartition(". ")
    return f"{start}. {re.split(r'[.?!] ', draw.choice(texts).rstrip(' .?!'))[-1]}?"


def plants(texts: list[str], names: frozenset[str]) -> dict[str, Plant]:
    """By name, ways to plant one of the texts."""
    words = " ".join(texts[:2000]).split()
    return {
        "verbatim": lambda text, draw: text,
        "repunctuated": repunctuated,
        "renumbered": renumbered,
        "renamed": lambda text, draw: renamed(text, draw, names),
        "renamed and renumbered": lambda text, draw: disguised(text, draw, names),
        "... inside a longer text": lambda text, draw: f"{FILLER} {disguised(text, draw, names)} {FILLER}",
        "... 5 % of words replaced": lambda text, draw: with_words_replaced(
            disguised(text, draw, names), draw, 0.05, words
        ),
        "... 10 % of words replaced": lambda text, draw: with_words_replaced(
            disguised(text, draw, names), draw, 0.1, words
        ),
        "... another last sentence": lambda text, draw: with_another_end(disguised(text, draw, names), draw, texts),
    }
