"""Files of rows as people have them: read alike, or refused in words that say what they are."""

from __future__ import annotations

import gzip
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import msgspec
import pytest

from lema.base.errors import InputError
from lema.data.datasets import json_lines
from lema.data.row_files import rows

ROWS: list[dict[str, Any]] = [{"text": "Ann has 3 päckchen.", "n": 1}, {"text": "a\nb", "n": 2}, {"text": "", "n": 3}]
LINES = "".join(f"{json.dumps(row, ensure_ascii=False)}\n" for row in ROWS).encode()
#: What people have, by how it is written.
KINDS: dict[str, Callable[[], bytes]] = {
    "jsonl": lambda: LINES,
    "a mark": lambda: b"\xef\xbb\xbf" + LINES,
    "line ends of another system": lambda: LINES.replace(b"\n", b"\r\n"),
    "no last line end": lambda: LINES.rstrip(b"\n"),
    "gzip": lambda: gzip.compress(LINES),
    "an array": lambda: json.dumps(ROWS).encode(),
    "an array in lines": lambda: json.dumps(ROWS, indent=2).encode(),
    "an array, a mark and gzip": lambda: gzip.compress(b"\xef\xbb\xbf\n" + json.dumps(ROWS).encode()),
}


def read(folder: Path, content: bytes) -> list[tuple[int, Any]]:
    file = folder / "rows.jsonl"
    file.write_bytes(content)
    return list(json_lines(file))


@pytest.mark.parametrize("kind", KINDS)
def test_rows_are_the_same_however_they_are_written(tmp_path: Path, kind: str) -> None:
    assert [row for _, row in read(tmp_path, KINDS[kind]())] == ROWS


def test_each_row_comes_with_the_line_that_it_begins_on(tmp_path: Path) -> None:
    first, *rest = LINES.splitlines(keepends=True)
    assert [number for number, _ in read(tmp_path, b"\n\n" + first + b"  \n" + b"".join(rest))] == [3, 5, 6]
    assert [number for number, _ in read(tmp_path, json.dumps(ROWS, indent=1).encode())] == [2, 6, 10]


def test_parquet_is_read_where_pyarrow_is(tmp_path: Path) -> None:
    arrow, parquet = pytest.importorskip("pyarrow"), pytest.importorskip("pyarrow.parquet")
    parquet.write_table(arrow.Table.from_pylist(ROWS), tmp_path / "rows.parquet")
    assert [row for _, row in json_lines(tmp_path / "rows.parquet")] == ROWS
    (tmp_path / "cut.parquet").write_bytes((tmp_path / "rows.parquet").read_bytes()[:200])
    with pytest.raises(InputError, match="a parquet file that cannot be read"):
        list(rows(tmp_path / "cut.parquet"))


#: What people have by mistake, and what is said of it.
WRONG = {
    "utf-16": (LINES.decode().encode("utf-16"), "this is UTF-16"),
    "unmarked": (LINES.decode().encode("utf-16-le"), "UTF-16 without its mark"),
    "utf-32": (LINES.decode().encode("utf-32"), "this is UTF-32"),
    "latin-1": (LINES.decode().encode("latin-1"), r"line 1: not JSON"),
    "surrogate": (LINES + b'{"text": "cut \\ud83d"}\n', r"line 4: half of a character \(a lone surrogate, \\ud83d\)"),
    "cut": (LINES + b'{"text": \n', r"line 4: not JSON"),
    "open-array": (b'[{"text": "a"},\n{"text": ', r"line 2: a JSON array that is not closed"),
    "zip": (b"PK\x03\x04zipped", "this is a zip archive"),
    "gzip": (gzip.compress(LINES * 50)[:-9], "damaged or cut off"),
    "deep": (b'{"text": ' + b"[" * 100_000 + b"]" * 100_000 + b"}", "line 1: nested deeper"),
    "deep-array": (b"[" * 100_000, "nested deeper"),
}


@pytest.mark.parametrize("kind", WRONG)
def test_what_cannot_be_read_is_named_for_what_it_is(tmp_path: Path, kind: str) -> None:
    content, said = WRONG[kind]
    with pytest.raises(InputError, match=rf"rows\.jsonl.*{said}"):
        read(tmp_path, content)


def test_a_file_that_is_not_there_and_a_folder_are_refused(tmp_path: Path) -> None:
    for place in (tmp_path / "none.jsonl", tmp_path):
        with pytest.raises(InputError, match="cannot be read"):
            list(rows(place))


def test_rows_are_valid_json_for_any_decoder(tmp_path: Path) -> None:
    (tmp_path / "rows.json").write_text(json.dumps(ROWS))
    assert [msgspec.json.decode(line) for _, line in rows(tmp_path / "rows.json")] == ROWS
