"""A slice of a task's split: which questions, by position."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Annotated

from pydantic import Field

from lema.base.errors import ConfigError
from lema.base.spec import Spec, spec

NO_PARTS: Mapping[str, str] = MappingProxyType({})


@spec
class Slice(Spec):
    """Questions `start` to `stop` (not included) of a split; `stop: null` means to its end."""

    kind = "slice"
    split: str
    start: Annotated[int, Field(ge=0)] = 0
    stop: Annotated[int, Field(ge=1)] | None = None

    def check(self) -> None:
        if self.stop is not None and self.stop <= self.start:
            raise ConfigError(f"stop must be greater than start ({self.start}), got {self.stop}")

    def overlaps(self, other: Slice, parts: Mapping[str, str] = NO_PARTS) -> bool:
        """Whether a question can be in both.

        `parts` says which splits are made of questions of another (`{"math500": "test"}`). Where in the other
        they stand is not known, so that any slice of a part overlaps any of the whole, and of another part of it.
        """
        if self.split != other.split:
            return parts.get(self.split, self.split) == parts.get(other.split, other.split)
        before = self.stop is not None and self.stop <= other.start
        after = other.stop is not None and other.stop <= self.start
        return not (before or after)

    def times(self, each: int) -> int | None:
        """How many items there are at most with so many of each question; None for a slice to its split's end."""
        return None if self.stop is None else each * (self.stop - self.start)

    def __str__(self) -> str:
        return f"{self.split}[{self.start}:{'' if self.stop is None else self.stop}]"
