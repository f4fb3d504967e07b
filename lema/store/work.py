"""Unfinished work on one stage: what `Stage.run` writes to."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path, PurePosixPath
from typing import Any, TypeVar

import msgspec

from lema.base.records import R, Record, dump
from lema.lm.session import Session
from lema.store.durable import TEMPORARY, make_below, remove_tree, write_whole
from lema.store.lease import Lease
from lema.store.manifest import MANIFEST
from lema.store.parts import Parts, Tally, map_parts

T = TypeVar("T")
PROGRESS = "progress.json"
BATCH = 4096  # rows encoded at a time


class Progress(msgspec.Struct, frozen=True):
    """How far a stage is, for people."""

    done: int
    total: int
    unit: str = ""


class Work:
    """The folders of a stage in the making, ours while the lease is.

    Their paths change when another process takes the work over, and everything under the old paths
    then fails. So never make a missing parent folder here, keep no path in a file, and give child
    processes absolute paths.

    path: becomes the artifact; empty at the start of every attempt.
    scratch: survives kills and is handed to the next holder; not part of the artifact.
    replies: the store's folder of paid replies, shared by all stages.
    shared: where several processes make parts of this stage (`lema.store.sharing`), if any do.
    session: the model that is open, which the next stage of this process may want too.
    """

    def __init__(
        self, lease: Lease, form: Any, replies: Path, inputs: dict[str, str], session: Session, shared: Path
    ) -> None:
        self.lease, self.form, self.inputs, self.session, self.shared = lease, form, inputs, session, shared
        # Named by the token: a stalled holder whose NFS client still knows the old folder cannot
        # publish what we have begun.
        self.path = lease.folder / f"artifact-{lease.token}"
        self.scratch = lease.folder / "scratch"
        self.replies = replies
        self.tally = Tally()
        self.reported = 0.0
        self.published = False

    @property
    def address(self) -> str:
        """`<kind>-<key>`: the artifact's name."""
        return self.lease.home.name

    @property
    def parts_done(self) -> int:
        """Parts that this attempt has finished."""
        return self.tally.done

    @property
    def parts_reused(self) -> int:
        """Parts that earlier attempts had finished."""
        return self.tally.reused

    def begin(self) -> None:
        """Keep the scratch folder of earlier attempts, and nothing else of them."""
        for old in self.lease.folder.glob("artifact-*"):
            remove_tree(old)
        self.path.mkdir()
        self.scratch.mkdir(exist_ok=True)

    def map(
        self,
        name: str,
        items: Sequence[T],
        do: Callable[[Sequence[T]], Sequence[R]],
        record: type[R],
        *,
        part: int,
        unit: str = "",
    ) -> list[R]:
        """Rows of `do` over `items`, `part` items at a time, in order; resumable.

        Each finished part is one file in `scratch`. A later attempt reads it in place of calling
        `do`; a part that is damaged, or of other items, is done again. Rows come back as read from
        disk, so that they are the same whether or not the run was interrupted.

        Raises:
            LeaseLost: another process has taken the work over.
        """
        folder = f"parts-{name}"
        parts = Parts(make_below(self.scratch, Path(folder)), record, also=self.shared / folder)
        return map_parts(
            parts,
            items,
            do,
            size=part,
            tally=self.tally,
            fence=self.lease.check,
            progress=lambda done, total: self.report(done, total, unit),
        )

    def write(self, name: str, rows: Iterable[Record]) -> Path:
        """Write a JSONL file of the artifact, whole or not at all."""
        return self.write_chunks(name, (dump(batch) for batch in batches(rows)))

    def write_json(self, name: str, value: Any) -> Path:
        """Write a JSON file of the artifact; NaN and infinities become null."""
        plain = json.loads(msgspec.json.encode(value))
        return self.write_chunks(name, [json.dumps(plain, indent=1, ensure_ascii=False).encode(), b"\n"])

    def write_chunks(self, name: str, chunks: Iterable[bytes]) -> Path:
        """Write a file of the artifact from bytes; `name` may have folders in it."""
        relative = PurePosixPath(name)
        if relative.is_absolute() or ".." in relative.parts or name in ("", ".", MANIFEST):
            raise ValueError(f"{name!r} cannot be the name of a file in an artifact")
        self.lease.check()
        path = make_below(self.path, Path(relative.parent)) / relative.name
        write_whole(path, chunks)
        return path

    def report(self, done: int, total: int, unit: str = "") -> None:
        """Say how far the stage is; written at most twice a second, and at the end.

        Raises:
            LeaseLost: another process has taken the work over.
        """
        now = time.monotonic()
        if now - self.reported < 0.5 and done < total:
            return
        self.reported = now
        self.lease.check()
        data = msgspec.json.encode(Progress(done, total, unit))
        write_whole(self.lease.folder / PROGRESS, [data], sync=False)

    def sweep(self) -> None:
        """Remove temporary files of writes that were cut off."""
        for leftover in self.path.rglob(TEMPORARY):
            leftover.unlink()


def batches(rows: Iterable[Record]) -> Iterable[list[Record]]:
    """Rows in lists of `BATCH`, so that any number of them can be written in little memory."""
    batch: list[Record] = []
    for row in rows:
        batch.append(row)
        if len(batch) == BATCH:
            yield batch
            batch = []
    yield batch
