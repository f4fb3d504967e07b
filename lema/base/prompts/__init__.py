"""Prompts as text files of this folder. Their text is part of a key; their name and place are not."""

from __future__ import annotations

import re
from difflib import get_close_matches
from hashlib import sha256
from pathlib import Path

from lema.base.errors import ConfigError

FOLDER = Path(__file__).parent
SLOT = re.compile(r"\{\{(\w+)\}\}")


def names() -> list[str]:
    """The prompts there are."""
    return sorted(path.stem for path in FOLDER.glob("*.txt"))


def read(name: str) -> str:
    """The text of a prompt, without its final newline.

    Raises:
        ConfigError: there is no prompt of this name.
    """
    if name not in names():
        near = get_close_matches(name, names(), n=1)
        hint = f" Did you mean {near[0]!r}?" if near else ""
        raise ConfigError(f"there is no prompt {name!r}, only {', '.join(names())}.{hint}")
    return (FOLDER / f"{name}.txt").read_text(encoding="utf-8").removesuffix("\n")


def render(template: str, **fields: str) -> str:
    """A template with each `{{slot}}` replaced, once: braces in a value are only text.

    Raises:
        KeyError: the template has a slot that no field fills.
    """
    return SLOT.sub(lambda slot: fields[slot[1]], template)


def slots(template: str) -> frozenset[str]:
    """The names that a template has places for."""
    return frozenset(SLOT.findall(template))


def seed(*parts: object) -> int:
    """A seed for a prompt from what names it: the same in any order, batch or process."""
    return int.from_bytes(sha256(":".join(map(str, parts)).encode()).digest()[:4])
