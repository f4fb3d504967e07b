"""Reasoning paths as numbered steps: `Step 1: ...`, the last one `Step n: The answer is X.`"""

from __future__ import annotations

import re
from collections.abc import Sequence

STEP = re.compile(r"^\s*Step\s+(\d+)\s*[:.]\s*(.*?)\s*$")
MARKER = "The answer is"
ASCII_SPACE = re.compile(r"[ \t\r\n]+")
CLOSING = re.compile(rf"^(?:.*[.!?:;,]\s+)?{MARKER}\b", re.IGNORECASE | re.DOTALL)
#: How data sets and models write the last line of a path that has no `The answer is X.`
ANSWER_LINE = re.compile(r"^(?:A:|####|(?i:(?:the )?(?:final )?answer)\s*:)\s*(\S.*)$")
NOTE = re.compile(r"<<[^<>\n]*>>")  # of a calculator
#: Between two sentences of one line; not after an initial or a title.
SENTENCE = re.compile(r"(?<=[.!?])(?<!\b[A-Z]\.)(?<!\bMr\.)(?<!\bMrs\.)(?<!\bMs\.)(?<!\bDr\.)(?<!\bSt\.)\s+(?=[A-Z$])")


def split_steps(text: str) -> list[str]:
    """Texts of the steps of a path: its `Step k:` lines, or its lines when it numbers none.

    A line without a number after a numbered one belongs to that step, unless it gives the answer.
    Of a path without numbers, calculator notes are removed, a single line is split at its
    sentences, and a last line such as `A: 26` or `#### 26` becomes `The answer is 26.`
    """
    lines = [line.strip() for line in text.split("\n") if line.strip()]
    if not any(STEP.match(line) for line in lines):
        return _from_prose(lines)
    steps: list[str] = []
    for line in lines:
        match = STEP.match(line)
        if match:
            steps.append(match[2])
        elif steps and (closing := _as_closing(line)):
            steps.append(closing)
        elif steps:
            steps[-1] += f"\n{line}"
    return steps


def from_free_form(text: str, answer: str | None) -> list[str]:
    """Steps of a path that a model or a data set wrote in its own way, closed by its answer.

    `answer` is what a verifier found in the text; it closes a path that does not end in
    `The answer is X.` by itself. Numbered steps come back as they are: converting twice changes
    nothing.
    """
    steps = split_steps(text)
    if answer is not None and not (steps and CLOSING.match(steps[-1])):
        steps.append(f"{MARKER} {answer}.")
    return steps


def number_steps(steps: Sequence[str], first: int = 1) -> str:
    """`Step first: ...` lines, one a step."""
    return "\n".join(numbered(steps, first))


def numbered(steps: Sequence[str], first: int) -> list[str]:
    """The same as one text a step."""
    return [f"Step {number}: {step}" for number, step in enumerate(steps, first)]


def one_line(text: str) -> str:
    """The text with each run of ASCII white space as one space, as in the authors' files (no-break spaces stay)."""
    return ASCII_SPACE.sub(" ", text).strip(" ")


def _from_prose(lines: list[str]) -> list[str]:
    steps = [step for line in lines if (step := NOTE.sub("", line).strip())]
    if len(steps) == 1:
        steps = SENTENCE.split(steps[0])
    if steps and (closing := _as_closing(steps[-1])):
        steps[-1] = closing
    return steps


def _as_closing(line: str) -> str | None:
    """The last step that a line stands for, when it gives the answer and nothing else."""
    if line.startswith(MARKER):
        return line
    found = ANSWER_LINE.match(line)
    return f"{MARKER} {found[1].removesuffix('.')}." if found else None
