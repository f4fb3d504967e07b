"""Reasoning paths as numbered steps: `Step 1: ...`, the last one `Step n: The answer is X.`"""

from __future__ import annotations

import re
from collections.abc import Sequence

STEP = re.compile(r"^\s*Step\s+(\d+)\s*[:.]\s*(.*?)\s*$")
MARKER = "The answer is"


def split_steps(text: str) -> list[str]:
    """Texts of the steps of a path: its `Step k:` lines, or its lines when it numbers none.

    A line without a number after a numbered one belongs to that step.
    """
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    if not any(STEP.match(line) for line in lines):
        return lines
    steps: list[str] = []
    for line in lines:
        match = STEP.match(line)
        if match:
            steps.append(match[2])
        elif steps:
            steps[-1] += f"\n{line}"
    return steps


def number_steps(steps: Sequence[str], first: int = 1) -> str:
    """`Step first: ...` lines, one a step."""
    return "\n".join(f"Step {number}: {step}" for number, step in enumerate(steps, first))
