"""The extraction ladder: where in a text its final answer stands, and which rule says so."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
from typing import Literal

from lema.verifiers.numerals import NUMBER

Rung = Literal["answer_is", "hashes", "answer_line", "boxed", "last_number"]

#: A model that goes on with a question of its own has left the one that was asked.
NEXT_QUESTION = re.compile(r"\n[ \t]*(?:Question|Q|Problem)[ \t]*:")
ANSWER_IS = re.compile(r"\banswer\s+is\b[\s:*_]*", re.IGNORECASE)
ANSWER_LINE = re.compile(
    r"^[ \t*_#>]*(?:A|(?i:(?:the\s)?(?:final\s)?(?:answer|result)))[ \t*_]*:[\s*_]*(?=\S)", re.MULTILINE
)
#: The end of a sentence; not a decimal point, an abbreviation, or a stop before "or ...".
SENTENCE_END = re.compile(r"\n|(?<!\bapprox)(?<!\bRs)[.!?](?=\s+(?!or\b)|\s*$|\s*[}\]])", re.IGNORECASE)
LONGEST = 2000  # characters of one answer
LAST_PART = 4000  # characters at the end of a text in which the last number is looked for


def candidates(text: str, rungs: Sequence[Rung]) -> Iterator[tuple[Rung, str]]:
    """What each rung finds in a text, in the order of the rungs; those that find nothing are left out."""
    text = text.strip()
    following = NEXT_QUESTION.search(text)
    if following:
        text = text[: following.start()]
    for rung in rungs:
        found = FINDERS[rung](text)
        if found:
            yield rung, found


def _after_last(pattern: re.Pattern[str], text: str) -> str | None:
    last = None
    for last in pattern.finditer(text):  # noqa: B007
        pass
    return None if last is None else _first_sentence(text, last.end())


def _first_sentence(text: str, start: int) -> str:
    rest = text[start : start + LONGEST]
    boxed = _boxed(rest.split("\n", 1)[0])
    if boxed is not None:
        return boxed
    end = SENTENCE_END.search(rest)
    sentence = rest[: end.start()] if end else rest
    # the brace that closes a correction is not part of its answer
    return sentence if "{" in sentence else sentence.rstrip("} \t")


def _hashes(text: str) -> str | None:
    start = text.rfind("####")
    return None if start < 0 else _first_sentence(text, start + 4).lstrip()


def _boxed(text: str) -> str | None:
    """The content of the last `\\boxed{...}`."""
    start = max(text.rfind("\\boxed{"), text.rfind("\\fbox{"))
    if start < 0:
        return None
    opening = text.index("{", start)
    depth = 0
    for at in range(opening, min(len(text), opening + LONGEST)):
        depth += {"{": 1, "}": -1}.get(text[at], 0)
        if depth == 0:
            return text[opening + 1 : at]
    return None


def _last_number(text: str) -> str | None:
    last = None
    for last in NUMBER.finditer(text[-LAST_PART:]):  # noqa: B007
        pass
    return None if last is None else last[0]


FINDERS: dict[Rung, Callable[[str], str | None]] = {
    "answer_is": lambda text: _after_last(ANSWER_IS, text),
    "hashes": _hashes,
    "answer_line": lambda text: _after_last(ANSWER_LINE, text),
    "boxed": _boxed,
    "last_number": _last_number,
}
