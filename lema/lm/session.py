"""The model that a process holds open, kept from one stage to the next.

A model that is scored on several tasks is loaded once: the runner gives all those stages to one process.
"""

from __future__ import annotations

from contextlib import ExitStack
from pathlib import Path
from types import TracebackType
from typing import Self, cast

from lema.base.protocols import Complete, Engine
from lema.base.spec import Spec, key


class Session:
    """At most one open engine: asking for another closes it, and so does leaving the block."""

    def __init__(self) -> None:
        self.stack = ExitStack()
        self.held: tuple[str, Path | None, Path | None] | None = None
        self.complete: Complete | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, fault: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.held = None
        self.stack.close()

    def open(self, engine: Engine, *, checkpoint: Path | None, replies: Path) -> Complete:
        """The engine with this checkpoint, loaded unless it is the one that is open.

        Raises:
            LemaError: as the engine's own `open`.
        """
        wanted = (key(cast(Spec, engine)), checkpoint, replies)
        if wanted != self.held or self.complete is None:
            self.held = None
            self.stack.close()
            self.complete = self.stack.enter_context(engine.open(checkpoint=checkpoint, replies=replies))
            self.held = wanted
        return self.complete
