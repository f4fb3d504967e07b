"""Coin-Flip and Last-Letter (Wei et al., 2022), as PaD takes them (arXiv 2305.13888): one file of 500 questions each.

A row, shortened; the file is one object, `{"examples": [rows]}`:

    {"question": "A coin is heads up. Mia flips the coin. Ben does not flip the coin. Is the coin still heads up?",
     "answer": "no"}

The file has no splits. PaD learns from about 70 % of the questions and scores the others; which ones is not known, so
here the first 70 % of the file are `train` and the rest is `test`. What a question states can be read from its words
alone, so that reference paths and programs are written from them. In 15 questions of Last-Letter (7 of `test`) a name
has two words, and the published answer takes the last letter of the name: the answers are kept as they are.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from itertools import combinations, pairwise
from pathlib import Path
from typing import Any

import msgspec

from lema.base.errors import InputError
from lema.base.records import Question
from lema.data.datasets import Dataset, Split, on_lines, question_id

LEARNED = 70  # percent of the questions that are `train`
LIST = re.compile(r'"examples"\s*:\s*\[')
START = re.compile(r"\s*A coin is heads up\.")
FLIP = re.compile(r"\s+(\w[\w' .-]*?) (flips|does not flip) the coin\.")
ASKED = re.compile(r"\s+Is the coin still heads up\?")
QUOTED = re.compile(r'last letters? of (?:each|the|every) words? in "([^"]+)"', re.IGNORECASE)


class Row(msgspec.Struct):
    """A row of either file."""

    question: str
    answer: str

    def question_of(self, task: str) -> Question:
        """The question that the row stands for.

        Raises:
            InputError: it has no words, or no answer.
        """
        if not self.question.strip() or not self.answer.strip():
            raise InputError("no question, or no answer")
        text = self.question.strip()
        return Question(id=question_id(task, text), task=task, text=text, answer=self.answer.strip().lower())


def dataset(task: str, file: str, row: type[Any], path: str | None) -> Dataset:
    """The two splits of one file, which only comes from a folder: none of the hub's copies is known here to be good."""
    return Dataset(task, {"train": Split(file, (), row, read=first), "test": Split(file, (), row, read=rest)}, path)


def first(file: Path) -> Iterator[tuple[int, Any]]:
    """Line and value of the rows that are learned from."""
    rows = examples(file)
    yield from rows[: len(rows) * LEARNED // 100]


def rest(file: Path) -> Iterator[tuple[int, Any]]:
    """Line and value of the rows that are scored."""
    rows = examples(file)
    yield from rows[len(rows) * LEARNED // 100 :]


def examples(file: Path) -> list[tuple[int, Any]]:
    """Line and value of each row.

    Raises:
        InputError: the file is not one object with a list of `examples`.
    """
    try:
        text = file.read_text(encoding="utf-8")
        held = msgspec.json.decode(text)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as fault:
        raise InputError(f"{file}: not JSON: {fault}") from None
    rows = held.get("examples") if isinstance(held, dict) else None
    if not isinstance(rows, list) or (start := LIST.search(text)) is None:
        raise InputError(f'{file}: expected one object with a list of rows, {{"examples": [...]}}')
    return list(on_lines(text, rows, start.end()))


def flips(text: str) -> list[tuple[str, bool]] | None:
    """Who flips the coin and who does not, in order; None for a text that says anything else."""
    found = START.match(text)
    if found is None:
        return None
    at, said = found.end(), []
    while one := FLIP.match(text, at):
        said.append((one[1], one[2] == "flips"))
        at = one.end()
    return said if said and ASKED.match(text, at) else None


def words(text: str) -> list[str] | None:
    """The words whose last letters are asked for; None for a text that asks for anything else."""
    found = QUOTED.search(text)
    return found[1].split() or None if found else None


def names(text: str, answer: str) -> list[str] | None:
    """The words put together to names whose last letters are the answer; None where they are not, in any way.

    Of several ways it is the first, in which late words are put together.
    """
    asked = words(text)
    if asked is None or not 0 < len(answer) <= len(asked):
        return None
    last = len(asked) - 1
    for ends in combinations(range(last), len(answer) - 1):
        groups = [asked[start + 1 : end + 1] for start, end in pairwise((-1, *ends, last))]
        if [group[-1][-1].lower() for group in groups] == list(answer.lower()):
            return [" ".join(group) for group in groups]
    return None
