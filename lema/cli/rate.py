"""What people judge: corrections on a sheet (`mode=rate`), and what no verifier decides (`mode=undecided`)."""

from __future__ import annotations

import shlex
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path

from rich.console import Console

from lema.base.errors import ConfigError, InputError
from lema.base.records import Question, Solution, dump
from lema.base.spec import key
from lema.config.options import Options, Point
from lema.experiment.pipeline import pipeline
from lema.running.plan import plan
from lema.stages.correct import Correct
from lema.store import Artifact, Store
from lema.store.durable import write_once
from lema.store.stage import Stage

NAMED = 3  # stages that a message names


def rate(points: Sequence[Point], options: Options, console: Console) -> int:
    """Write a sheet for raters, or print what raters found.

    Raises:
        LemaError: the corrections are not there, a file of ratings is wrong, or the sheet cannot be written.
    """
    if options.rate.ratings:
        from lema.report.findings.agreement import read_ratings
        from lema.report.tables.agreement_table import print_ratings

        print_ratings([read_ratings(Path(name).expanduser().resolve()) for name in options.rate.ratings], console)
        return 0
    from lema.report.output.rating import write_sheet

    asked = options.rate
    path = Path(asked.sheet).expanduser().resolve()
    sheet = write_sheet(path, corrections(points, Store(options.store_path())), n=asked.sample, seed=asked.seed)
    for line in (
        f"Rating sheet {sheet.id}, {len(sheet.items)} corrections: {path}",
        "Each rater opens it in a browser and downloads a file of ratings. What they found, and how far two agree:",
        "  lema mode=rate 'rate.ratings=[first.jsonl,second.jsonl]'",
    ):
        console.print(line, markup=False, highlight=False)
    return 0


def corrections(points: Sequence[Point], store: Store) -> list[Artifact]:
    """The finished corrections of all rounds of these experiments, each stage once.

    Raises:
        ConfigError: no experiment makes any.
        InputError: they are not finished.
    """
    stages = {key(stage): stage for point in points for stage in correcting(point)}
    if not stages:
        mixes = ", ".join(dict.fromkeys(point.experiment.data_mix.name for point in points))
        raise ConfigError(
            f"data_mix: mode=rate needs an experiment that makes corrections, and data_mix={mixes} takes none"
        )
    found = {own: store.find(stage) for own, stage in stages.items()}
    missing = [stages[own] for own, artifact in found.items() if artifact is None]
    if missing:
        raise InputError(f"{names(missing, store)} not in the store {store.root} yet. Run first: {run_command()}")
    return [artifact for artifact in found.values() if artifact is not None]


def correcting(point: Point) -> Iterator[Stage]:
    """The stages of an experiment that correct mistakes, of those that it runs."""
    todo = list(pipeline(point.experiment).targets())
    seen: set[int] = set()
    while todo:
        stage = todo.pop(0)
        if id(stage) not in seen:
            seen.add(id(stage))
            todo += stage.upstream()
            if isinstance(stage, Correct):
                yield stage


def export_undecided(points: Sequence[Point], options: Options, console: Console) -> int:
    """Write the undecided solutions of all finished generations and evaluations to a file for people.

    Raises:
        InputError: none is finished, or another file is there already.
    """
    from lema.cli.grading import Undecided, undecided

    store = Store(options.store_path())
    steps = [step for step in plan(points, store).steps if step.stage.kind in ("generate", "evaluate")]
    finished = [store.get(step.stage) for step in steps if not step.missing]
    if not finished:
        raise InputError(
            f"{names([step.stage for step in steps], store)} not in the store {store.root} yet. "
            f"Run first: {run_command()}"
        )
    rows: list[Undecided] = []
    looked_at = 0
    for artifact in finished:
        questions = {question.id: question for question in artifact.rows("questions.jsonl", Question)}
        solutions = list(artifact.rows("solutions.jsonl", Solution))
        rows += undecided(solutions, questions, artifact.name)
        looked_at += len(solutions)
    among = f"{looked_at:,} solutions of {len(finished)} finished stage(s)"
    if rows:
        path = Path(options.undecided).expanduser().resolve()
        write_once(path, dump(rows), "undecided")
        said = f"{len(rows):,} of {among} are undecided: {path}\nFill in `decision` with right or wrong."
    else:
        said = f"None of {among} is undecided; no file is written."
    console.print(said, markup=False, highlight=False)
    if more := len(steps) - len(finished):
        console.print(f"{more} more stage(s) are not finished, and were not looked at.", highlight=False)
    return 0


def names(stages: Sequence[Stage], store: Store) -> str:
    """The first of some stages, with the verb."""
    more = f" and {len(stages) - NAMED} more" if len(stages) > NAMED else ""
    listed = ", ".join(store.address(stage) for stage in stages[:NAMED])
    return f"{listed}{more} {'is' if len(stages) == 1 else 'are'}"


def run_command() -> str:
    """The command as it was typed, without what chose the mode."""
    own = ("mode=", "rate.", "undecided=")
    return shlex.join(["lema", *(word for word in sys.argv[1:] if not word.lstrip("+").startswith(own))])
