"""Reading a corrector's reply: the wrong step, why, and the solution from there on (paper §2.3, Fig. 3).

The paper keeps a correction by its final answer alone, so form that has one clear meaning is put
right, and only what cannot be said in the training format is rejected. Put right: a repeated cue,
bold type and code fences; braces that are missing on both sides; steps before the wrong one that
repeat the given path (they are what the ellipsis stands for); an answer that shares a line with
the step before it, or stands after the closing brace.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Literal, NamedTuple

from lema.base.judged_stretch import judged
from lema.base.reasoning_steps import MARKER, STEP

Reject = Literal[
    "",
    "empty",
    "refused",  # by the server, for good
    "server_error",  # in every try
    "no_content",  # in every try
    "truncated",
    "no_step",
    "step_out_of_range",
    "no_explanation",
    "no_solution",
    "unbalanced_braces",
    "misnumbered",
    "no_closing_answer",
]

ANOTHER_QUESTION = re.compile(r"\s*\n\s*\nQuestion:")
DECORATION = re.compile(r"\*\*|^[ \t]*(?:```.*|#+[ \t]+)", re.MULTILINE)
HEAD_END = re.compile(r"^[ \t]*(?:Explanation|Reason)[ \t]*:|^[ \t]*Correct(?:ed)?\s+solution\b", re.MULTILINE | re.I)
NAMED_STEP = re.compile(r"\bstep\s*#?\s*(\d{1,4})\b[.:]?|^\s*(\d{1,4})\s*[.:]?\s*$", re.IGNORECASE | re.MULTILINE)
EXPLANATION = re.compile(r"^[ \t]*(?:Explanation|Reason)[ \t]*:", re.MULTILINE | re.IGNORECASE)
SOLUTION = re.compile(r"^[ \t]*Correct(?:ed)?[ \t]+solution[ \t]*:?", re.MULTILINE | re.IGNORECASE)
ELLIPSIS = re.compile(r"^[.…\s]+$")
CLOSING = re.compile(rf"{MARKER}\s*:?\s*(\S.*)", re.IGNORECASE | re.DOTALL)


class Draft(NamedTuple):
    """What a reply says. With a `reject` reason, what could be read before the fault."""

    step: int | None = None
    explanation: str = ""
    solution: tuple[str, ...] = ()
    answer: str | None = None
    reject: Reject = ""


def parse(reply: str, given: Sequence[str], *, cut: bool = False) -> Draft:
    """Read a reply about a path of the steps `given`.

    Args:
        reply: the text that follows the cue `Incorrect Step:`, which it may repeat.
        given: texts of the steps of the path.
        cut: the reply ended at the token limit. A complete correction before the limit counts;
            any other is `truncated`, whatever else it lacks.
    """
    draft = _read(reply, given)
    return draft._replace(reject="truncated") if cut and draft.reject else draft


def _read(reply: str, given: Sequence[str]) -> Draft:
    text = said(reply)
    if not text:
        return Draft(reject="empty")
    head_end = HEAD_END.search(text)
    head = text[: head_end.start()] if head_end else text.split("\n", 1)[0]
    named = NAMED_STEP.search(head)
    if named is None:
        return Draft(reject="no_step")
    step = int(named[1] or named[2])
    if not 1 <= step <= len(given):
        return Draft(step, reject="step_out_of_range")
    solution = SOLUTION.search(text, named.end())
    explanation = _explanation(text[named.end() : solution.start() if solution else len(text)])
    if not explanation:
        return Draft(step, reject="no_explanation")
    if solution is None:
        return Draft(step, explanation, reject="no_solution")
    return _with_solution(Draft(step, explanation), text[solution.end() :], given)


def said(reply: str) -> str:
    """What a reply says, behind its reasoning and before a next question, without decoration."""
    return "" if ANOTHER_QUESTION.match(reply) else DECORATION.sub("", judged(reply)).strip()


def _explanation(text: str) -> str:
    """The words between the named step and the solution, as one line."""
    header = EXPLANATION.search(text)
    return " ".join(text[header.end() if header else 0 :].split()).strip()


def _with_solution(draft: Draft, block: str, given: Sequence[str]) -> Draft:
    inner = inside_braces(block)
    if inner is None:
        return draft._replace(reject="unbalanced_braces")
    numbered = _numbered(inner)
    if not numbered:
        return draft._replace(reject="no_solution")
    assert draft.step is not None
    steps = _from_step(numbered, draft.step, given)
    if steps is None:
        return draft._replace(solution=tuple(text for _, text in numbered), reject="misnumbered")
    return closed(draft, steps)


def inside_braces(block: str) -> str | None:
    """The solution and what follows it, without the braces around it; None when they do not match.

    Braces inside a step (LaTeX) must match as well.
    """
    depth = 0
    close = None
    block = block.strip()
    for at, character in enumerate(block):
        depth += {"{": 1, "}": -1}.get(character, 0)
        if depth < 0:
            return None
        if depth == 0 and character == "}" and close is None:
            close = at
    if depth:
        return None
    if not block.startswith("{") or close is None:
        return block
    return f"{block[1:close]}\n{_answer_line(block[close + 1 :])}"


def _answer_line(after: str) -> str:
    """The answer, when it stands after the closing brace; other words there say nothing new."""
    lines = [line.strip() for line in after.split("\n")]
    return next((line for line in lines if line.lower().startswith(MARKER.lower())), "")


def _numbered(block: str) -> list[tuple[int, str]]:
    """Number and text of each step, a step on one line; lines before the first step are left out."""
    steps: list[tuple[int, str]] = []
    for line in block.split("\n"):
        match = STEP.match(line)
        if match:
            steps.append((int(match[1][:6]), match[2]))
        elif steps and line.strip() and not ELLIPSIS.match(line):
            number, text = steps[-1]
            steps[-1] = (number, f"{text} {line.strip()}".strip())
    return steps


def _from_step(numbered: list[tuple[int, str]], step: int, given: Sequence[str]) -> list[str] | None:
    """The steps from the wrong one on; None when they do not go on from there one by one."""
    first = numbered[0][0]
    if not 1 <= first <= step or [number for number, _ in numbered] != list(range(first, first + len(numbered))):
        return None
    repeated, steps = numbered[: step - first], [text for _, text in numbered[step - first :]]
    if any(_words(text) != _words(given[number - 1]) for number, text in repeated):
        return None  # the path was already changed before the step that was named
    return steps or None


def _words(text: str) -> str:
    return " ".join(text.split()).rstrip(".")


def closed(draft: Draft, steps: list[str]) -> Draft:
    """The draft with its steps, the last one `The answer is X.` and nothing else."""
    last = steps[-1]
    found = None
    for found in re.finditer(rf"\b{MARKER}\b", last, re.IGNORECASE):  # noqa: B007
        pass
    answer = CLOSING.match(last, found.start()) if found else None
    if found is None or answer is None:
        return draft._replace(solution=tuple(steps), reject="no_closing_answer")
    before = last[: found.start()].strip()
    said = answer[1].strip().removesuffix(".")
    if not said:
        return draft._replace(solution=tuple(steps), reject="no_closing_answer")
    closing = [before, f"{MARKER} {said}."] if before else [f"{MARKER} {said}."]
    return draft._replace(solution=(*steps[:-1], *closing), answer=said)
