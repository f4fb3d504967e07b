"""GSM8K (Cobbe et al., 2021): grade-school word problems with worked solutions, from the hub or a local folder.

A row, shortened:

    {"question": "Mia had 7 pens. She bought 5. How many now?",
     "answer": "Mia has 7+5=<<7+5=12>>12 pens.\\n#### 12"}
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import msgspec

from lema.errors import ConfigError, InputError
from lema.extras import require
from lema.formats import one_line
from lema.models import folder_digest
from lema.protocols import Verifier
from lema.records import Question
from lema.spec import Spec, digest, runtime, spec
from lema.steps import MARKER, NOTE

SPLITS = ("train", "test")
COMMIT = re.compile(r"[0-9a-f]{40}")
SPACES = re.compile(r" +")
#: What the authors' files space out: an operator that follows something, and every `=`.
SPACED = re.compile(r"(?<=\S)[-+*/]|=")


class Row(msgspec.Struct):
    """A line of the data set; further fields are ignored."""

    question: str
    answer: str


@spec
class Gsm8k(Spec):
    """Questions of GSM8K.

    The rows come from the hub at a pinned `revision`, or from `path`, a folder with `train.jsonl`
    and `test.jsonl`, whose content counts and whose place does not. Ids are digests of the
    question's text, so both sources give the same ones.
    """

    kind = "gsm8k"
    verifier: Verifier
    hub: str = runtime(default="openai/gsm8k")  # with `subset` and `revision` in the fingerprint, unless `path` is used
    subset: str = runtime(default="main")
    revision: str | None = runtime(default=None)
    path: str | None = runtime(default=None)

    @property
    def name(self) -> str:
        return "gsm8k"

    @property
    def splits(self) -> tuple[str, ...]:
        return SPLITS

    @property
    def test_split(self) -> str:
        return "test"

    def check(self) -> None:
        if self.path is None and not (self.revision and COMMIT.fullmatch(self.revision)):
            raise ConfigError(
                f"task.revision: {self.hub} needs a pinned revision (40 hex digits: a commit of the hub's repository), "
                f"not {self.revision!r}. Or give task.path, a folder with train.jsonl and test.jsonl."
            )

    def fingerprint(self) -> Mapping[str, str]:
        if self.path is None:
            return {"hub": f"{self.hub}/{self.subset}@{self.revision}"}
        folder = self.folder()
        files = [folder / f"{split}.jsonl" for split in SPLITS if (folder / f"{split}.jsonl").is_file()]
        stamp = tuple((f.name, f.stat().st_size, f.stat().st_mtime_ns) for f in files)
        return {"files": folder_digest(str(folder), stamp)}

    def questions(self, split: str, start: int = 0, stop: int | None = None) -> list[Question]:
        """Rows `start` to `stop` of a split, in the order of the data set.

        Raises:
            InputError: no such data, a malformed row, a reference answer that is no number, two
                equal questions, or fewer rows than `stop`.
        """
        if split not in SPLITS:
            raise InputError(f"gsm8k has no split {split!r}, only {', '.join(SPLITS)}")
        rows = self.hub_rows(split) if self.path is None else self.file_rows(split)
        questions = [self.question(row, where) for where, row in rows]
        if len({question.id for question in questions}) < len(questions):
            raise InputError(f"gsm8k {split}: the same question stands there more than once")
        end = len(questions) if stop is None else stop
        if not 0 <= start < end <= len(questions):
            raise InputError(
                f"gsm8k {split}: questions {start} to {end} were asked for, and there are {len(questions):,} "
                "(counted from 0). Choose another slice."
            )
        return questions[start:end]

    def steps(self, question: Question) -> list[str]:
        """The worked solution, line by line as in the authors' files (methods recovered from them), and its answer."""
        lines = (normalised(line) for line in question.solution.split("####")[0].split("\n"))
        return [*(line for line in lines if line), f"{MARKER} {question.answer}."]

    def folder(self) -> Path:
        """The local folder.

        Raises:
            InputError: it is not there or holds none of the files.
        """
        folder = Path(self.path or "").expanduser().resolve()
        if not any((folder / f"{split}.jsonl").is_file() for split in SPLITS):
            raise InputError(f"task.path: {folder} holds neither train.jsonl nor test.jsonl of GSM8K")
        return folder

    def file_rows(self, split: str) -> Iterable[tuple[str, Row]]:
        file = self.folder() / f"{split}.jsonl"
        if not file.is_file():
            raise InputError(f"task.path: {file} is missing; only the other split is there")
        decoder = msgspec.json.Decoder(Row)
        with file.open("rb") as lines:
            for number, line in enumerate(lines, 1):
                where = f"{file}, line {number}"
                try:
                    yield where, decoder.decode(line)
                except msgspec.DecodeError as fault:
                    raise InputError(f"{where}: not a GSM8K row (question, answer): {fault}") from None

    def hub_rows(self, split: str) -> Iterable[tuple[str, Row]]:
        datasets = require("datasets", extra="hub", why=f"Loading {self.hub} from the hub")
        try:
            rows: Any = datasets.load_dataset(self.hub, self.subset, split=split, revision=self.revision)
        except (OSError, ValueError) as fault:
            raise InputError(
                f"{self.hub} at revision {self.revision} could not be loaded: {fault}. "
                "Without network, give task.path, a folder with train.jsonl and test.jsonl."
            ) from fault
        for number, row in enumerate(rows):
            where = f"{self.hub} {split}, row {number}"
            try:
                yield where, msgspec.convert(row, Row)
            except msgspec.ValidationError as fault:
                raise InputError(f"{where}: not a GSM8K row (question, answer): {fault}") from None

    def question(self, row: Row, where: str) -> Question:
        """A row as a question whose reference answer the verifier can read."""
        _, mark, answer = row.answer.rpartition("####")
        question = Question(
            id=f"gsm8k-{digest(one_line(row.question).encode())}",
            task=self.name,
            text=row.question,
            answer=answer.strip().replace(",", ""),
            solution=row.answer,
        )
        if not mark or not question.text.strip():
            raise InputError(f"{where}: no question, or an answer without '#### n'")
        try:
            self.verifier.judge("", question)
        except InputError as fault:
            raise InputError(f"{where}: {fault}") from None
        if not self.verifier.equal(question.answer, question.answer):
            raise InputError(f"{where}: reference answer {question.answer!r} is not equal to itself")
        return question


def normalised(line: str) -> str:
    """A line of a worked solution as the authors' files have it.

    No calculator notes, a stop at the end, and spaces around operators, with their side effects
    kept: `hip-hop` becomes `hip - hop`, while the sign of ` +14` stays where it is.
    """
    line = SPACES.sub(" ", NOTE.sub("", line)).strip()
    if not line:
        return ""
    line = line if line.endswith(".") else f"{line}."
    return SPACES.sub(" ", SPACED.sub(r" \g<0> ", line))
