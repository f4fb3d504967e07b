"""Grading outputs from elsewhere: a JSONL file in; verdicts, a summary, and what people have to look at out.

A row holds the `text` of an output and what it is judged against: the `question_id` of a question of
the task, or a `reference` answer (with `choices` for multiple choice). Several outputs to one
question carry different `sample` numbers. Other fields are left alone: every verdict names its line.

    {"question_id": "gsm8k-1f3870be274f6c49", "text": "... The answer is 72."}
    {"reference": "72", "text": "... #### 72", "model": "mine"}
"""

from __future__ import annotations

import hashlib
import secrets
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import cache
from pathlib import Path
from typing import Any

import msgspec

from lema.base.errors import InputError
from lema.base.protocols import Task
from lema.base.records import Judgement, Question, Record, Solution, Verdict
from lema.base.spec import Spec, canonical, key
from lema.base.stats import Interval, clustered_accuracy, wilson
from lema.store.durable import remove_tree, sync_tree


class Output(msgspec.Struct, frozen=True, kw_only=True):
    """A row of the input; further fields are ignored."""

    text: str
    question_id: str | None = None
    reference: str | None = None
    choices: tuple[str, ...] = ()
    sample: int = 0


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
    with new_folder(folder) as work:
        with (work / "verdicts.jsonl").open("xb") as verdicts, (work / "undecided.jsonl").open("xb") as undecided:
            for number, output, question in read(task, rows, splits):
                with place(rows, number):
                    found = task.verifier.judge(output.text, question)
                graded.append((question.id, found.verdict))
                rungs[found.rung] += bool(found.rung)
                write(verdicts, row_of(number, output, found))
                if found.verdict is Verdict.UNDECIDED:
                    write(undecided, for_people(rows.name, str(number), question, output.text, found.answer))
        summary = summarise(task, rows, graded, rungs)
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


def row_of(number: int, output: Output, found: Judgement) -> Graded:
    return Graded(
        line=number,
        question_id=output.question_id,
        sample=output.sample,
        verdict=found.verdict,
        answer=found.answer,
        rung=found.rung,
    )


def read(task: Task, rows: Path, splits: Sequence[str]) -> Iterator[tuple[int, Output, Question]]:
    """Line number, row and question of every row; empty lines are passed over."""
    decoder = msgspec.json.Decoder(Output)
    known = cache(lambda: by_id(task, splits))
    first: dict[tuple[str, int], int] = {}
    try:
        lines = rows.open("rb")
    except OSError as fault:
        raise InputError(f"{rows} cannot be read: {fault.strerror}") from None
    with lines:
        for number, line in enumerate(lines, 1):
            if not line.strip():
                continue
            with place(rows, number):
                output = decoded(decoder, line)
                question = asked(task, output, number, known)
                before = first.setdefault((question.id, output.sample), number)
                if before != number:
                    raise InputError(
                        f"question {question.id}, sample {output.sample} stands in line {before} already. "
                        "Give several outputs to one question different `sample` numbers."
                    )
            yield number, output, question


def decoded(decoder: msgspec.json.Decoder[Output], line: bytes) -> Output:
    try:
        return decoder.decode(line)
    except (msgspec.DecodeError, UnicodeDecodeError) as fault:
        raise InputError(f"not a row with `text` and `question_id` or `reference`: {fault}") from None


def asked(task: Task, output: Output, number: int, known: Callable[[], Mapping[str, Question]]) -> Question:
    """The question that a row answers."""
    if output.question_id is None:
        if output.reference is None:
            raise InputError("neither `question_id` nor `reference`: there is nothing to judge the text against")
        return Question(id=f"line {number}", task=task.name, text="", answer=output.reference, choices=output.choices)
    question = known().get(output.question_id)
    if question is None:
        raise InputError(
            f"{task.name} has no question {output.question_id!r} (of {len(known()):,} looked at). "
            "Name another task or split, or give `reference` in place of `question_id`."
        )
    if output.reference is not None and not task.verifier.equal(output.reference, question.answer):
        raise InputError(
            f"reference {output.reference!r} is not that of question {question.id}, {question.answer!r}. "
            "Give one of `question_id` and `reference`."
        )
    return question


def by_id(task: Task, splits: Sequence[str]) -> dict[str, Question]:
    for split in splits:
        if split not in task.splits:
            raise InputError(f"{task.name} has no split {split!r}, only {', '.join(task.splits)}")
    return {question.id: question for split in splits or task.splits for question in task.questions(split)}


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
def place(rows: Path, number: int) -> Iterator[None]:
    """Put the file and line before an error."""
    try:
        yield
    except InputError as fault:
        raise InputError(f"{rows}, line {number}: {fault}") from None


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
