"""A stage: a spec whose fields are its inputs, and which turns them into one artifact."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any, ClassVar, Protocol

from lema.base.spec import Spec

if TYPE_CHECKING:
    from lema.store.artifact import Artifact
    from lema.store.work import Work


class Inputs(Protocol):
    """Gives the finished artifact of an upstream stage."""

    def __call__(self, stage: Stage, /) -> Artifact: ...


class Stage(Spec):
    """Base of all stages. The object graph is the DAG: an upstream stage is a field's value."""

    needs: ClassVar[str] = "cpu"  # "cpu", "gpu" or "teacher": what a cluster must give it
    heavy: ClassVar[bool] = False  # loads a model: the local runner bounds how many run at once
    spreads: ClassVar[bool] = False  # can use several nodes, and several processes on each

    shareable: ClassVar[bool] = False  # its first act is a `Work.map`, whose parts several processes may make

    @property
    def loads(self) -> str | None:
        """The identity of what must be loaded to run it; stages of equal ones share a process. None: share nothing."""
        return None

    def check_spread(self, nodes: int, per_node: int | None) -> None:
        """Raise ConfigError if a job of so many nodes and processes a node (None: open) cannot run this stage."""

    def run(self, inputs: Inputs, work: Work) -> dict[str, Any]:
        """Do the work, leave the artifact's files in `work`, and return a summary for people."""
        raise NotImplementedError

    def upstream(self) -> Iterator[Stage]:
        """Stages that must be finished before this one, each once, in field order."""
        seen: set[int] = set()
        for value in held_values(self):
            for stage in (value, *value.behind()) if isinstance(value, Stage) else ():
                if id(stage) not in seen:
                    seen.add(id(stage))
                    yield stage

    def behind(self) -> tuple[Stage, ...]:
        """Stages whose files are read by whoever reads this one: a choice stands for what was chosen."""
        return ()


def held_values(value: Any) -> Iterator[Any]:
    """Values of a spec's fields, through tuples and specs that are not stages."""
    for field in dataclasses.fields(value):
        held = getattr(value, field.name)
        for item in held if isinstance(held, list | tuple) else (held,):
            yield item
            if isinstance(item, Spec) and not isinstance(item, Stage):
                yield from held_values(item)
