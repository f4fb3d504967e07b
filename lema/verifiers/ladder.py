"""The extraction ladder: where in a text its final answer stands, and which rule says so."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
from typing import Literal

from lema.base.judged_stretch import judged
from lema.verifiers.numerals import NUMBER

Rung = Literal["answer_is", "hashes", "answer_line", "boxed", "last_number"]
Phrase = Callable[[str], str]

ANSWER_IS = re.compile(r"\banswer\s+is\b[\s:*_]*", re.IGNORECASE)
ANSWER_LINE = re.compile(
    r"^[ \t*_#>]*(?:A|(?i:(?:the\s)?(?:final\s)?(?:answer|result)))[ \t*_]*:[\s*_]*(?=\S)", re.MULTILINE
)
#: The end of a sentence; not a decimal point, an abbreviation, or a stop before "or ...".
SENTENCE_END = re.compile(r"\n|(?<!\bapprox)(?<!\bRs)[.!?](?=\s+(?!or\b)|\s*$|\s*[}\]])", re.IGNORECASE)
#: Words with which nothing is answered.
REFUSAL = re.compile(
    r"\W*(?:none|neither|nothing|unknown|unclear|uncertain|undetermined|not\s+(?:clear|known|given|certain|possible|sure)"
    r"|impossible|n/?a|cannot|can't|there\s+is\s+no|no\s+answer"
    r"|(?:i|we|it)\s+(?:can|could|do|am|are|is|was|were|have|has|depends))(?:\W|n't|$)",
    re.IGNORECASE,
)
BOX = re.compile(r"\\(?:boxed|fbox)\s*(?:\{|(?P<bare>[0-9A-Za-z]))")
LONGEST = 2000  # characters of one answer
LAST_PART = 4000  # characters at the end of a text in which the last number is looked for


def candidates(text: str, rungs: Sequence[Rung], phrase: Phrase | None = None) -> Iterator[tuple[Rung, str]]:
    """What each rung finds in a text, in the order of the rungs; those that find nothing are left out.

    `phrase` cuts the answer from what follows a marker; by default it is the first sentence.
    """
    text = judged(text)
    for rung in rungs:
        found = FINDERS[rung](text, phrase or first_sentence)
        if found:
            yield rung, found


def first_line(rest: str) -> str:
    """What follows a marker in its line."""
    return _unclosed(rest.split("\n", 1)[0])


def first_sentence(rest: str) -> str:
    """The sentence that follows a marker, or what its line puts in boxes."""
    line = rest.split("\n", 1)[0]
    found = boxes(line)
    if found:
        return ", ".join(found)
    end = SENTENCE_END.search(rest)
    return _unclosed(rest[: end.start()] if end else rest)


def _unclosed(phrase: str) -> str:
    # the brace that closes a correction is not part of its answer
    return phrase if "{" in phrase else phrase.rstrip("} \t")


def _after_last(pattern: re.Pattern[str], text: str, phrase: Phrase) -> str | None:
    last = None
    for last in pattern.finditer(text):  # noqa: B007
        pass
    return None if last is None else phrase(text[last.end() : last.end() + LONGEST])


def _hashes(text: str, phrase: Phrase) -> str | None:
    start = text.rfind("####")
    return None if start < 0 else phrase(text[start + 4 : start + 4 + LONGEST].lstrip(" \t"))


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


def _last_number(text: str) -> str | None:
    last = None
    for last in NUMBER.finditer(text[-LAST_PART:]):  # noqa: B007
        pass
    return None if last is None else last[0]


FINDERS: dict[Rung, Callable[[str, Phrase], str | None]] = {
    "answer_is": lambda text, phrase: _after_last(ANSWER_IS, text, phrase),
    "hashes": _hashes,
    "answer_line": lambda text, phrase: _after_last(ANSWER_LINE, text, phrase),
    "boxed": lambda text, _: last_box(text),
    "last_number": lambda text, _: _last_number(text),
}
