"""Published data sets: rows from the hub at a pinned revision, or from files, as checked questions.

A task's file says what its data set is: which tables hold a split, what a row looks like, and which
question a row stands for. What holds for every data set is here: rows that cannot be read are named
with file and line, questions have ids of their text, reference answers are readable by the task's
verifier, and the key follows the content of files and the revision of the hub.
"""

from __future__ import annotations

import json
import re
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal, InvalidOperation
from pathlib import Path
from typing import Any, ClassVar, Protocol

import msgspec

from lema.base.errors import ConfigError, InputError
from lema.base.optional import require
from lema.base.protocols import Task, Verifier
from lema.base.question_slice import NO_PARTS
from lema.base.reasoning_steps import one_line
from lema.base.records import Question
from lema.base.spec import Spec, digest
from lema.data.row_files import BETWEEN_ITEMS, decoded, rows
from lema.lm.model import folder_digest

COMMIT = re.compile(r"[0-9a-f]{40}")


class Row(Protocol):
    """A row of a data set: a msgspec struct of the fields that count, others are ignored."""

    def to_question(self) -> Question | None:
        """The question that the row stands for; None when the paper leaves such rows out.

        Raises:
            InputError: the row holds no question.
        """
        ...


@dataclass(frozen=True)
class Table:
    """A table of a hub's repository; `setting` names the field that pins its revision."""

    hub: str
    revision: str | None
    split: str
    subset: str | None = None
    setting: str = "task.revision"

    def __str__(self) -> str:
        return f"{self.hub}/{self.subset}@{self.revision}" if self.subset else f"{self.hub}@{self.revision}"


def json_lines(file: Path) -> Iterator[tuple[int, Any]]:
    """Line number and value of each row of a file, as `lema.data.row_files` reads them."""
    decoder = msgspec.json.Decoder(Any)
    for number, line in rows(file):
        try:
            yield number, decoded(decoder, line)
        except InputError as fault:
            raise InputError(f"{file}, line {number}: {fault}") from None


def json_list(file: Path) -> Iterator[tuple[int, Any]]:
    """Line number and value of each item of one JSON list."""
    try:
        text = file.read_text(encoding="utf-8")
        items = json.loads(text)
    except json.JSONDecodeError as fault:
        raise InputError(f"{file}, line {fault.lineno}: not JSON: {fault.msg}") from None
    except UnicodeDecodeError as fault:
        raise InputError(f"{file}: not UTF-8: {fault}") from None
    except RecursionError:
        raise InputError(f"{file}: nested deeper than a file of questions may be") from None
    if not isinstance(items, list):
        raise InputError(f"{file}: expected a list of rows")
    yield from on_lines(text, items, text.index("[") + 1)


def on_lines(text: str, items: Sequence[Any], at: int) -> Iterator[tuple[int, Any]]:
    """Each item of a JSON list with the line that it starts on; `at` is where the first one may start."""
    for item in items:
        start = BETWEEN_ITEMS.match(text, at).end()  # type: ignore[union-attr]
        yield text.count("\n", 0, start) + 1, item
        _, at = json.JSONDecoder().raw_decode(text, start)


@dataclass(frozen=True)
class Split:
    """Where a split is: a file of the local folder, or tables of the hub, one after the other."""

    file: str
    tables: tuple[Table, ...]
    row: type[Row]
    hub_row: type[Row] | None = None  # where the hub's rows differ from the file's
    read: Callable[[Path], Iterator[tuple[int, Any]]] = json_lines


@dataclass(frozen=True)
class Dataset:
    """A data set in one place: the local folder `path`, or the hub.

    `repeats` says that its authors have the same question in it more than once: further ones get a
    number behind their id. In any other data set that is an error.
    """

    name: str
    splits: Mapping[str, Split]
    path: str | None
    repeats: bool = False

    @property
    def files(self) -> list[str]:
        return list(dict.fromkeys(split.file for split in self.splits.values()))

    def tables(self) -> list[Table]:
        return [table for split in self.splits.values() for table in split.tables]

    def check(self) -> None:
        """Raise ConfigError for a hub without a pinned revision, or for neither a hub nor a folder."""
        if self.path is None and not self.tables():
            raise ConfigError(
                f"task.path: {self.name} comes from files alone. Give a folder with {' and '.join(self.files)}."
            )
        for table in self.tables() if self.path is None else ():
            if not (table.revision and COMMIT.fullmatch(table.revision)):
                raise ConfigError(
                    f"{table.setting}: {table.hub} needs a pinned revision (40 hex digits: a commit of the hub's "
                    f"repository), not {table.revision!r}. Or give task.path, a folder with {' and '.join(self.files)}."
                )

    def fingerprint(self) -> Mapping[str, str]:
        """What decides the rows: the content of the files that are there, or the revisions."""
        if self.path is None:
            return {"hub": " + ".join(dict.fromkeys(str(table) for table in self.tables()))}
        folder = self.folder()
        files = [folder / name for name in self.files if (folder / name).is_file()]
        stamp = tuple((f.name, f.stat().st_size, f.stat().st_mtime_ns) for f in files)
        return {"files": folder_digest(str(folder), stamp)}

    def questions(self, split: str, start: int, stop: int | None, verifier: Verifier) -> list[Question]:
        """Questions `start` to `stop` of a split, in the order of the data set.

        Raises:
            InputError: no such data, a malformed row, a reference answer that the verifier cannot
                read, two equal questions, or fewer of them than `stop`.
        """
        if split not in self.splits:
            raise InputError(f"{self.name} has no split {split!r}, only {', '.join(self.splits)}")
        rows = self.hub_rows(split) if self.path is None else self.file_rows(split)
        found = list(self.distinct(self.read(rows), split))
        end = len(found) if stop is None else stop
        if not 0 <= start < end <= len(found):
            raise InputError(
                f"{self.name} {split}: questions {start} to {end} were asked for, and there are {len(found):,} "
                "(counted from 0). Choose another slice."
            )
        for where, question in found[start:end]:
            check_reference(question, where, verifier)
        return [question for _, question in found[start:end]]

    def read(self, rows: Iterator[tuple[str, Row]]) -> Iterator[tuple[str, Question]]:
        """Place and question of each row that counts."""
        for where, row in rows:
            try:
                question = row.to_question()
            except InputError as fault:
                raise InputError(f"{where}: {fault}") from None
            if question is not None:
                yield where, question

    def distinct(self, found: Iterator[tuple[str, Question]], split: str) -> Iterator[tuple[str, Question]]:
        """The same, with one id a question."""
        seen: dict[str, int] = {}
        for where, question in found:
            times = seen[question.id] = seen.get(question.id, 0) + 1
            if times > 1 and not self.repeats:
                raise InputError(f"{where}: {self.name} {split} has the same question more than once")
            yield where, question if times == 1 else msgspec.structs.replace(question, id=f"{question.id}-{times}")

    def folder(self) -> Path:
        """The local folder.

        Raises:
            InputError: it is not there or holds none of the files.
        """
        folder = Path(self.path or "").expanduser().resolve()
        if not any((folder / name).is_file() for name in self.files):
            raise InputError(f"task.path: {folder} holds no file of {self.name} ({', '.join(self.files)})")
        return folder

    def file_rows(self, split: str) -> Iterator[tuple[str, Row]]:
        """Place and row of each row of the split's file."""
        source = self.splits[split]
        file = self.folder() / source.file
        if not file.is_file():
            hub = f", or leave task.path out to load {source.tables[0].hub} from the hub" if source.tables else ""
            raise InputError(
                f"task.path: {file} is missing, which holds {self.name}'s split {split!r}. Put it there{hub}."
            )
        for line, value in source.read(file):
            where = f"{file}, line {line}"
            yield where, self.row(value, source.row, where)

    def hub_rows(self, split: str) -> Iterator[tuple[str, Row]]:
        """Place and row of each row of the split's tables."""
        source = self.splits[split]
        datasets = require("datasets", extra="hub", why=f"Loading {source.tables[0].hub} from the hub")
        for table in source.tables:
            try:
                rows: Any = datasets.load_dataset(table.hub, table.subset, split=table.split, revision=table.revision)
            except (OSError, ValueError) as fault:
                raise InputError(
                    f"{table.hub} at revision {table.revision} could not be loaded: {fault}. "
                    f"Without network, give task.path, a folder with {' and '.join(self.files)}."
                ) from fault
            for number, value in enumerate(rows):
                where = f"{table.hub} {table.subset or ''} {table.split}, row {number}".replace("  ", " ")
                yield where, self.row(value, source.hub_row or source.row, where)

    def row(self, value: Any, row: type[Row], where: str) -> Row:
        try:
            return msgspec.convert(value, row)
        except msgspec.ValidationError as fault:
            fields = ", ".join(field.encode_name for field in msgspec.structs.fields(row))  # type: ignore[arg-type]
            raise InputError(f"{where}: not a row of {self.name} ({fields}): {fault}") from None


class Published(Spec, ABC):
    """Base of tasks whose questions are the rows of a published data set.

    A subclass says which data set (`data`), and gives `steps` where the rows have worked solutions.
    """

    worked: ClassVar[bool] = True  # whether the rows have worked solutions
    parts: ClassVar[Mapping[str, str]] = NO_PARTS  # splits whose questions are also in another: {part: whole}
    verifier: Verifier
    published: Verifier | None = None  # the grader of the paper's authors; tasks that have one make it a field

    @property
    @abstractmethod
    def data(self) -> Dataset:
        """The data set, as the fields say where it is."""

    @property
    def name(self) -> str:
        return self.kind

    @property
    def splits(self) -> tuple[str, ...]:
        return tuple(self.data.splits)

    @property
    def test_split(self) -> str:
        """The split that results are reported on."""
        return "test"

    def check(self) -> None:
        self.data.check()

    def fingerprint(self) -> Mapping[str, str]:
        return self.data.fingerprint()

    def questions(self, split: str, start: int = 0, stop: int | None = None) -> list[Question]:
        return self.data.questions(split, start, stop, self.verifier)

    def steps(self, question: Question) -> list[str]:
        """No reference path: an answer alone is nothing that a model could learn reasoning from.

        Raises:
            InputError: always; a data set with worked solutions has its own `steps`.
        """
        raise InputError(f"question {question.id}: {self.without_paths()}")

    def without_paths(self) -> str:
        """Why there are no CoT examples, and what to do."""
        return (
            f"{self.name} has answers and no worked solutions, so there are no reference paths to train on. Let a "
            "teacher write them (CoT augmentation, paper section 2.3), or take a mix without them: data_mix=corrections"
        )


def parts_of(task: Task) -> Mapping[str, str]:
    """Splits of a task that are parts of others, as {part: whole}."""
    return task.parts if isinstance(task, Published) else NO_PARTS


def told_parts(task: Task) -> str:
    """The same in words, for the end of a message."""
    return "".join(f" (Of {task.name}, {part} is a part of {whole}.)" for part, whole in parts_of(task).items())


def question_id(task: str, text: str) -> str:
    """The id of a question: its text counts, its place and white space do not."""
    return f"{task}-{digest(one_line(text).encode())}"


def number(value: float | str) -> str:
    """An answer that a data set gives as a floating-point number, in its shortest form: `51.0` is 51.

    Raises:
        InputError: it is no number.
    """
    try:
        exact = Decimal(str(value))
        return f"{exact.quantize(1) if exact == exact.to_integral_value() else exact.normalize():f}"
    except InvalidOperation:
        raise InputError(f"the answer {value!r} is no number") from None


def check_reference(question: Question, where: str, verifier: Verifier) -> None:
    """Raise InputError for a reference answer that the verifier cannot read, or that is not equal to itself."""
    try:
        verifier.judge("", question)
    except InputError as fault:
        raise InputError(f"{where}: {fault}") from None
    if not verifier.equal(question.answer, question.answer):
        raise InputError(f"{where}: reference answer {question.answer!r} is not equal to itself")
