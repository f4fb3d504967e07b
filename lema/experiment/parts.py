"""The optional parts of an experiment: each is one file with its section, its check and its stages.

`pipeline` names none of them. It asks each part that an experiment has what material it adds to the mix, and what it
measures of the models. A new part is a class here's subclass, a field of `Experiment` and a group of YAML files.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, ClassVar, NamedTuple

from lema.base.question_slice import Slice
from lema.base.spec import Spec
from lema.lessons.lesson import MaterialName
from lema.store.stage import Stage


class Source(NamedTuple):
    """A slice of the experiment's task that examples can come from."""

    field: str  # its path in the configuration
    where: Slice
    material: MaterialName  # that is made of it


class Part(Spec):
    """Base of all parts. `e` is the `Experiment` that has it, `build` its `lema.experiment.build.Build`."""

    slot: ClassVar[str]  # field of the experiment
    adds: ClassVar[MaterialName | None] = None  # material that it makes

    @property
    def measures_material(self) -> frozenset[MaterialName]:
        """Material that it needs for itself, whatever the mix takes."""
        return frozenset()

    @property
    def trains(self) -> bool:
        """Whether the experiment's model is trained; one part that says no is enough."""
        return True

    def check_in(self, e: Any) -> None:
        """Raise ConfigError for an experiment that cannot have this part."""

    def sources(self) -> Iterator[Source]:
        """Where its material comes from."""
        yield from ()

    def most(self, e: Any) -> int | None:  # noqa: ARG002
        """The most items of its material that there can be; None when a slice goes to its split's end."""
        return 0

    def material(self, build: Any) -> tuple[Stage, ...]:  # noqa: ARG002
        """The stages that make its material."""
        return ()

    def scorer(self, build: Any) -> Stage | None:  # noqa: ARG002
        """The training of what scores parts of answers, where the experiment's answering has such a model trained."""
        return None

    def measured(self, build: Any) -> Iterator[Stage]:  # noqa: ARG002
        """Stages that measure models, which nothing follows."""
        yield from ()
