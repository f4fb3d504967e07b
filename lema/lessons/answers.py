"""Direct answers: the question in, what it comes to out, without a word of reasoning."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from lema.base.spec import spec
from lema.data.formats import Format
from lema.lessons.lesson import Lesson, Material, MaterialName, Taught
from lema.lessons.right_paths import Which, needed, right_paths


@spec
class Answers(Lesson):
    """The last step of each right path, on all questions or on those that have a program (PaD, arXiv 2305.13888)."""

    kind = "answers"
    needs = ("right_paths",)
    counts_as = "cot"
    writes = "answer"
    questions: Which = "all"

    @property
    def needed(self) -> tuple[MaterialName, ...]:
        return needed(self.questions)

    def examples(self, material: Material, format_: Format) -> Iterator[Taught]:
        return right_paths(material, format_, self.questions, -1)

    def most(self, items: Mapping[str, int]) -> int:
        return items.get("right_paths", 0)
