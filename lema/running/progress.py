"""Progress of a running plan: bars on a terminal, plain lines elsewhere."""

from __future__ import annotations

import time
from collections.abc import Sequence
from contextlib import AbstractContextManager
from types import TracebackType
from typing import Self

from rich.console import Console
from rich.markup import escape
from rich.progress import BarColumn, MofNCompleteColumn, Progress, SpinnerColumn, TaskID, TextColumn, TimeElapsedColumn

from lema.running.plan import Step
from lema.store import Store

EVERY = 30.0  # seconds between plain progress lines of one stage


def label(step: Step) -> str:
    return f"{step.stage.kind}-{step.key[:8]}"


class Display(AbstractContextManager["Display"]):
    """Shows which stages run, how far each is, and how each ended."""

    def __init__(self, console: Console, store: Store, total: int) -> None:
        self.console = console
        self.store = store
        self.total = total
        self.ended = 0
        self.tasks: dict[str, TaskID] = {}
        self.said: dict[str, float] = {}
        self.bars = Progress(
            SpinnerColumn(),
            TextColumn("{task.description:24}"),
            BarColumn(),
            MofNCompleteColumn(),
            TimeElapsedColumn(),
            console=console,
            transient=True,
            disable=not console.is_terminal,
        )

    def __enter__(self) -> Self:
        self.bars.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, fault: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.bars.stop()

    def start(self, step: Step) -> None:
        self.tasks[step.key] = self.bars.add_task(label(step), total=None)
        self.said[step.key] = time.monotonic()
        if not self.console.is_terminal:
            self.console.print(f"start  {label(step)}", highlight=False)

    def update(self, running: Sequence[Step]) -> None:
        for step in running:
            progress = self.store.progress(step.stage)
            if progress is None:
                continue
            done, total = progress
            self.bars.update(self.tasks[step.key], completed=done, total=total)
            if not self.console.is_terminal and time.monotonic() - self.said[step.key] > EVERY:
                self.said[step.key] = time.monotonic()
                self.console.print(f"       {label(step)}  {done:,} of {total:,}", highlight=False)

    def done(self, step: Step, seconds: float) -> None:
        self._end(step, f"done   {label(step)}  {seconds:.1f} s")

    def failed(self, step: Step, error: str) -> None:
        self._end(step, f"[red]FAILED[/red] {label(step)}  {escape(error.splitlines()[0] if error else '')}")

    def _end(self, step: Step, line: str) -> None:
        self.ended += 1
        self.bars.remove_task(self.tasks.pop(step.key))
        self.console.print(f"{line}  [dim]({self.ended} of {self.total})[/dim]", highlight=False)
