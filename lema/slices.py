"""A slice of a task's split: which questions, by position."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from lema.errors import ConfigError
from lema.spec import Spec, spec


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

    def overlaps(self, other: Slice) -> bool:
        """Whether a question can be in both."""
        if self.split != other.split:
            return False
        before = self.stop is not None and self.stop <= other.start
        after = other.stop is not None and other.stop <= self.start
        return not (before or after)

    def __str__(self) -> str:
        return f"{self.split}[{self.start}:{'' if self.stop is None else self.stop}]"
