"""Resumable part-wise maps: each finished part is one whole file, trusted only by its checksum."""

from __future__ import annotations

import hashlib
import logging
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, Generic, TypeVar

import msgspec

from lema.base.records import Record
from lema.base.spec import digest
from lema.store.durable import write_whole

T = TypeVar("T")
R = TypeVar("R", bound=Record)
log = logging.getLogger(__name__)


class Header(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """First line of a part: what it was made of, and what its rows must hash to."""

    items: str
    rows: int
    sha256: str


class Damaged(Exception):
    """A part file is not what was written."""


class Parts(Generic[R]):
    """The part files of one map, in a folder that survives kills."""

    def __init__(self, folder: Path, record: type[R], also: Path | None = None) -> None:
        """`also`: another folder where finished parts may be; nothing is written there."""
        self.folder, self.also = folder, also
        self.encoder = msgspec.json.Encoder()
        self.decoder = msgspec.json.Decoder(record)
        self.record = record

    def path(self, number: int, items: str) -> Path:
        # The digest in the name keeps a part of other items (another part size) from being found.
        return self.folder / f"{number:05d}-{items}.jsonl"

    def read(self, number: int, items: str) -> list[R] | None:
        """Rows of a finished part; None if it is not there, or not what was written (with a warning)."""
        own = self.path(number, items)
        for path in (own,) if self.also is None else (own, self.also / own.name):
            try:
                return self.parse(path.read_bytes(), items)
            except FileNotFoundError:
                continue
            except (Damaged, msgspec.DecodeError, UnicodeDecodeError) as fault:
                log.warning("%s is damaged (%s): this part is done again", path, fault)
        return None

    def parse(self, data: bytes, items: str) -> list[R]:
        first, _, body = data.partition(b"\n")
        header = msgspec.json.decode(first, type=Header)
        if header.items != items:
            raise Damaged("made of other items")
        if hashlib.sha256(body).hexdigest() != header.sha256:
            raise Damaged(f"its {len(body):,} bytes do not match their checksum")
        rows = self.decoder.decode_lines(body)
        if len(rows) != header.rows:
            raise Damaged(f"{len(rows)} rows in place of {header.rows}")
        return rows

    def write(self, number: int, items: str, rows: Sequence[R]) -> list[R]:
        """Store a part and return its rows as any later run will read them."""
        if wrong := next((row for row in rows if not isinstance(row, self.record)), None):
            raise TypeError(f"expected rows of type {self.record.__name__}, got a {type(wrong).__name__}")
        body = self.encoder.encode_lines(rows)
        header = Header(items=items, rows=len(rows), sha256=hashlib.sha256(body).hexdigest())
        path = self.path(number, items)
        write_whole(path, [self.encoder.encode(header), b"\n", body])
        log.debug("part done: %s", path)
        return self.decoder.decode_lines(body)


class Tally:
    """How many parts were done here, and how many were there already."""

    done = 0
    reused = 0


def map_parts(
    parts: Parts[R],
    items: Sequence[T],
    do: Callable[[Sequence[T]], Sequence[R]],
    *,
    size: int,
    tally: Tally,
    fence: Callable[[], None],
    progress: Callable[[int, int], None],
) -> list[R]:
    """Rows of `do` over `items`, `size` items at a time, in order; finished parts are not done again.

    `fence` is called around each part and raises when the work is no longer ours.
    """
    if size < 1:
        raise ValueError(f"a part needs at least one item, not {size}")
    rows: list[R] = []
    progress(0, len(items))
    for number, start in enumerate(range(0, len(items), size)):
        chunk = items[start : start + size]
        name = items_digest(chunk)
        found = parts.read(number, name)
        if found is None:
            fence()
            made = do(chunk)
            fence()
            found = parts.write(number, name, made)
            tally.done += 1
        else:
            tally.reused += 1
        rows.extend(found)
        progress(min(start + size, len(items)), len(items))
    return rows


def items_digest(items: Sequence[Any]) -> str:
    """16 hex digits that stand for the items of a part.

    Raises:
        TypeError: an item has no JSON form.
    """
    return digest(msgspec.json.encode(list(items), order="deterministic", enc_hook=refuse))


def refuse(value: object) -> Any:
    raise TypeError(
        f"a {type(value).__name__} has no JSON form: give `map` records, strings, numbers or tuples of them"
    )
