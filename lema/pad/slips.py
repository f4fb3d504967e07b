"""Slips of a teacher whose true programs are known: for studying what a filter lets through."""

from __future__ import annotations

import re
from collections.abc import Sequence

from lema.synth.draw import Draw

STATED = re.compile(r"(?<= )\d+\b")


def blunder(lines: Sequence[str], draw: Draw, *, broken: bool) -> list[str]:
    """The same statements with one number changed, or (`broken`) without the first one, whose name then is not known.

    A program of one line has no name to lose, and a number is changed.
    """
    if broken and len(lines) > 1:
        return list(lines[1:])
    places = [(row, found) for row, line in enumerate(lines) for found in STATED.finditer(line)]
    row, found = draw.pick(places)
    changed = int(found[0]) + draw.pick((-1, 1) if int(found[0]) > 1 else (1,))
    line = lines[row]
    return [*lines[:row], f"{line[: found.start()]}{changed}{line[found.end() :]}", *lines[row + 1 :]]
