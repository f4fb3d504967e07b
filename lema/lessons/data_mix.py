"""What a training set is made of (`data_mix`): lessons, one after the other."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from typing import Any, ClassVar

from lema.answering.answering import Writes
from lema.base.errors import ConfigError
from lema.base.spec import Spec, spec
from lema.lessons.lesson import Lesson, MaterialName

#: What of several answers a model would rather give: a mix with programs teaches to write them.
RATHER: tuple[Writes, ...] = ("program", "answer", "path")


@spec
class DataMix(Spec):
    """Lessons, each once, in the order in which their examples are made. `name` is that of its arm in reports.

    A setting of a lesson may be written at the mix (`data_mix.without=[step]`): it is the lesson's that has it
    (`lema.config.building`).
    """

    kind = "data_mix"
    hands_down: ClassVar[str] = "lessons"  # whose settings may be written here
    name: str
    lessons: tuple[Lesson, ...]

    def check(self) -> None:
        if not self.lessons:
            raise ConfigError("lessons: a mix of no lessons is empty")
        kinds = [lesson.kind for lesson in self.lessons]
        if len(set(kinds)) < len(kinds):
            raise ConfigError(f"lessons: give each lesson once, not {', '.join(kinds)}")
        if "repairs" in self.needs and self.writes != "program":
            raise ConfigError(
                "lessons: repairs are counted by the programs of the mix, and it teaches none. Teach programs too "
                "(lema.lessons.programs.Programs)."
            )

    @property
    def needs(self) -> frozenset[MaterialName]:
        """The material that examples are made of."""
        return frozenset(name for lesson in self.lessons for name in lesson.needed)

    @property
    def writes(self) -> Writes:
        """What a model that learned from this mix answers a question with."""
        taught = {lesson.writes for lesson in self.lessons}
        return next((one for one in RATHER if one in taught), "path")

    @property
    def has_cot(self) -> bool:
        """Whether a budget counts any of its examples as CoT."""
        return any(lesson.counts_as == "cot" for lesson in self.lessons)

    def most(self, items: Mapping[str, int]) -> int:
        """An upper bound on the examples, from the most items that there can be of each material."""
        return sum(lesson.most(items) for lesson in self.lessons)

    def alone(self, material: MaterialName, name: str) -> DataMix:
        """The lessons that need this material and no other, as a mix of this name."""
        changed: dict[str, Any] = {
            "name": name,
            "lessons": tuple(lesson for lesson in self.lessons if lesson.needed == (material,)),
        }
        return dataclasses.replace(self, **changed)
