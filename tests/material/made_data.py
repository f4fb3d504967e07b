"""Made-up rows of data sets whose own files are not among the test data."""

from __future__ import annotations

import json
import tempfile
from functools import lru_cache
from pathlib import Path
from typing import Any

from conftest import require_data

ROWS = 260
KEPT: list[tempfile.TemporaryDirectory[str]] = []  # removed when the tests end


def trivia(number: int) -> dict[str, Any]:
    name = f"Port Number {number}"
    aliases = [name, f"the {name}", f"Harbour {number}"]
    return {
        "question": f"Which port has the number {number} on the made-up map?",
        "question_id": f"tc_{number}",
        "answer": {"value": name, "aliases": aliases, "normalized_aliases": [name.lower()], "type": "Made"},
    }


def truths(number: int) -> dict[str, Any]:
    choices = [
        f"It weighs {number} grams",
        f"It weighs {number + 1} kilograms",
        "It weighs nothing at all",
        "Nobody has one",
    ]
    targets = {"choices": choices, "labels": [1, 0, 0, 0]}
    return {"question": f"How heavy is made-up coin {number}?", "mc1_targets": targets, "mc2_targets": targets}


def coin(number: int) -> dict[str, Any]:
    """Question `number` of four people, each of whom flips the coin if a digit of the number says so."""
    acts = [bool(number >> bit & 1) for bit in range(4)]
    names = (f"Ann{number}", "Ben", "Cleo", "Dan")
    said = " ".join(
        f"{name} {'flips' if act else 'does not flip'} the coin." for name, act in zip(names, acts, strict=True)
    )
    text = f'A coin is heads up. {said} Is the coin still heads up? Note that "flip" here means "reverse".'
    return {"question": text, "answer": "no" if sum(acts) % 2 else "yes"}


def letters(number: int) -> dict[str, Any]:
    alphabet = "abcdefghijklmnopqrstuvwxyz"
    ends = [alphabet[number % 26], alphabet[number // 26 % 26], alphabet[number // 676], alphabet[number * 7 % 26]]
    words = " ".join(f"Na{end}" for end in ends)
    text = f'Take the last letters of each words in "{words}" and concatenate them.'
    return {"question": text, "answer": "".join(ends)}


SYMBOLIC = {"coin_flip": coin, "last_letters": letters}


@lru_cache
def data_of(task: str) -> Path:
    """The folder of a task's data: that of the test data, or of made-up rows."""
    if task not in ("triviaqa", "truthfulqa", *SYMBOLIC):
        return require_data(task)
    KEPT.append(tempfile.TemporaryDirectory(prefix=f"lema-{task}-"))
    folder = Path(KEPT[-1].name)
    if task in SYMBOLIC:
        held = {"examples": [SYMBOLIC[task](number) for number in range(3 * ROWS)]}
        (folder / f"{task}.json").write_text(json.dumps(held))
        return folder
    row, splits = (trivia, ("train", "validation")) if task == "triviaqa" else (truths, ("validation",))
    for place, split in enumerate(splits):
        rows = [row(place * ROWS + number) for number in range(ROWS)]
        (folder / f"{split}.jsonl").write_text("".join(json.dumps(one) + "\n" for one in rows))
    return folder
