"""The right paths that lessons teach: of the data set, then those that an engine sampled."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Literal

from lema.base.reasoning_steps import from_free_form
from lema.base.records import Example, MadeOf, Question, Solution
from lema.data.formats import Format
from lema.lessons.lesson import Material, MaterialName, Taught

Which = Literal["all", "with_programs"]  # of the questions


def needed(questions: Which) -> tuple[MaterialName, ...]:
    return ("right_paths",) if questions == "all" else ("right_paths", "programs")


def path_example(format_: Format, question: Question, steps: Sequence[str], source: str, path: str = "") -> Example:
    """A right path: the question in, its steps out, all of them learned.

    Args:
        path: its id; empty for none that is kept.
    """
    return Example(
        prompt=format_.cot_prompt(question),
        completion=format_.cot_completion(steps, question),
        question_id=question.id,
        source=source,
        made_of=MadeOf(question=question.id, path=path),
    )


def right_paths(material: Material, format_: Format, questions: Which, first: int) -> Iterator[Taught]:
    """An example for each right path.

    Args:
        first: the step that the target begins with: 0 for the whole path, -1 for the answer alone.
    """
    taken = None if questions == "all" else {row.id for row in questions_of(material, "programs")}
    for question in material.reference:
        if taken is None or question.id in taken:
            steps = material.task.steps(question)[first:]
            yield taught(path_example(format_, question, steps, "cot", "reference"))
    for artifact in material.of("right_paths"):
        asked = {question.id: question for question in artifact.rows("questions.jsonl", Question)}
        for path in artifact.rows("paths.jsonl", Solution):
            if taken is None or path.question_id in taken:
                steps = from_free_form(path.judged, path.answer)[first:]
                yield taught(path_example(format_, asked[path.question_id], steps, "augmented", path.id))


def taught(example: Example) -> Taught:
    return Taught(example, ("path", example.prompt, example.completion))


def questions_of(material: Material, name: MaterialName) -> Iterator[Question]:
    """Questions of a material's artifacts."""
    for artifact in material.of(name):
        yield from artifact.rows("questions.jsonl", Question)
