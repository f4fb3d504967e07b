"""Reading a correction in the very form in which it is taught: the other direction of `lema.data.correction_wording`.

A teacher's reply is put right where its form has one clear meaning (`lema.correctors.replies`). Here nothing is put
right, beyond white space around a part: whether a trained model has learned the form is what is asked.
"""

from __future__ import annotations

import re
from collections.abc import Collection
from typing import Literal, NamedTuple

from lema.base.reasoning_steps import MARKER, STEP
from lema.data.correction_wording import Part, Wording, headings, published

Malformed = Literal[
    "",
    "truncated",
    "no_step",
    "step_out_of_range",
    "no_explanation",
    "no_solution",
    "unbalanced_braces",
    "misnumbered",
    "no_closing_answer",
]
NAMED = re.compile(r"\s*Step (\d{1,4})\.?\s*")
ELLIPSIS = re.compile(r"[.…]+")
ANSWERED = re.compile(rf"{MARKER} \S")


class Told(NamedTuple):
    """What a reply says, as far as it could be read; `malformed` is the first fault of its form, empty for none."""

    step: int | None = None
    explanation: str = ""
    solution: tuple[str, ...] = ()
    malformed: Malformed = ""


def read_correction(
    wording: Wording, reply: str, steps: int, *, choices: bool = False, without: Collection[str] = (), cut: bool = False
) -> Told:
    """Read what a model wrote behind the input of a correction example.

    Args:
        steps: of the wrong path.
        choices: the question has candidates, so that no step is named.
        without: parts that corrections were taught without. Without the step, the number that the solution begins with
            names it.
        cut: the reply ended at the token limit.
    """
    told = _parts(wording, reply, steps, choices, without)
    return told._replace(malformed="truncated") if cut and told.malformed else told


def _parts(wording: Wording, reply: str, steps: int, choices: bool, without: Collection[str]) -> Told:
    heads = headings(wording, choices, without)
    rest = reply.lstrip() if wording == "instruct" else next(iter(heads.values())) + reply
    told = Told()
    for place, (part, heading) in enumerate(heads.items()):
        if not rest.startswith(heading):
            return told._replace(malformed=_missing(part))
        following = list(heads.values())[place + 1 : place + 2]
        body, rest = rest[len(heading) :], ""
        if following:
            body, found, behind = body.partition(f"\n{following[0]}")
            rest = following[0] + behind if found else ""
            body = body if found or part != "step" else body.partition("\n")[0]  # a step is named all the same
        told = _with(told, part, body, wording, steps, choices)
        if told.malformed:
            return told
    return told


def _missing(part: Part) -> Malformed:
    names: dict[Part, Malformed] = {"step": "no_step", "explanation": "no_explanation", "solution": "no_solution"}
    return names[part]


def _with(told: Told, part: Part, body: str, wording: Wording, steps: int, choices: bool) -> Told:
    """The same with one more part."""
    if part == "step":
        named = NAMED.fullmatch(body)
        if named is None:
            return told._replace(malformed="no_step")
        step = int(named[1])
        return told._replace(step=step, malformed="" if 1 <= step <= steps else "step_out_of_range")
    if part == "explanation":
        said = " ".join(body.split())
        return told._replace(explanation=said, malformed="" if said else "no_explanation")
    return _solution(told, body.strip(), wording, steps, choices)


def _solution(told: Told, body: str, wording: Wording, steps: int, choices: bool) -> Told:
    if published(wording):
        if not (body.startswith("{") and body.endswith("}")):
            return told._replace(malformed="unbalanced_braces")
        body = body[1:-1]
    lines = [line.strip() for line in body.split("\n") if line.strip()]
    if published(wording) and not choices:
        lines = lines[1:] if lines and ELLIPSIS.fullmatch(lines[0]) else lines
    if not lines:
        return told._replace(malformed="no_solution")
    if published(wording) and choices:
        return _closed(told._replace(solution=tuple(lines)))
    found = [STEP.match(line) for line in lines]
    if any(one is None for one in found):
        return told._replace(solution=tuple(lines), malformed="misnumbered")
    numbers = [int(one[1]) for one in found if one]
    told = told._replace(solution=tuple(one[2] for one in found if one))
    first = 1 if choices else told.step or numbers[0]
    if numbers != list(range(first, first + len(numbers))):
        return told._replace(malformed="misnumbered")
    if not choices:
        told = told._replace(step=first, malformed="" if 1 <= first <= steps else "step_out_of_range")
    return told if told.malformed else _closed(told)


def _closed(told: Told) -> Told:
    """The answer stands in the last line, and in no other."""
    places = [place for place, line in enumerate(told.solution) if ANSWERED.match(line)]
    return told if places == [len(told.solution) - 1] else told._replace(malformed="no_closing_answer")
