"""Toy stages for tests of the store: cheap, deterministic, and they tell how often they worked."""

from __future__ import annotations

import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from lema.base.records import Record
from lema.base.spec import runtime, spec
from lema.store import Artifact, Store, Work
from lema.store.stage import Inputs, Stage


class Row(Record, frozen=True, kw_only=True, forbid_unknown_fields=True):
    item: int
    square: int


@spec
class Squares(Stage):
    """Squares of the first `items` numbers, `part` at a time."""

    kind = "squares"
    name: str = "a"
    items: int = 12
    part: int = runtime(default=3)
    pause: float = runtime(default=0.0)

    def run(self, inputs: Inputs, work: Work) -> dict[str, Any]:
        rows = work.map("squares", range(self.items), self.square, Row, part=self.part, unit="item")
        work.write("rows.jsonl", rows)
        return {"rows": len(rows)}

    def square(self, items: Sequence[int]) -> list[Row]:
        time.sleep(self.pause)
        return [Row(item=item, square=item * item) for item in items]


@spec
class Total(Stage):
    """The sum of some squares."""

    kind = "total"
    squares: Squares

    def run(self, inputs: Inputs, work: Work) -> dict[str, Any]:
        total = sum(row.square for row in inputs(self.squares).rows("rows.jsonl", Row))
        work.write_json("total.json", {"total": total})
        return {"total": total}


def make(store: Store, stage: Stage) -> Artifact:
    """Run a stage as the runner does; the artifact, whoever made it."""
    with store.open_work(stage, inputs=[store.get(needed) for needed in stage.upstream()]) as work:
        if work is not None:
            store.publish(work, stage.run(store.get, work))
    return store.get(stage)


def only(folder: Path, pattern: str = "*") -> Path:
    """The one path in a folder that fits a pattern."""
    (found,) = folder.glob(pattern)
    return found
