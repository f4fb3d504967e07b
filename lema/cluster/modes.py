"""What the modes do with `slurm=<profile>`: submit a plan, show it, and look after its jobs (`lema.cluster.watch`)."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence

from rich.console import Console
from rich.markup import escape
from rich.table import Table

from lema.cluster import queue, recall, submission, watch
from lema.config.options import Options, Point
from lema.config.profile import needs
from lema.running import json_listing
from lema.running.plan import listed, merge, plan
from lema.running.progress import label
from lema.store import Store


def submit(points: Sequence[Point], options: Options, console: Console, group: str) -> int:
    """mode=run: put what is missing into the queue, and say what became of everything."""
    store = Store(options.store_path())
    done = submission.submit(points, options, store, group)
    steps, missing = done.plan.steps, done.plan.missing()
    console.print(
        f"{len(points)} experiment(s), {len(steps)} stage(s): {len(steps) - len(missing)} in the store {store.root}, "
        f"{len(done.queue)} in the queue already, {len(done.new)} submitted.",
        highlight=False,
    )
    for step in steps:
        if step.key in done.new:
            console.print(f"submitted  {label(step)}  job {', '.join(done.new[step.key])}", highlight=False)
        elif (job := done.queue.get(step.key)) is not None:
            whose = "" if job.user == queue.me() else f" of {job.user}"
            console.print(f"in queue   {label(step)}  job {job.job}{whose}, {job.state.lower()}", highlight=False)
    for step in done.elsewhere:
        holder = store.running(step.stage)
        console.print(f"{label(step)} runs outside of the queue: {holder}. Its job waits for that one's result.")
    if done.folder is not None:
        console.print(f"Logs: {done.folder}", highlight=False)
        console.print("You can log out. mode=status shows how far it is; without slurm= the report is shown.")
    return 0


def show_plan(points: Sequence[Point], options: Options, console: Console, _group: str) -> int:
    """mode=plan: every stage, and what the job of a missing one would ask for. SLURM is not asked."""
    assert options.slurm is not None
    planned = plan(points, store := Store(options.store_path()))
    submission.check_spread(planned.missing(), options.slurm)
    if options.json:
        asks = {step.key: options.slurm.resources(step.stage) for step in planned.missing()}
        said = {key: dataclasses.asdict(asked) for key, asked in asks.items()}
        json_listing.write(json_listing.stages("plan", store.root, len(points), listed(planned, said)))
        return 0
    table = Table(box=None, header_style="bold", pad_edge=False)
    for name in ("stage", "key", "state", "needs", "partition", "nodes", "GPUs", "CPUs", "GB", "minutes"):
        table.add_column(name, no_wrap=True)
    for step in planned.steps:
        asked = options.slurm.resources(step.stage)
        values = (asked.partition, asked.nodes or 1, asked.gpus or 0, asked.cpus, asked.memory_gb, asked.minutes)
        shown = ["site's" if value is None else f"{value}" for value in values] if step.missing else []
        table.add_row(step.stage.kind, step.key, step.state, needs(step.stage), *map(escape, shown))
    console.print(table)
    missing = len(planned.missing())
    have = len(planned.steps) - missing
    console.print(
        f"{len(points)} experiment(s), {len(planned.steps)} stage(s): {have} in the store, {missing} job(s) at most."
    )
    return 0


def look_after(points: Sequence[Point], options: Options, console: Console, _group: str) -> int:
    """mode=status, wait and cancel, of experiments that were composed anew."""
    store = Store(options.store_path())
    graph = recall.of_submission(store, options.submission) if options.submission else merge(points)[0]
    return watch.MODES[options.mode](graph, store, console, json=options.json)


MODES = {"run": submit, "plan": show_plan, **dict.fromkeys(watch.MODES, look_after)}
