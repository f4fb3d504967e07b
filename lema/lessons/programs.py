"""Programs (PaD, arXiv 2305.13888): the question in, a program that gives its answer out."""

from __future__ import annotations

from collections.abc import Iterator

from lema.base.records import Example, MadeOf, Question
from lema.base.spec import spec
from lema.data.formats import Format
from lema.lessons.lesson import Lesson, Material, Taught
from lema.lessons.right_paths import questions_of
from lema.pad.written import Written


@spec
class Programs(Lesson):
    """Programs of a teacher that run and are right."""

    kind = "programs"
    needs = ("programs",)
    counts_as = "cot"
    writes = "program"

    def examples(self, material: Material, format_: Format) -> Iterator[Taught]:
        asked = {question.id: question for question in questions_of(material, "programs")}
        for artifact in material.of("programs"):
            for row in artifact.rows("programs.jsonl", Written):
                example = program_example(format_, asked[row.question_id], row.text, row.id)
                yield Taught(example, ("program", example.prompt, example.completion))


def program_example(format_: Format, question: Question, text: str, program: str = "") -> Example:
    """A program that is right: the question in, the program out.

    Args:
        program: its id.
    """
    return Example(
        prompt=format_.program_prompt(question),
        completion=text,
        question_id=question.id,
        source="program",
        made_of=MadeOf(question=question.id, program=program),
    )
