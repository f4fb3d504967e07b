"""The examples of a prompt that shows solved questions, read back."""

from __future__ import annotations

from lema.base import prompts
from lema.base.reasoning_steps import split_steps
from lema.base.records import Question


def examples_of(name: str) -> list[tuple[Question, list[str]]]:
    """Questions with what their last step gives as their answers, and the steps."""
    shown = []
    for number, block in enumerate(prompts.read(name).split("\n\nQuestion: ")[1:-1]):
        asked, told = block.split("\nAnswer:\n")
        text, _, listed = asked.partition("\nCandidate Answers: ")
        choices = tuple(listed.removesuffix(".").split(", ")) if listed else ()
        steps = split_steps(told)
        answer = steps[-1].removeprefix("The answer is ").removesuffix(".")
        shown.append((Question(id=f"{name}-{number}", task="toy", text=text, answer=answer, choices=choices), steps))
    return shown
