"""Chain of thought: the question in, a right path out."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from lema.base.spec import spec
from lema.data.formats import Format
from lema.lessons.lesson import Lesson, Material, MaterialName, Taught
from lema.lessons.right_paths import Which, needed, right_paths


@spec
class Cot(Lesson):
    """Right paths (paper §2.3): of the data set, and those that an augmentation sampled.

    `questions="with_programs"` takes those alone that have a program, so that arms of paths and of programs learn from
    the same questions.
    """

    kind = "cot"
    needs = ("right_paths",)
    counts_as = "cot"
    writes = "path"
    questions: Which = "all"

    @property
    def needed(self) -> tuple[MaterialName, ...]:
        return needed(self.questions)

    def examples(self, material: Material, format_: Format) -> Iterator[Taught]:
        return right_paths(material, format_, self.questions, 0)

    def most(self, items: Mapping[str, int]) -> int:
        return items.get("right_paths", 0)
