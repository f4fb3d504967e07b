"""Grading outputs from elsewhere: a JSONL file in; verdicts, a summary, and what people have to look at out.

A row holds the `text` of an output and what it is judged against: the `question_id` of a question of
the task, or a `reference` answer (with `choices` for multiple choice). Rows with a `reference` say which of them
answer one question by a `question_id` of their own, the text `question`, or `id`; without any, each is a question.
Several outputs to one question carry different `sample` numbers; with a `reference` these may be left out. Other fields
are left alone: every verdict names its line (`lema.cli.graded_rows`).
"""

from __future__ import annotations

import hashlib
import secrets
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import msgspec

from lema.base.errors import InputError
from lema.base.protocols import Task
from lema.base.records import Judgement, Question, Record, Solution, Verdict
from lema.base.spec import Spec, canonical, key
from lema.base.stats import Interval, clustered_accuracy, wilson
from lema.cli.endings import SHOWN, Unread
from lema.cli.graded_rows import Row, place, read
from lema.store.durable import remove_tree, sync_tree


class Graded(Record, frozen=True, kw_only=True):
    """A row of verdicts.jsonl; `line` is the number of the input's line, from 1."""

    line: int
    question_id: str | None
    sample: int
    verdict: Verdict
    answer: str | None
    rung: str


class Undecided(Record, frozen=True, kw_only=True):
    """A row of undecided.jsonl, for people: all that is needed to fill in `decision`, `right` or `wrong`."""

    id: str  # of the solution, or the number of the input's line
    source: str  # the stage that has the solution (<kind>-<key>), or the input's name
    question: str
    reference: str
    answer: str | None
    text: str
    decision: str = ""


class Summary(Record, frozen=True, kw_only=True):
    """summary.json. `accuracy` is a mean over questions; undecided verdicts do not count as right."""

    input: str
    sha256: str
    task: str
    verifier: dict[str, Any]
    key: str  # of the verifier
    outputs: int
    questions: int
    verdicts: dict[str, int]
    rungs: dict[str, int]
    accuracy: Interval
    ungrouped: int = 0  # rows with a reference that say nothing of their question
    endings: dict[str, int] = {}  # the commonest last lines of outputs without an answer, numbers as N
    by_last_number: int | None = None  # of these, how many the rung `last_number` would read; None: none is to be had


def grade(task: Task, rows: Path, folder: Path, splits: Sequence[str] = ()) -> Summary:
    """Judge every row of a file by the task's verifier, and publish `folder` when all are done.

    Questions are looked up in `splits`, or in all splits of the task.

    Raises:
        InputError: the file is missing or empty, a row is not as described above, names no question
            of the task or stands twice, or `folder` is there already. Nothing is left behind.
    """
    if folder.exists():
        raise InputError(f"{folder} is there already; give another folder for the verdicts, or remove it")
    graded: list[tuple[str, Verdict]] = []
    rungs: Counter[str] = Counter()
    ungrouped = 0
    unread = Unread(task.verifier)
    with new_folder(folder) as work:
        with (work / "verdicts.jsonl").open("xb") as verdicts, (work / "undecided.jsonl").open("xb") as undecided:
            for row in read(task, rows, splits):
                question, text = row.question, row.output.text
                with place(rows, row.line):
                    found = task.verifier.judge(text, question)
                graded.append((question.id, found.verdict))
                rungs[found.rung] += bool(found.rung)
                ungrouped += row.output.group is None
                write(verdicts, row_of(row, found))
                if found.verdict is Verdict.NO_ANSWER:
                    unread.take(text, question)
                if found.verdict is Verdict.UNDECIDED:
                    write(undecided, for_people(rows.name, str(row.line), question, text, found.answer))
        summary = msgspec.structs.replace(
            summarise(task, rows, graded, rungs),
            ungrouped=ungrouped,
            endings=dict(unread.endings.most_common(SHOWN)),
            by_last_number=unread.by_last_number,
        )
        (work / "summary.json").write_bytes(msgspec.json.format(msgspec.json.encode(summary)) + b"\n")
    return summary


def undecided(solutions: Iterable[Solution], questions: Mapping[str, Question], source: str) -> Iterator[Undecided]:
    """The undecided ones among the solutions of one source, as rows for people."""
    for solution in solutions:
        if solution.verdict is Verdict.UNDECIDED:
            yield for_people(source, solution.id, questions[solution.question_id], solution.text, solution.answer)


def for_people(source: str, identity: str, question: Question, text: str, answer: str | None) -> Undecided:
    return Undecided(
        id=identity, source=source, question=question.text, reference=question.answer, answer=answer, text=text
    )


def row_of(row: Row, found: Judgement) -> Graded:
    return Graded(
        line=row.line,
        question_id=row.output.group,
        sample=row.sample,
        verdict=found.verdict,
        answer=found.answer,
        rung=found.rung,
    )


def summarise(task: Task, rows: Path, graded: Sequence[tuple[str, Verdict]], rungs: Mapping[str, int]) -> Summary:
    if not graded:
        raise InputError(f"{rows} has no rows: nothing to grade")
    assert isinstance(task.verifier, Spec)
    right: defaultdict[str, list[bool]] = defaultdict(list)
    for question, verdict in graded:
        right[question].append(verdict is Verdict.RIGHT)
    shares = [sum(samples) / len(samples) for samples in right.values()]
    single = len(right) == len(graded)
    counts = Counter(verdict for _, verdict in graded)
    with rows.open("rb") as data:
        digest = hashlib.file_digest(data, "sha256").hexdigest()
    return Summary(
        input=str(rows),
        sha256=digest,
        task=task.name,
        verifier=canonical(task.verifier),
        key=key(task.verifier),
        outputs=len(graded),
        questions=len(right),
        verdicts={verdict.value: counts[verdict] for verdict in Verdict},
        rungs=dict(sorted(rungs.items())),
        accuracy=wilson(counts[Verdict.RIGHT], len(graded)) if single else clustered_accuracy([shares]),
    )


def write(out: Any, row: Record) -> None:
    out.write(msgspec.json.encode(row) + b"\n")


@contextmanager
def new_folder(folder: Path) -> Iterator[Path]:
    """A folder that appears under its name when the block has ended well, and leaves nothing otherwise."""
    work = folder.with_name(f".{folder.name}.{secrets.token_hex(4)}.tmp")
    try:
        work.mkdir(parents=True)
    except OSError as fault:
        raise InputError(f"{folder} cannot be made: {fault.strerror}") from None
    try:
        yield work
        sync_tree(work)
        work.rename(folder)
    except BaseException:
        remove_tree(work)
        raise
