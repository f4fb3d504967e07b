"""Rows kept on disk until their order is known, so that any number of them can be shuffled."""

from __future__ import annotations

import os
from array import array
from collections.abc import Iterable, Iterator
from hashlib import blake2b
from pathlib import Path
from types import TracebackType
from typing import Generic, TypeVar

import msgspec

from lema.base.records import Record

R = TypeVar("R", bound=Record)
CHUNK = 1 << 20  # bytes written at a time


class Spool(Generic[R]):
    """A JSONL file in the order of arrival that gives its lines in any other; 8 bytes of memory a row.

    The file is scratch: it is truncated at the start and of no use after the block.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self.ends = array("Q", [0])
        self.encoder = msgspec.json.Encoder()

    def __enter__(self) -> Spool[R]:
        self.file = self.path.open("w+b")
        return self

    def __exit__(self, kind: type[BaseException] | None, fault: BaseException | None, at: TracebackType | None) -> None:
        self.file.close()
        self.path.unlink(missing_ok=True)

    def __len__(self) -> int:
        return len(self.ends) - 1

    def append(self, row: R) -> None:
        """Keep a row, as number `len(self)`. All rows come before the first is taken back."""
        line = self.encoder.encode(row) + b"\n"
        self.file.write(line)
        self.ends.append(self.ends[-1] + len(line))

    def rows(self, numbers: Iterable[int], record: type[R]) -> Iterator[R]:
        """The rows with these numbers, in this order."""
        decoder = msgspec.json.Decoder(record)
        for chunk in self.chunks(numbers):
            yield from decoder.decode_lines(chunk)

    def chunks(self, order: Iterable[int]) -> Iterator[bytes]:
        """The lines with these numbers, in this order, about a megabyte at a time."""
        self.file.flush()
        lines: list[bytes] = []
        held = 0
        for number in order:
            start, end = self.ends[number], self.ends[number + 1]
            lines.append(os.pread(self.file.fileno(), end - start, start))
            held += end - start
            if held >= CHUNK:
                yield b"".join(lines)
                lines, held = [], 0
        yield b"".join(lines)


class Seen:
    """Which texts have come before, told by 64 bits of a digest; about 90 bytes of memory a text.

    Among a million texts, two different ones are taken for equal with a probability of 3 in 10^8.
    """

    def __init__(self) -> None:
        self.marks: set[int] = set()
        self.repeats = 0

    def new(self, *texts: str) -> bool:
        """Whether these texts come for the first time; the other times are counted in `repeats`."""
        digest = blake2b(digest_size=8)
        for text in texts:
            data = text.encode()
            digest.update(len(data).to_bytes(8, "big") + data)
        mark = int.from_bytes(digest.digest(), "big")
        if mark in self.marks:
            self.repeats += 1
            return False
        self.marks.add(mark)
        return True
