"""`mode=grade`: verdicts on outputs from elsewhere. Needs a task, and no model, teacher or GPU."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

from rich.console import Console
from rich.table import Table
from rich.text import Text

from lema.base.errors import ConfigError
from lema.cli.endings import RUNG
from lema.cli.grading import Summary, grade
from lema.config.options import Options, TaskPoint
from lema.report.output.terminal import plain_table

MANY = 0.2  # share of outputs without an answer above which it is said how they end


def grade_outputs(points: Sequence[TaskPoint], options: Options, console: Console) -> int:
    """Judge every row of `grade.input`, and print the counts.

    Raises:
        ConfigError: a file, folder or split that cannot be.
        InputError: a row that cannot be judged; no folder is left behind.
    """
    (point,) = points
    asked = options.grade
    assert asked.input is not None  # Options.check
    rows = Path(asked.input).expanduser().resolve()
    if not rows.is_file():
        raise ConfigError(f"grade.input: there is no file {rows}")
    folder = rows.with_suffix(".graded") if asked.output is None else Path(asked.output).expanduser().resolve()
    if folder.exists():
        raise ConfigError(
            f"grade.output: {folder} is there already. Name another folder with grade.output=, or remove that one"
        )
    for split in asked.splits:
        if split not in point.task.splits:
            raise ConfigError(
                f"grade.splits: {point.task.name} has no split {split!r}, only {', '.join(point.task.splits)}"
            )
    summary = grade(point.task, rows, folder, asked.splits)
    console.print(summary_table(summary))
    console.print()
    for line in where(folder, summary):
        console.print(line, markup=False, highlight=False)
    return 0


def summary_table(summary: Summary) -> Table:
    """How many outputs have which verdict, and the accuracy over questions."""
    title = f"{Path(summary.input).name}, judged as {summary.task}"
    table = plain_table(title, "", ("outputs", "right"), ("share", "right"), ("95 % interval", "right"))
    for verdict, count in summary.verdicts.items():
        table.add_row(Text(verdict.replace("_", " ")), f"{count:,}", f"{100 * count / summary.outputs:.1f} %", "")
    found = summary.accuracy
    interval = f"{100 * found.low:.1f} to {100 * found.high:.1f}"
    table.add_row(
        Text(f"accuracy, {summary.questions:,} question(s)", style="bold"),
        f"{summary.outputs:,}",
        f"{100 * found.estimate:.1f} %",
        interval,
    )
    return table


def where(folder: Path, summary: Summary) -> list[str]:
    """What is in which file."""
    undecided = summary.verdicts["undecided"]
    lines = [
        f"Verdicts, one a line of the input: {folder / 'verdicts.jsonl'}",
        f"This summary, with the verifier: {folder / 'summary.json'}",
    ]
    if undecided:
        lines.append(f"{undecided:,} output(s) for people to decide: {folder / 'undecided.jsonl'}")
    if summary.ungrouped > 1:
        lines.append(
            f"{summary.ungrouped:,} outputs have a reference and say nothing of their question, so that each counts as "
            "one. If several answer the same, the interval is too narrow: give rows `question`, `question_id` or `id`."
        )
    return [*lines, *(unread(summary) if summary.verdicts["no_answer"] > MANY * summary.outputs else [])]


def unread(summary: Summary) -> Iterator[str]:
    """How outputs end that no answer was read from, and what to set."""
    without = summary.verdicts["no_answer"]
    yield f"No answer could be read from {without:,} of {summary.outputs:,} outputs. Commonest endings, numbers as N:"
    for ending, count in summary.endings.items():
        yield f"  {count:,} x  {ending}"
    if summary.by_last_number:
        rungs = ",".join([*summary.verifier["rungs"], RUNG])
        yield (
            f"{summary.by_last_number:,} of them hold a number. task.verifier.rungs=[{rungs}] takes the last one of a "
            "text where nothing else says what the answer is; it is right less often than an answer that is named."
        )
    else:
        yield 'Ask for an ending that is read, such as "The answer is X." (format=few_shot shows it to a model).'
