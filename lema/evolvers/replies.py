"""Reading an evolver's reply: one new question, or the named reason why there is none.

What has one clear meaning is put right: decoration, a sentence that announces the question, a repeated cue,
and a solution after the question, which is left out because labels are voted on.
"""

from __future__ import annotations

import re
from typing import Literal, NamedTuple

from lema.base.judged_stretch import judged_stretch

Reject = Literal["", "empty", "truncated", "several_questions"]

WHAT = r"(?:exercise|question|problem)"
DECORATION = re.compile(r"\*\*|^[ \t]*(?:```.*|#+[ \t]+|-{3,}[ \t]*$)", re.MULTILINE)
ANNOUNCED = re.compile(rf"\A(?:sure|certainly|of course|okay|here)\b[^\n]*\b{WHAT}\b[^\n]*:[ \t]*\n\s*", re.IGNORECASE)
CUE = re.compile(rf"\A(?:(?:new|created|evolved)[ \t]+)?{WHAT}[ \t]*:[ \t]*", re.IGNORECASE)
SOLVED = re.compile(
    r"^[ \t]*(?:(?:final[ \t]+)?answer|(?:step[- ]by[- ]step[ \t]+)?solution)[ \t]*:", re.IGNORECASE | re.MULTILINE
)
ANOTHER = re.compile(
    rf"^[ \t]*(?:(?:(?:new|given|another|created)[ \t]+)?{WHAT}[ \t]*\d*[ \t]*:|2[.)][ \t])",
    re.IGNORECASE | re.MULTILINE,
)
LETTER = re.compile(r"[^\W\d_]")


class Draft(NamedTuple):
    """What a reply says. With a `reject` reason, the text is what could be read before the fault."""

    text: str = ""
    reject: Reject = ""


def parse(reply: str, *, cut: bool = False) -> Draft:
    """Read the text that follows the cue `New exercise:`.

    Args:
        reply: the text, which may repeat the cue.
        cut: the reply ended at the token limit. A question that was whole by then counts.
    """
    text = DECORATION.sub("", reply[judged_stretch(reply)[0] :]).strip()
    text = CUE.sub("", ANNOUNCED.sub("", text))
    solved = SOLVED.search(text)
    text = (text[: solved.start()] if solved else text).strip()
    if not LETTER.search(text):
        return Draft(text, "truncated" if cut else "empty")
    if ANOTHER.search(text):
        return Draft(text, "several_questions")
    return Draft(text, "truncated" if cut and not solved else "")
