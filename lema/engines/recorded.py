"""Texts recorded earlier, from a JSONL file: real data without a model."""

from __future__ import annotations

import json
import logging
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import lru_cache
from hashlib import sha256
from pathlib import Path
from typing import Any, Literal

from lema.errors import ConfigError, InputError
from lema.protocols import Complete, Prompt, Reply, Sampling
from lema.spec import Spec, runtime, spec

log = logging.getLogger(__name__)


@lru_cache
def file_digest(path: Path, size: int, changed: int) -> str:  # noqa: ARG001
    """Digest of a file; size and time of change make an edit miss the cache."""
    return sha256(path.read_bytes()).hexdigest()[:16]


@spec
class Recorded(Spec):
    """Gives each prompt the texts of the rows that match it, in file order, at most n of them.

    A prompt with fewer rows than n gets fewer replies. One with none gets none when `missing` is
    `skip`, and is an error when it is `error`. How many were short is logged.

    Args:
        path: JSONL; its content counts, not its place.
        match: field of the prompt (`question`, `solution`) to field of the row; all must be equal.
        text: field of the row that holds the reply.
        where: only rows with these values.
        reasoner: who wrote the texts, for ids and reports.
    """

    kind = "recorded"
    reasoner: str
    match: dict[str, str]
    text: str
    where: dict[str, str | int | bool] = {}
    missing: Literal["error", "skip"] = "error"
    path: str | None = runtime(default=None)

    @property
    def name(self) -> str:
        return self.reasoner

    def check(self) -> None:
        if not self.match:
            raise ConfigError("match: name at least one field of the prompt and its field in the file")

    def fingerprint(self) -> Mapping[str, str]:
        file = self.file()
        stat = file.stat()
        return {"rows": file_digest(file, stat.st_size, stat.st_mtime_ns)}

    def file(self) -> Path:
        """The file of recorded rows.

        Raises:
            InputError: no path is given, or there is no such file.
        """
        if self.path is None:
            raise InputError(f"the recorded engine {self.reasoner!r} needs path, a JSONL file of recorded rows")
        file = Path(self.path).expanduser().resolve()
        if not file.is_file():
            raise InputError(f"the recorded engine {self.reasoner!r}: there is no file {file}")
        return file

    @contextmanager
    def open(self, *, checkpoint: Path | None = None, replies: Path | None = None) -> Iterator[Complete]:  # noqa: ARG002
        """Read the file.

        Raises:
            ConfigError: a trained checkpoint is to be used, which a file cannot.
            InputError: the file is missing, or a line of it is not a row with these fields.
        """
        if checkpoint is not None:
            raise ConfigError(f"the recorded engine {self.reasoner!r} cannot sample from {checkpoint}: it only reads")
        texts = self.texts()

        def complete(prompts: Sequence[Prompt], sampling: Sampling) -> list[list[Reply]]:
            found = [texts.get(self.wanted(prompt), [])[: sampling.n] for prompt in prompts]
            self.report(prompts, found, sampling.n)
            return [[Reply(text=text) for text in several] for several in found]

        yield complete

    def texts(self) -> dict[tuple[str, ...], list[str]]:
        """Recorded texts by the values that a prompt must have."""
        texts: dict[tuple[str, ...], list[str]] = {}
        for place, row in rows(self.file()):
            absent = [name for name in (*self.match.values(), *self.where, self.text) if name not in row]
            if absent:
                raise InputError(f"{place}: no field {absent[0]!r}; the row has {', '.join(sorted(row))}")
            if not isinstance(row[self.text], str):
                raise InputError(f"{place}: {self.text} is not a text")
            if all(row[name] == value for name, value in self.where.items()):
                texts.setdefault(tuple(str(row[name]) for name in self.match.values()), []).append(row[self.text])
        return texts

    def wanted(self, prompt: Prompt) -> tuple[str, ...]:
        absent = [name for name in self.match if name not in prompt.fields]
        if absent:
            raise ConfigError(
                f"match.{absent[0]}: a prompt of this stage has no such field, only {', '.join(prompt.fields) or 'none'}"
            )
        return tuple(prompt.fields[name] for name in self.match)

    def report(self, prompts: Sequence[Prompt], found: Sequence[Sequence[str]], n: int) -> None:
        empty = [prompt for prompt, several in zip(prompts, found, strict=True) if not several]
        short = sum(0 < len(several) < n for several in found)
        if empty and self.missing == "error":
            raise InputError(
                f"{self.file()}: no recorded row for {len(empty):,} of {len(prompts):,} prompts, the first "
                f"{empty[0].id!r}. Ask only what is recorded, or set missing=skip."
            )
        if empty or short:
            log.info(
                "%s: of %d prompts, %d have no row, %d fewer than %d", self.name, len(prompts), len(empty), short, n
            )


def rows(path: Path) -> Iterator[tuple[str, dict[str, Any]]]:
    """Rows of a JSONL file, each with its place for messages.

    Raises:
        InputError: a line is not a JSON object.
    """
    with path.open("rb") as lines:
        for number, line in enumerate(lines, 1):
            place = f"{path}, line {number}"
            try:
                row = json.loads(line)
            except ValueError as fault:
                raise InputError(f"{place}: not JSON: {fault}") from None
            if not isinstance(row, dict):
                raise InputError(f"{place}: expected an object with fields")
            yield place, row
