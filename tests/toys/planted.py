"""A stage that publishes rows which a test gives it, for stages that read paths or corrections."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from lema.base.records import Record, dump
from lema.base.spec import spec
from lema.store import Work
from lema.store.stage import Inputs, Stage


@spec
class Planted(Stage):
    """The files of a folder, as they are. The store's key follows `name` only."""

    kind = "planted"
    name: str
    folder: str

    def run(self, inputs: Inputs, work: Work) -> dict[str, Any]:
        for file in sorted(Path(self.folder).iterdir()):
            work.write_chunks(file.name, [file.read_bytes()])
        return {}


def planted(folder: Path, **files: list[Any]) -> Planted:
    """A stage of JSONL files by name: `questions=[...]` is `questions.jsonl`."""
    folder.mkdir(parents=True)
    for name, rows in files.items():
        assert all(isinstance(row, Record) for row in rows)
        (folder / f"{name}.jsonl").write_bytes(dump(rows))
    return Planted(name=folder.name, folder=str(folder))
