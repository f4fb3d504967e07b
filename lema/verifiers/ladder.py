"""The extraction ladder: where in a text its final answer stands, and which rule says so.

Of all places that a text has for an answer the last one counts: `Step 1: \\boxed{9}` before `The answer is 18`, and
`The answer is 9 so far` before `\\boxed{18}`.
"""

from __future__ import annotations

import re
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from typing import Literal

from lema.base.stretch import judged
from lema.verifiers.numerals import NUMBER

Rung = Literal["answer_is", "hashes", "answer_line", "boxed", "last_number"]
Phrase = Callable[[str], str]

SAYS = (
    r"(?:is|are|was|must\s+be|should\s+be|would\s+be|will\s+be|has\s+to\s+be|can\s+only\s+be|comes\s+(?:out\s+)?to"
    r"|equals|is\s+equal\s+to)\b"
)
#: Between `answer` and `is`: `(in metres)`, `, in all,`, `to this question`.
BETWEEN = (
    r"(?:\s*\([^()\n]{1,60}\)|,[^,.:;?!\n=]{1,60},"
    r"|\s+(?:to|of|for|in|here|now|then|thus|therefore|which|that|we|he|she|you)\b(?:(?!\banswer\b)[^.:;?!\n=]){0,80}?)?"
)
ANSWER_IS = re.compile(rf"\banswers?{BETWEEN}\s*(?:{SAYS}(?!\s*(?:not\b|n't))|=)(?:[\s:*_]*\n\s*[-•]\s+)?[\s:*_]*|"
                       rf"\banswers?{BETWEEN}\s+is(?=\s+not\b)[\s:*_]*", re.IGNORECASE)  # fmt: skip
#: Before a marker: with these it says nothing of what the answer is.
SUPPOSED = re.compile(
    r"\b(?:if|whether|unless|suppose|supposing|assume|assuming|until|without|otherwise|had|check(?:s|ing)?\s+that"
    r"|wrong(?:ly)?|mistaken(?:ly)?)\b[^.:;?!\n]{0,60}$",
    re.IGNORECASE,
)
ANSWER_LINE = re.compile(
    r"^[ \t*_#>]*(?:A|(?i:(?:the\s)?(?:final\s)?(?:answer|result)))[ \t*_]*"
    r"(?::(?:[\s*_]*\n\s*[-•]\s+)?|=|→|⇒|->|=>|[-–—](?=\s))[\s*_]*(?=\S)"
    r"|^[ \t*_#>]*(?i:(?:the\s)?final\s(?:answer|result))[ \t]*(?:[*_]+[ \t]*)?"
    r"(?:\n\s*(?:[-•]\s+)?[*_]*|(?=[*_$\\0-9]))",
    re.MULTILINE,
)
ANSWER_TAG = re.compile(r"<(?P<tag>(?:final_?)?answer)>", re.IGNORECASE)
HASHES = re.compile(r"####[ \t]*")
#: Behind a marker: a heading, which is no answer.
HEADING = re.compile(
    r"[*_ \t]*(?:(?:Step|Part|Case|Section|Method|Approach|Option|Stage|Phase|Example|Check|Note)"
    r"\s*#?\s*[0-9IVX]+\b(?!\s*$)"
    r"|(?:Solution|Explanation|Verification|Check|Summary|Conclusion|Given|Reasoning|Calculations?|Approach)\b"
    r"|(?:the\s+)?(?:final\s+)?answer\s*:?\s*$)[^\n]*",
    re.IGNORECASE,
)
#: Said of an answer that stands elsewhere.
COMMENT = re.compile(
    r"[\s*_]*(?:indeed\s+|also\s+|therefore\s+|thus\s+|clearly\s+|now\s+)*(?:correct|right|wrong|incorrect|valid|reasonable"
    r"|consistent|verified|confirmed|clear|obvious|complete|final|positive|negative|an?\s+(?:integer|whole\s+number)"
    r"|(?:as\s+)?(?:follows|below|above|shown|given|stated|boxed|expected|required|desired))\b[^0-9]*$",
    re.IGNORECASE,
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
#: Between two boxes that are one answer.
BESIDE = re.compile(r"[\s$]*(?:\\[)\]])?\s*(?:,|;|,?\s*\b(?:and|or)\b)[\s$]*(?:\\[(\[])?[\s$]*")
#: At the end of a text, in lines of its own: display mathematics, a formula, a code block of one line.
ALONE = re.compile(
    r"(?:^|\n)[ \t]*(?:\$\$([^$]+)\$\$|\$([^$\n]+)\$|\\\[((?:(?!\\\[).)+?)\\\]|\\\(((?:(?!\\\().)+?)\\\)"
    r"|```[a-z]*\n([^\n`]+)\n```)[ \t]*[.,;]?\s*$",
    re.DOTALL,
)
BOX = re.compile(r"\\(?:boxed|fbox)\s*(?:\{|(?P<bare>[0-9A-Za-z]))")
MOST = 32  # places of one kind that are looked at, from the last
LONGEST = 2000  # characters of one answer
LAST_PART = 4000  # characters at the end of a text in which the last number is looked for


def candidates(text: str, rungs: Sequence[Rung], phrase: Phrase | None = None) -> Iterator[tuple[Rung, str]]:
    """What stands at each place for an answer, the last place first; a last number stands behind all others.

    Args:
        rungs: kinds of places that are looked at.
        phrase: cuts the answer from what follows a marker; by default it is the first sentence.
    """
    text = judged(text).strip()
    cut = phrase or first_sentence
    places = sorted(_places(text, rungs), key=lambda place: -place[0])
    for _, rung, rest in places:
        found = cut(rest) if rung in MARKERS else rest
        if found and not COMMENT.fullmatch(found):
            yield rung, found
    if not places and "answer_line" in rungs and (said := alone(text)):
        yield "answer_line", said
    if "last_number" in rungs and (number := _last_number(text)):
        yield "last_number", number


def _places(text: str, rungs: Sequence[Rung]) -> Iterator[tuple[int, Rung, str]]:
    """Where the last markers and boxes stand, and what follows them, in any order; a box in a marker's own sentence
    belongs to that."""
    spans = []
    for rung in rungs:
        for marker in deque(MARKERS[rung].finditer(text), MOST) if rung in MARKERS else ():
            if rung == "answer_is" and SUPPOSED.search(text, max(0, marker.start() - 90), marker.start()):
                continue
            rest = text[marker.end() : marker.end() + LONGEST]
            if rung == "hashes" and HEADING.match(rest.split("\n", 1)[0]):
                continue
            spans.append((marker.start(), marker.end() + len(sentence_of(rest))))
            yield marker.start(), rung, rest
    if "answer_line" in rungs:
        for tag in deque(ANSWER_TAG.finditer(text), MOST):
            end = text.find(f"</{tag['tag']}>", tag.end(), tag.end() + LONGEST)
            if end >= 0:
                spans.append((tag.start(), end))
                yield tag.start(), "answer_line", text[tag.end() : end].strip()
    if "boxed" in rungs:
        for start, content in box_groups(text):
            if not any(low <= start < high for low, high in spans):
                yield start, "boxed", content


def sentence_of(rest: str) -> str:
    """What belongs to a marker, at the beginning of a text: up to the end of its sentence, formulas whole."""
    line = SENTENCE_END.search(rest)
    formula = re.match(r"\s*(?:\$\$|\\\[)", rest)
    end = re.compile(r"\$\$|\\\]").search(rest, formula.end()) if formula else line
    return rest[: end.end()] if end else rest


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


def boxes(text: str) -> list[str]:
    """The contents of all `\\boxed{...}` of a text, in order; of one in another, the outer."""
    found, start = [], 0
    while opening := BOX.search(text, start):
        content = braced(text, opening.end() - 1) if opening[0].endswith("{") else opening["bare"]
        start = opening.end() + len(content or "")
        if content is not None:
            found.append(content)
    return found


def box_groups(text: str) -> Iterator[tuple[int, str]]:
    """Place and content of each closed `\\boxed{...}`; those that nothing but a comma or `and` sets apart are one."""
    held: list[str] = []
    place = end = 0
    for opening in deque(BOX.finditer(text), MOST):
        braces = opening[0].endswith("{")
        content = braced(text, opening.end() - 1) if braces else opening["bare"]
        if content is None or opening.start() < end:
            continue
        if held and not BESIDE.fullmatch(text, end, opening.start()):
            yield place, ", ".join(held)
            held = []
        place = place if held else opening.start()
        held.append(content)
        end = opening.end() + (len(content) + 1 if braces else 0)
    if held:
        yield place, ", ".join(held)


def last_boxes(text: str) -> str | None:
    """The content of the last boxes of a text."""
    found = None
    for _, found in box_groups(text):  # noqa: B007
        pass
    return found


def alone(text: str) -> str | None:
    """A formula, or the line of a code block, that makes up the last line of a text, without its full stop."""
    found = ALONE.search(text[-LONGEST:])
    content = next((part for part in found.groups() if part is not None), None) if found else None
    return None if content is None else content.strip().rstrip(".,;").strip() or None


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


MARKERS: dict[str, re.Pattern[str]] = {"answer_is": ANSWER_IS, "hashes": HASHES, "answer_line": ANSWER_LINE}
