"""What a mistake teaches: the seam for every way of learning from paths, corrections and programs.

A lesson turns material that earlier stages made into training examples. What it needs decides which stages run. A new
one is one file, and one YAML of a mix that has it:

    @spec
    class WrongStep(Lesson):
        kind = "wrong_step"
        needs = ("corrections",)

        def examples(self, material, format_):
            for question, path, correction in corrected(material):
                yield Taught(Example(...), same=(question.text, path.judged))
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import ClassVar, Literal, NamedTuple

from lema.answering.answering import Writes
from lema.base.protocols import Task
from lema.base.records import Example, Question
from lema.base.spec import Spec
from lema.data.formats import Format
from lema.store import Artifact

#: `right_paths`: reference paths of `cot_questions`, and right ones that were sampled (`augmentation`); `corrections`:
#: accepted corrections with the wrong paths that they are of; `programs`: of a teacher (`synthesis`), right ones;
#: `repairs`: programs that fail, with right ones (`refinement`).
MaterialName = Literal["right_paths", "corrections", "programs", "repairs"]
#: What makes each material where that is an optional part of the experiment: its name, and what to choose.
MAKERS: Mapping[str, tuple[str, str]] = {
    "programs": ("synthesis", "synthesis=traces (generated problems) or synthesis=teacher"),
    "repairs": ("refinement", "refinement=injected or refinement=injected_and_sampled"),
}


@dataclass(frozen=True, kw_only=True)
class Material:
    """What the lessons of a mix are given: finished artifacts by name, and questions with reference paths."""

    task: Task
    reference: Sequence[Question] = ()
    artifacts: Mapping[str, Sequence[Artifact]] = field(default_factory=dict)

    def of(self, name: MaterialName) -> Sequence[Artifact]:
        return self.artifacts.get(name, ())


class Taught(NamedTuple):
    """An example, and the texts that decide whether another one is made of the same."""

    example: Example
    same: Sequence[str]


class Lesson(Spec):
    """Base of all lessons. Decorate each with `@spec` and give it a `kind`."""

    needs: ClassVar[tuple[MaterialName, ...]]
    #: As which of the two a budget counts the examples.
    counts_as: ClassVar[Literal["cot", "corrections"]] = "corrections"
    #: What a model that had this lesson answers a question with; None: it teaches that in no other way.
    writes: ClassVar[Writes | None] = None

    @property
    def needed(self) -> tuple[MaterialName, ...]:
        """The material that this lesson needs, as it is set."""
        return self.needs

    def examples(self, material: Material, format_: Format) -> Iterator[Taught]:
        """Every example that there can be, one at a time, in a fixed order."""
        raise NotImplementedError

    def drawn(self, there: Sequence[int], taught: Mapping[str, int], seed: int) -> Sequence[int]:  # noqa: ARG002
        """Which of its examples the mix takes.

        Args:
            there: numbers of those that are no leak and no repetition.
            taught: how many such examples each lesson has, by kind.

        Raises:
            InputError: there are too few.
        """
        return there

    def most(self, items: Mapping[str, int]) -> int:
        """An upper bound on its examples, from the most items that there can be of each material."""
        return min(items.get(name, 0) for name in self.needed)
