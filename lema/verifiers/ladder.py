"""The extraction ladder: where in a text its final answer stands, and which rule says so."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
from typing import Literal, NamedTuple

from lema.base.judged_stretch import judged
from lema.verifiers.boxes import BOX, LONGEST, boxes, braced
from lema.verifiers.markers import (
    A_LINE,
    ALONE,
    ANSWER_LINE,
    DIRECT,
    HASHES,
    HEADING,
    NOT_MEANT,
    NUMBERED,
    TAG_END,
    TAGGED,
    TAKEN_BACK,
)
from lema.verifiers.markers import ANSWER_IS as ANSWER_IS
from lema.verifiers.numerals import NUMBER

Rung = Literal["answer_is", "hashes", "answer_line", "boxed", "last_number"]
Phrase = Callable[[str], str]
Holds = Callable[[str], object]

#: The end of a sentence; not a decimal point, an abbreviation, or a stop before "or ...".
SENTENCE_END = re.compile(r"\n|(?<!\bapprox)(?<!\bRs)[.!?](?=\s+(?!or\b)|\s*$|\s*[}\]])", re.IGNORECASE)
#: Words with which nothing is answered.
REFUSAL = re.compile(
    r"\W*(?:none|neither|nothing|unknown|unclear|uncertain|undetermined|not\s+(?:clear|known|given|certain|possible|sure)"
    r"|impossible|n/?a|cannot|can't|there\s+is\s+no|no\s+answer"
    r"|(?:i|we|it)\s+(?:can|could|do|am|are|is|was|were|have|has|depends))(?:\W|n't|$)",
    re.IGNORECASE,
)
MOST = 20  # announcements of one kind, from the end of a text
NEAR = 80  # characters before an announcement that may say that it is none
#: Between two boxes that are one answer.
JOINT = re.compile(r"[\s$]*(?:\\(?:\)|text\s*\{)\s*)?(?:,|;|&|\\quad)?\s*(?:and|or)?[\s$}]*(?:\\\(\s*)?")
BULLET = re.compile(r"[ \t]{0,9}(?:[-*•·–—+]|[0-9]{1,2}[.)])[ \t]+")
ITEMS = re.compile(rf"[ \t]{{0,9}}(?:[-*•·–—+]|1[.)])[ \t]+\S[^\n]*(?:\n\s*{BULLET.pattern}\S[^\n]*)*")
DISPLAY = re.compile(r"```[a-z]*[ \t]*\n(.+?)\n[ \t]*```|\$\$(.+?)\$\$|\\\[(.+?)\\\]", re.DOTALL)
LAST_DISPLAY = re.compile(
    r"(?:^|\n)[ \t]*(?:```[a-z]*[ \t]*\n([^\n`]+)\n[ \t]*```|\$\$([^$]+)\$\$|\\\[([^\[\]]+)\\\]"
    r"|\$([^$\n]+)\$)\Z"
)
LAST_PART = 4000  # characters at the end of a text in which the last number is looked for


class Mark(NamedTuple):
    """An announcement of an answer: the rung, and where it ends and the answer begins."""

    rung: Rung
    end: int
    answer: str | None = None  # where the announcement holds it: a box


def candidates(
    text: str, rungs: Sequence[Rung], phrase: Phrase | None = None, holds: Holds | None = None, lists: bool = True
) -> Iterator[tuple[Rung, str]]:
    """What the rungs find in the judged stretch of a text: the last in the text first, then those before it.

    `phrase` cuts the answer from what follows a marker; by default it is the first sentence. `holds` says whether a
    line holds an answer, which is asked behind weak announcements: `the answer must be ...`, a heading, `#### ...`
    above other lines; by default it does where it begins with a number or a formula. Any last number of a text comes
    last, or first where it is the first rung. An answer that is taken back ends the search. With `lists`, boxes that
    are joined (`\\boxed{3} or \\boxed{4}`) are one answer; else each is one, as in the references of MATH.
    """
    text = judged(text)
    if rungs[0] == "last_number":
        yield from _last_number(text)
    for mark in reversed(marks(text, rungs, holds, lists)):
        if mark.answer is not None:
            yield mark.rung, mark.answer
            continue
        rest = _behind(text, mark.end)
        if mark.rung == "answer_is" and TAKEN_BACK.match(rest) and not (holds and holds(first_line(rest))):
            return
        if "</" in rest:
            rest = TAG_END.split(rest, maxsplit=1)[0]
        found = (phrase or first_sentence)(rest)
        if found:
            yield mark.rung, found
    if "last_number" in rungs[1:]:
        yield from _last_number(text)


def marks(text: str, rungs: Sequence[Rung], holds: Holds | None = None, lists: bool = True) -> list[Mark]:
    """The last announcements of a text, in their order; a box in the line of another one comes before that."""
    found: list[Mark] = []
    lower = text.lower()
    if "answer" in lower:
        if "answer_is" in rungs:
            found += _said(text, holds)
        if "answer_line" in rungs and "<" in text:
            found += _tagged(text, holds)
    if "hashes" in rungs and "####" in text:
        found += _hashes(text, holds)
    if "answer_line" in rungs:
        if "ans" in lower or "result" in lower:
            found += _lines(text, holds)
        else:
            found += [Mark("answer_line", marker.end() - 1) for marker in A_LINE.finditer(f"\n{text}")]
    if len(found) > 1:
        found.sort(key=lambda mark: mark.end)
    if "boxed" in rungs and "box" in text:
        for box in _boxes(text, lists):
            at = len(found)
            while (
                at
                and found[at - 1].answer is None
                and (found[at - 1].end > box.end or not SENTENCE_END.search(text, found[at - 1].end, box.end))
            ):
                at -= 1
            found.insert(at, box)
    return found[-MOST:]


def _said(text: str, holds: Holds | None) -> Iterator[Mark]:
    for marker in list(ANSWER_IS.finditer(text))[-MOST:]:
        if NOT_MEANT.search(text[max(0, marker.start() - NEAR) : marker.start()]):
            continue
        if marker["weak"] and not (holds or DIRECT.match)(_line(text, marker.end())):
            continue
        yield Mark("answer_is", marker.end())


def _tagged(text: str, holds: Holds | None) -> Iterator[Mark]:
    for marker in list(TAGGED.finditer(text))[-MOST:]:
        inside = TAG_END.split(text[marker.end() : marker.end() + LONGEST], maxsplit=1)[0].strip()
        if "\n" not in inside and (holds or DIRECT.match)(inside):
            yield Mark("answer_line", marker.end())


def _lines(text: str, holds: Holds | None) -> list[Mark]:
    found = []
    for marker in list(ANSWER_LINE.finditer(f"\n{text}"))[-MOST:]:
        end = marker.end() - 1
        if marker["weak"]:
            line, *below = unwrapped(text[end : end + LONGEST]).split("\n", 2)
            if not (holds or ALONE.match)(line) or (holds and below and holds(below[0])):
                continue
            found.append(Mark("answer_line", end))
        else:
            found.append(Mark("answer_line", end))
    return found


def _hashes(text: str, holds: Holds | None) -> Iterator[Mark]:
    """`#### 42`, and not the headings of a solution."""
    for marker in list(HASHES.finditer(text))[-MOST:]:
        line = _line(text, marker.end())
        below = text[marker.end() + len(line) :].strip()
        item = NUMBERED.match(line)
        if item and (below or item["number"] == "1" or f"#### {int(item['number']) - 1}" in text[: marker.start()]):
            continue
        if (holds or DIRECT.match)(line) or not (below or HEADING.match(line)):
            yield Mark("hashes", marker.end())


def _boxes(text: str, lists: bool) -> list[Mark]:
    """The boxes of a text; with `lists`, those that are joined are one."""
    found: list[Mark] = []
    start = last = 0
    for opening in list(BOX.finditer(text))[-MOST:]:
        if opening.start() < start:
            continue  # inside another
        content = braced(text, opening.end() - 1) if opening[0].endswith("{") else opening["bare"]
        if content is None:
            continue
        start = opening.end() + len(content) + opening[0].count("{")
        if lists and found and JOINT.fullmatch(text, last, opening.start()):
            before = found.pop().answer or ""
            content = content if content == before else f"{before}, {content}"
        found.append(Mark("boxed", opening.end(), content))
        last = start
    return found


def _line(text: str, at: int) -> str:
    return text[at : at + LONGEST].split("\n", 1)[0]


def _behind(text: str, at: int) -> str:
    """What stands behind an announcement; of a list below it, all items."""
    line = text.rfind("\n", max(0, at - 20), at)
    if line < 0 or text[line:at].strip(" \t\n*_"):
        return text[at : at + LONGEST]
    items = ITEMS.match(text, line + 1)
    if items is None:
        rest = text[at : at + LONGEST]
        below = rest.split("\n", 2)[:2]
        return ", ".join(below) if len(below) == 2 and all(map(ALONE.match, below)) else rest
    return ", ".join(BULLET.sub("", item) for item in items[0].split("\n"))


def unwrapped(rest: str) -> str:
    """What follows a marker, without the display or the code fence around its first lines."""
    found = DISPLAY.match(rest) if rest[:2] in ("$$", "\\[", "``") else None
    if found is None:
        return rest
    return " ".join(next(part for part in found.groups() if part is not None).split()) + rest[found.end() :]


def set_apart(text: str) -> str | None:
    """The number with which a text ends, alone in a display or a code fence."""
    text = judged(text)
    if not text.endswith(("$", "\\]", "```")):
        return None
    found = LAST_DISPLAY.search(text)
    inside = next((part.strip() for part in found.groups() if part is not None), "") if found else ""
    return inside if ALONE.match(inside) else None


def first_line(rest: str) -> str:
    """What follows a marker in its line."""
    return _unclosed(rest.split("\n", 1)[0])


def first_sentence(rest: str) -> str:
    """The sentence that follows a marker, or what its line puts in boxes."""
    rest = unwrapped(rest)
    if "box" in rest:
        found = boxes(rest.split("\n", 1)[0])
        if found:
            return ", ".join(dict.fromkeys(found))
    end = SENTENCE_END.search(rest)
    return _unclosed(rest[: end.start()] if end else rest)


def _unclosed(phrase: str) -> str:
    # the brace that closes a correction is not part of its answer
    return phrase if "{" in phrase else phrase.rstrip("} \t")


def _last_number(text: str) -> Iterator[tuple[Rung, str]]:
    last = None
    for last in NUMBER.finditer(text[-LAST_PART:]):  # noqa: B007
        pass
    if last is not None:
        yield "last_number", last[0]
