"""What each mode does, for one experiment or for all points of a sweep."""

from __future__ import annotations

import os
import sys
from collections import Counter
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import msgspec
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from lema.base.errors import ConfigError, StageFailed
from lema.base.optional import require
from lema.base.spec import digest, key
from lema.cli import rate
from lema.cli.doctor import examine
from lema.cli.grade import grade_outputs
from lema.cluster import modes
from lema.config.config import root
from lema.config.options import Options, Point
from lema.running import json_listing, runner
from lema.running.plan import Plan, listed, plan, reachable
from lema.running.progress import Display, label
from lema.store import Store
from lema.store.durable import write_whole

if TYPE_CHECKING:
    from lema.report.model import Report
    from lema.tracking.runs import Tracking

LONGEST_NAME = 230  # bytes of a file's name that leave room for a temporary one
Handler = Callable[[Sequence[Any], Options, Console], int]  # points as `lema.config.config.points` gives them


def run(points: Sequence[Any], options: Options) -> int:
    """Do what the command asks for and return its exit code.

    Raises:
        LemaError: the user's configuration, input or machine does not allow it.
    """
    if options.mode in ("run", "report", "plan"):
        report_path(options)
    if options.mode in ("run", "report"):
        check_tracking(points, push=options.push)
    console = Console(stderr=options.json, soft_wrap=not sys.stdout.isatty())
    if options.slurm is not None and options.mode in modes.MODES:
        return modes.MODES[options.mode](points, options, console, group_of(points))
    return MODES[options.mode](points, options, console)


def run_missing(points: Sequence[Point], options: Options, console: Console) -> int:
    """Run what the store does not have, then show the comparison and write the report."""
    store = Store(options.store_path())
    store.prepare()
    planned = plan(points, store)
    missing = planned.missing()
    have = len(planned.steps) - len(missing)
    console.print(f"{len(points)} experiment(s), {len(missing)} stage(s) to run, {have} in the store {store.root}")
    if missing:
        workers = options.workers or runner.default_workers()
        with Display(console, store, len(missing)) as display:
            group = group_of(points)
            outcome = runner.run(planned, points, store, workers, display, group, options.pythons)
        if outcome.failed:
            raise StageFailed(failure_table(outcome))
    return show(points, options, console)


def failure_table(outcome: runner.Outcome) -> str:
    """Which stages failed, why, where to look, and what to type."""
    lines = [f"{len(outcome.failed)} stage(s) failed; {len(outcome.skipped)} that need them were not started."]
    for failure in outcome.failed:
        lines += [f"  {label(failure.step)}: {failure.error}", f"    log: {failure.log}"]
    lines.append("What finished is kept. To retry what is missing, type the same command again:")
    lines.append(f"  {' '.join(['lema', *sys.argv[1:]])}")
    return "\n".join(lines)


def show_plan(points: Sequence[Point], options: Options, console: Console) -> int:
    """The merged plan, and nothing else."""
    planned = plan(points, store := Store(options.store_path()))
    if options.json:
        json_listing.write(json_listing.stages("plan", store.root, len(points), listed(planned)))
        return 0
    console.print(plan_table(planned, points))
    console.print(f"{len(points)} experiment(s), {len(planned.steps)} stage(s): {plan_summary(planned)}.")
    return 0


def plan_summary(planned: Plan) -> str:
    """How many stages of which kinds are in the store, and how many are made anew: one line."""
    words = []
    for name, steps in (("in the store", planned.have()), ("to run", planned.missing())):
        kinds = ", ".join(f"{n} {kind}" for kind, n in Counter(step.stage.kind for step in steps).items())
        words.append(f"{len(steps)} {name}" + (f" ({kinds})" if kinds else ""))
    return ", ".join(words)


def plan_table(planned: Plan, points: Sequence[Point]) -> Table:
    table = Table(box=None, header_style="bold", pad_edge=False)
    for name in ("stage", "key", "state", "needs", "for"):
        table.add_column(name, no_wrap=name != "for")
    names = distinct(points)
    for step in planned.steps:
        table.add_row(step.stage.kind, step.key, step.state, step.stage.needs, escape(users(step.points, names)))
    return table


def distinct(points: Sequence[Point]) -> list[str]:
    """What tells the experiments of a command apart: the settings that not all of them share."""
    shared = set.intersection(*(set(point.overrides) for point in points)) if len(points) > 1 else set()
    return [
        " ".join(word for word in point.overrides if word not in shared) or f"#{number}"
        for number, point in enumerate(points)
    ]


def users(numbers: Sequence[int], names: Sequence[str]) -> str:
    """Which experiments need a stage, in words."""
    if len(numbers) == len(names):
        return "all"
    shown = [names[number] for number in numbers]
    return "; ".join(shown) if len(shown) <= 2 else f"{shown[0]}; ... ({len(shown)} experiments)"


def show_status(points: Sequence[Point], options: Options, console: Console) -> int:
    """The plan with who works on what, and how far it is."""
    store = Store(options.store_path())
    planned = plan(points, store)
    if options.json:
        json_listing.write(
            json_listing.stages("status", store.root, len(points), map(partial(worked_on, store), listed(planned)))
        )
        return 0
    table = Table(box=None, header_style="bold", pad_edge=False)
    for name in ("stage", "key", "state", "progress", "where"):
        table.add_column(name, no_wrap=True)
    for step in planned.steps:
        holder = store.running(step.stage) if step.state == "running" else None
        progress = store.progress(step.stage) if step.missing else None
        far = f"{progress[0]:,} of {progress[1]:,}" if progress else ""
        table.add_row(step.stage.kind, step.key, step.state, far, f"{holder.host}:{holder.pid}" if holder else "")
    console.print(table)
    return 0


def worked_on(store: Store, stage: json_listing.StageState) -> json_listing.StageState:
    """The stage with who works on it, and how far it is."""
    address = f"{stage.kind}-{stage.key}"
    holder = store.holder(address) if stage.state == "running" else None
    done, total = (None if stage.state == "have" else store.progress_at(address)) or (None, None)
    where = f"{holder.host}:{holder.pid}" if holder else None
    return msgspec.structs.replace(stage, done=done, total=total, where=where)


def show(points: Sequence[Point], options: Options, console: Console) -> int:
    """Print the comparison and write the report, from what the store has."""
    report = collected(points, options)
    from lema.report.output.terminal import print_report

    path = write_report(report, options)  # before it is printed: a reader like `head` may end the command
    print_report(report, console)
    console.print(f"Report: {path}", highlight=False)
    if tracking := tracked(points):
        track_report(report, path, tracking, group_of(points), console, push=options.push)
    return 0


def show_comparison(points: Sequence[Point], options: Options, console: Console) -> int:
    """Print the comparison of arms."""
    from lema.report.output.terminal import print_report

    print_report(collected(points, options), console)
    return 0


def collected(points: Sequence[Point], options: Options) -> Report:
    from lema.report.collect import QUESTION, collect  # loads numpy and scipy, which planning does without
    from lema.report.findings import paper, paper_picks

    figures = paper.load(root() / paper.FILE)
    asked = any(point.experiment.discrimination is not None for point in points)
    return collect(
        points,
        Store(options.store_path()),
        command_line(),
        question=options.question or QUESTION,
        paper=figures,
        paper_picks=paper_picks.load(root() / paper_picks.FILE) if asked else (),
    )


def report_path(options: Options) -> Path:
    """Where the report goes.

    Raises:
        ConfigError: it cannot go there, which is known before anything runs.
    """
    path = Path(options.report).expanduser().resolve()
    if not options.report.strip() or path.is_dir():
        raise ConfigError(f"report: {path} is a folder; name a file in it, such as {path / 'report.html'}")
    if path.suffix == ".json":
        raise ConfigError(f"report: {path.name} is where its numbers go; name the page, such as {path.stem}.html")
    if not path.parent.is_dir():
        raise ConfigError(f"report: there is no folder {path.parent}; make it, or name another file")
    if not os.access(path.parent, os.W_OK) or len(os.fsencode(path.name)) > LONGEST_NAME:
        raise ConfigError(f"report: {path} cannot be written; name another file")
    return path


def write_report(report: Report, options: Options) -> Path:
    """`report.html` for people and `report.json` beside it for programs."""
    from lema.report.model import to_json
    from lema.report.output.html import render_html

    path = report_path(options)
    write_whole(path, [render_html(report).encode()])
    write_whole(path.with_suffix(".json"), [to_json(report)])
    return path


def tracked(points: Sequence[Point]) -> Tracking | None:
    """Where the command's runs are logged in W&B, if they are."""
    tracking = points[0].experiment.tracking
    return tracking if tracking is not None and tracking.backend == "wandb" else None


def check_tracking(points: Sequence[Point], *, push: bool) -> None:
    """Refuse before anything runs what could not be kept or sent after it."""
    if tracked(points) is None:
        if push:
            raise ConfigError("push: true sends the W&B report, which needs tracking=wandb")
        return
    require("wandb_workspaces", extra="wandb", why="the W&B report that tracking=wandb keeps")
    if push:
        from lema.report.output.wandb_push import check_push

        check_push()


def track_report(report: Report, path: Path, tracking: Tracking, group: str, console: Console, *, push: bool) -> None:
    """Keep the W&B report beside the page, log its tables when they are new, and send it when asked to."""
    from lema.report.output import wandb_push, wandb_report

    kept = wandb_report.file_beside(path)
    if wandb_report.write(report, tracking.group or group, kept):
        wandb_push.log_tables(report, tracking, group)
    console.print(f"W&B report: {kept}", highlight=False)
    if push:
        url = wandb_push.push(kept, tracking.entity, tracking.project)
        console.print(f"Sent to {url}", highlight=False)


def collect_garbage(points: Sequence[Point], options: Options, console: Console) -> int:
    """List, or with delete=true remove, what nobody needs."""
    store = Store(options.store_path())
    keep = reachable(points) if options.unreachable else None
    found = store.gc(keep=keep, delete=options.delete)
    for item in found:
        done = "removed" if options.delete else "would remove"
        console.print(f"{done}  {escape(str(item.path))}  ({item.why})", highlight=False)
    console.print(f"{len(found)} item(s)." + ("" if options.delete or not found else " Remove them with delete=true."))
    return 0


def command_line() -> str:
    return " ".join(["lema", *sys.argv[1:]])


def group_of(points: Sequence[Point]) -> str:
    """The name that runs of one sweep share in W&B."""
    return digest("".join(key(point.experiment) for point in points).encode())


MODES: dict[str, Handler] = {
    "run": run_missing,
    "plan": show_plan,
    "status": show_status,
    "compare": show_comparison,
    "report": show,
    "grade": grade_outputs,
    "rate": rate.rate,
    "undecided": rate.export_undecided,
    "gc": collect_garbage,
    "doctor": examine,
}
