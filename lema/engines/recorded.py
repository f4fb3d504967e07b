"""Texts that were recorded before: real solutions and replies without a model."""

from __future__ import annotations

import dataclasses
import hashlib
import re
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import lru_cache
from pathlib import Path
from typing import Any, ClassVar, Literal

import msgspec

from lema.base.errors import ConfigError, InputError
from lema.base.protocols import Complete, Prompt, Reply, Sampling
from lema.base.spec import Spec, runtime, spec
from lema.data.row_files import decoded, rows

Row = dict[str, Any]
Texts = dict[tuple[str, ...], list[str]]  # values of the matched fields -> recorded texts, in file order


@spec
class Recorded(Spec):
    """Answers each prompt with the texts that a JSONL file holds for it, in file order.

    A prompt gets its first `sampling.n` texts, and fewer when fewer were recorded: nothing is made
    up and nothing is repeated. Stop strings end a text as they would have ended its sampling;
    temperature, seed and max_tokens change nothing, and token counts are 0, since nobody recorded
    them.

    Args:
        name: who wrote the texts, for ids and reports.
        path: the file. Its content counts, its place does not.
        text: the field of a row that holds the text.
        match: field of a prompt (`question`, or `question` and `solution` of a teacher's prompt)
            -> field of the rows that must equal it.
        where: field of a row -> value; other rows are not read. Empty: all rows.
        missing: what a prompt without any text is: an `error`, or an empty list of replies (`skip`).
    """

    kind = "recorded"
    needs: ClassVar[str] = "cpu"  # what a cluster must give it
    name: str = "recorded"
    path: str = runtime(default="")
    text: str
    match: dict[str, str]
    where: dict[str, bool | int | str] = dataclasses.field(default_factory=dict)
    missing: Literal["error", "skip"] = "error"

    def check(self) -> None:
        if not re.fullmatch(r"[\w.-]+", self.name):
            raise ConfigError(f"name: letters, digits, '-', '_' and '.' are allowed, got {self.name!r}")
        if not self.match:
            raise ConfigError("match: name at least one field of the prompt, such as {question: question}")

    def fingerprint(self) -> Mapping[str, str]:
        file = self.file()
        stat = file.stat()
        return {"file": file_digest(str(file), stat.st_size, stat.st_mtime_ns)}

    def file(self) -> Path:
        """The file of the texts.

        Raises:
            InputError: it is not there.
        """
        file = Path(self.path).expanduser().resolve()
        if not file.is_file():
            raise InputError(f"path: {file} is not a file. Name the JSONL file that holds the recorded texts.")
        return file

    @contextmanager
    def open(self, *, checkpoint: Path | None = None, replies: Path | None = None) -> Iterator[Complete]:  # noqa: ARG002
        """Read the file.

        Raises:
            ConfigError: a trained model was to answer, which recorded texts cannot stand for.
            InputError: the file is missing or malformed, or `where` leaves nothing of it.
        """
        if checkpoint is not None:
            raise ConfigError(
                f"{self.name}: recorded texts do not change with training, so they cannot stand for a trained model. "
                "Take another engine where a trained model answers."
            )
        texts = self.texts()

        def complete(prompts: Sequence[Prompt], sampling: Sampling) -> list[list[Reply]]:
            return self.complete(prompts, sampling, texts)

        yield complete

    def complete(self, prompts: Sequence[Prompt], sampling: Sampling, texts: Texts) -> list[list[Reply]]:
        """Up to n replies for each prompt, in the order given.

        Raises:
            ConfigError: a prompt lacks a field of `match`, or log-probabilities (`choices` too) are asked for.
            InputError: nothing is recorded for a prompt, and `missing` is `error`.
        """
        if sampling.logprobs or sampling.choices:
            raise ConfigError(f"{self.name}: log-probabilities of recorded texts are not known. Ask for none.")
        found = [texts.get(self.wanted(prompt), []) for prompt in prompts]
        without = [prompt for prompt, held in zip(prompts, found, strict=True) if not held]
        if without and self.missing == "error":
            looked_up = ", ".join(f"{field} = {value[:60]!r}" for field, value in self.asked(without[0]))
            raise InputError(
                f"{self.file()}: nothing is recorded for {len(without):,} of {len(prompts):,} prompts. The first is "
                f"{without[0].id!r}, with {looked_up}. Choose questions that the file covers, or leave such prompts "
                "unanswered with missing: skip."
            )
        return [[reply(text, sampling.stop) for text in held[: sampling.n]] for held in found]

    def wanted(self, prompt: Prompt) -> tuple[str, ...]:
        """What rows must hold to belong to a prompt."""
        absent = [name for name in self.match if name not in prompt.fields]
        if absent:
            raise ConfigError(
                f"match: prompts have no field {absent[0]!r} to look texts up by, only "
                f"{', '.join(sorted(prompt.fields)) or 'none'}"
            )
        return tuple(value for _, value in self.asked(prompt))

    def asked(self, prompt: Prompt) -> list[tuple[str, str]]:
        """Each field of the rows to look at, and its value, in an order that `match` does not decide."""
        return [(self.match[name], prompt.fields[name]) for name in sorted(self.match)]

    def texts(self) -> Texts:
        """All recorded texts, by what they answer.

        Raises:
            InputError: with file and line: a row cannot be read or lacks a field.
        """
        file = self.file()
        columns = [self.match[name] for name in sorted(self.match)]
        found: Texts = {}
        for number, row in numbered_rows(file):
            place = f"{file}, line {number}"
            if all(same(field(row, name, place), value) for name, value in self.where.items()):
                key = tuple(text_field(row, name, place) for name in columns)
                found.setdefault(key, []).append(text_field(row, self.text, place))
        if not found:
            wanted = " and ".join(f"{name} = {value!r}" for name, value in self.where.items())
            raise InputError(f"{file}: no row has {wanted}" if wanted else f"{file}: the file holds no rows")
        return found


@lru_cache
def file_digest(path: str, size: int, changed_ns: int) -> str:  # noqa: ARG001
    """Digest of a file's content; size and time of change make an edit miss the cache."""
    with Path(path).open("rb") as data:
        return hashlib.file_digest(data, "sha256").hexdigest()[:16]


def numbered_rows(file: Path) -> Iterator[tuple[int, Row]]:
    """Rows of a file with their line numbers, as `lema.data.row_files` reads them.

    Raises:
        InputError: a row is not a JSON object.
    """
    decoder = msgspec.json.Decoder(dict[str, Any])
    for number, line in rows(file):
        try:
            yield number, decoded(decoder, line)
        except (InputError, msgspec.ValidationError) as error:
            raise InputError(f"{file}, line {number}: not a JSON object ({error})") from None


def field(row: Row, name: str, place: str) -> Any:
    """A field that every row must have."""
    if name not in row:
        raise InputError(f"{place}: the row has no field {name!r}, only {', '.join(row) or 'none'}")
    return row[name]


def text_field(row: Row, name: str, place: str) -> str:
    value = field(row, name, place)
    if not isinstance(value, str):
        raise InputError(f"{place}: {name!r} must be text, got {str(value)[:60]}")
    return value


def same(held: Any, value: bool | int | str) -> bool:
    """Equality as JSON has it: `true` is not 1."""
    return isinstance(held, bool) == isinstance(value, bool) and bool(held == value)


def reply(text: str, stops: Sequence[str]) -> Reply:
    """The text up to the first stop string."""
    return Reply(text=text[: min((text.find(stop) for stop in stops if stop in text), default=len(text))])
