"""Files of rows as people have them: JSONL, a JSON array, either one compressed, or parquet; each row with its place.

A byte order mark, line ends of another system and blank lines are passed over. What is no text in UTF-8 is named
for what it is.
"""

from __future__ import annotations

import gzip
import json
import re
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import IO, Any

import msgspec

from lema.base.errors import InputError
from lema.base.optional import require

GZIP, PARQUET = b"\x1f\x8b", b"PAR1"
#: Marks at the beginning of a file, the longer ones first.
MARKS = {b"\xff\xfe\x00\x00": "UTF-32", b"\x00\x00\xfe\xff": "UTF-32", b"\xff\xfe": "UTF-16", b"\xfe\xff": "UTF-16"}
OTHERS = {
    b"PK\x03\x04": "a zip archive",
    b"\x28\xb5\x2f\xfd": "compressed with zstd",
    b"\xfd7zXZ": "compressed with xz",
}
BOM = b"\xef\xbb\xbf"
HEAD = 64
SURROGATE = re.compile(rb"\\u[dD][89a-fA-F][0-9a-fA-F]{2}")
BETWEEN_ITEMS = re.compile(r"[\s,]*")
KINDS = "one JSON object a line (.jsonl), a JSON array of them, either as .gz, or parquet"


def rows(file: Path) -> Iterator[tuple[int, bytes]]:
    """Each row as JSON with the number of its line, from 1; of parquet, of its row.

    Raises:
        InputError: the file cannot be read, or is of another kind.
        MissingExtra: it is parquet, and pyarrow is not installed.
    """
    try:
        with file.open("rb") as raw:
            head = raw.read(HEAD)
        if head.startswith(PARQUET):
            yield from _parquet(file)
        elif head.startswith(GZIP):
            with gzip.open(file, "rb") as data:
                yield from _text(file, data)
        else:
            with file.open("rb") as data:
                yield from _text(file, data)
    except (EOFError, zlib.error, gzip.BadGzipFile) as fault:
        raise InputError(f"{file}: a .gz file that is damaged or cut off ({fault})") from None
    except OSError as fault:
        raise InputError(f"{file} cannot be read: {fault.strerror or fault}") from None


def _text(file: Path, data: IO[bytes] | gzip.GzipFile) -> Iterator[tuple[int, bytes]]:
    first = True
    for number, line in enumerate(data, 1):
        if first:
            _refuse_others(file, line)
            line = line.removeprefix(BOM)
        line = line.strip()
        if not line:
            first = first and number == 1
            continue
        if first and line.startswith(b"["):
            yield from _array(file, line + b"\n" + data.read(), number)
            return
        first = False
        yield number, line


def _refuse_others(file: Path, line: bytes) -> None:
    for mark, name in (MARKS | OTHERS).items():
        if line.startswith(mark):
            how = "Write it as UTF-8" if mark in MARKS else f"Expected {KINDS}"
            raise InputError(f"{file}: this is {name}. {how}.")
    if b"\x00" in line[:HEAD]:
        raise InputError(f"{file}: this is no text, or UTF-16 without its mark. Expected {KINDS}, in UTF-8.")


def _array(file: Path, data: bytes, line: int) -> Iterator[tuple[int, bytes]]:
    """The items of a JSON array, each with the line that it starts on."""
    try:
        text = data.decode()
        items = json.loads(text)
    except UnicodeDecodeError as fault:
        raise InputError(f"{file}: not UTF-8: {fault}") from None
    except json.JSONDecodeError as fault:
        raise InputError(
            f"{file}, line {fault.lineno + line - 1}: a JSON array that is not closed or malformed: {fault.msg}"
        ) from None
    except RecursionError:
        raise InputError(f"{file}: nested deeper than a row may be") from None
    at = text.index("[") + 1
    for _ in items:
        start = BETWEEN_ITEMS.match(text, at).end()  # type: ignore[union-attr]
        _, at = json.JSONDecoder().raw_decode(text, start)
        yield text.count("\n", 0, start) + line, text[start:at].encode()


def _parquet(file: Path) -> Iterator[tuple[int, bytes]]:
    arrow = require("pyarrow.parquet", extra="hub", why="reading parquet")
    try:
        table = arrow.ParquetFile(file)
        number = 0
        for batch in table.iter_batches():
            for row in batch.to_pylist():
                number += 1
                yield number, msgspec.json.encode(row)
    except (ValueError, OSError, TypeError) as fault:
        raise InputError(f"{file}: a parquet file that cannot be read: {fault}") from None


def decoded(decoder: msgspec.json.Decoder[Any], line: bytes) -> Any:
    """The value of a row.

    Raises:
        InputError: it is not JSON, or not what the decoder is for; without its place, which the caller knows.
    """
    try:
        return decoder.decode(line)
    except RecursionError:
        raise InputError("nested deeper than a row may be") from None
    except msgspec.ValidationError:
        raise
    except (msgspec.DecodeError, UnicodeDecodeError) as fault:
        if (half := SURROGATE.search(line)) is not None and _python_reads(line):
            said = f"half of a character (a lone surrogate, {half[0].decode()}): the text was cut inside of it"
            raise InputError(said) from None
        raise InputError(f"not JSON: {fault}") from None


def _python_reads(line: bytes) -> bool:
    """Whether Python's lenient reader takes a line, as it does lone surrogates."""
    try:
        json.loads(line)
    except (ValueError, RecursionError):
        return False
    return True
