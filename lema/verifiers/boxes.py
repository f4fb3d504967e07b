"""What stands in the boxes of a text: `\\boxed{...}`, `\\fbox{...}`."""

from __future__ import annotations

import re

BOX = re.compile(r"\\(?:boxed|fbox)\s*(?:\{|(?P<bare>[0-9A-Za-z]))")
LONGEST = 2000  # characters of one answer


def boxes(text: str) -> list[str]:
    """The contents of all `\\boxed{...}` of a text, in order; of one in another, the outer."""
    found, start = [], 0
    while opening := BOX.search(text, start):
        content = braced(text, opening.end() - 1) if opening[0].endswith("{") else opening["bare"]
        start = opening.end() + len(content or "")
        if content is not None:
            found.append(content)
    return found


def last_box(text: str) -> str | None:
    """The content of the last `\\boxed{...}` that is closed."""
    last = None
    for opening in BOX.finditer(text):
        last = opening
    if last is None:
        return None
    return braced(text, last.end() - 1) if last[0].endswith("{") else last["bare"]


def braced(text: str, opening: int) -> str | None:
    """What stands between the brace at `opening` and the one that closes it."""
    depth = 0
    for at in range(opening, min(len(text), opening + LONGEST)):
        depth += {"{": 1, "}": -1}.get(text[at], 0)
        if depth == 0:
            return text[opening + 1 : at]
    return None
