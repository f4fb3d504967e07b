"""What the modes do with `slurm=<profile>`: submit, show, wait for, and cancel the jobs of a plan."""

from __future__ import annotations

import dataclasses
import shlex
import sys
import time
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Literal

import msgspec
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from lema.cluster import queue, snapshot, submission
from lema.cluster.profile import needs
from lema.cluster.queue import Queued, Unanswered
from lema.errors import Preempted, StageFailed
from lema.jobs import Result
from lema.options import Options, Point
from lema.plan import Plan, Step, plan
from lema.progress import label
from lema.store import Store

POLL = 5.0  # seconds between looks of mode=wait
PATIENCE = 900.0  # seconds that mode=wait goes on without an answer: controllers are restarted now and then
#: have: in the store. waiting, running, ending: a job in the queue. elsewhere: somebody runs it outside of the
#: queue. failed: its job said why. stopped: its job was told to stop, and is not in the queue any more. lost: its
#: job ended without a word. missing: it was never submitted.
State = Literal["have", "waiting", "running", "ending", "elsewhere", "failed", "stopped", "lost", "missing"]
GONE = ("failed", "stopped", "lost", "missing")


@dataclasses.dataclass(frozen=True)
class Line:
    """One stage against queue and store."""

    step: Step
    state: State
    job: str = ""
    where: str = ""  # host, or why it waits
    said: str = ""  # the last error
    log: Path | None = None


def submit(points: Sequence[Point], options: Options, console: Console, group: str) -> int:
    """mode=run: put what is missing into the queue, and say what became of everything."""
    assert options.slurm is not None
    store = Store(options.store_path())
    done = submission.submit(points, options.slurm, store, group)
    steps, missing = done.plan.steps, done.plan.missing()
    console.print(
        f"{len(points)} experiment(s), {len(steps)} stage(s): {len(steps) - len(missing)} in the store {store.root}, "
        f"{len(done.queue)} in the queue already, {len(done.new)} submitted.",
        highlight=False,
    )
    for step in steps:
        if step.key in done.new:
            console.print(f"submitted  {label(step)}  job {done.new[step.key]}", highlight=False)
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
    planned = plan(points, Store(options.store_path()))
    submission.check_spread(planned.missing(), options.slurm)
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


def show_status(points: Sequence[Point], options: Options, console: Console, _group: str) -> int:
    """mode=status: every stage against queue and store."""
    store = Store(options.store_path())
    found = lines(points, store)
    table = Table(box=None, header_style="bold", pad_edge=False)
    for name in ("stage", "key", "state", "job", "progress", "where"):
        table.add_column(name, no_wrap=True)
    for line in found:
        progress = store.progress(line.step.stage) if line.state in ("running", "elsewhere", *GONE) else None
        far = f"{progress[0]:,} of {progress[1]:,}" if progress else ""
        table.add_row(line.step.stage.kind, line.step.key, line.state, line.job, far, escape(line.where))
    console.print(table)
    for line in found:
        if line.said or line.log:
            console.print(f"{label(line.step)}: {escape(line.said)}\n    log: {line.log}", highlight=False)
    counts = Counter(line.state for line in found)
    console.print(", ".join(f"{number} {state}" for state, number in counts.items()), highlight=False)
    return 0


def cancel(points: Sequence[Point], options: Options, console: Console, _group: str) -> int:
    """mode=cancel: take the plan's jobs out of the queue, and wait until they are out."""
    store = Store(options.store_path())
    stages = {store.address(step.stage): step for step in plan(points, store).steps}
    mine = [job for name, job in queue.queued(store).items() if name in stages and job.user == queue.me()]
    queue.cancel(mine)
    for job in mine:
        console.print(f"cancelled  {label(stages[job.stage])}  job {job.job}", highlight=False)
    left = [job for job in queue.settled(store).values() if job in mine or job.job in {one.job for one in mine}]
    console.print(
        f"{len(mine)} job(s) cancelled"
        + (f", of which {len(left)} are still ending" if left else "")
        + ". What is finished is kept, and the same command without mode=cancel goes on from there.",
        highlight=False,
    )
    return 0


def wait(points: Sequence[Point], options: Options, console: Console, _group: str) -> int:
    """mode=wait: until no stage waits or runs any more.

    Raises:
        StageFailed: some are missing; the message has a table of them.
        Unanswered: SLURM has not answered for a quarter of an hour.
        Preempted: some were told to stop and are not in the queue any more, and nothing else is wrong.
    """
    store = Store(options.store_path())
    before: dict[str, State] = {}
    answered = time.monotonic()
    while True:
        try:
            found = lines(points, store)
        except Unanswered:
            if time.monotonic() - answered > PATIENCE:
                raise
            time.sleep(POLL)
            continue
        answered = time.monotonic()
        for line in found:
            if before.get(line.step.key, line.state) != line.state:
                console.print(f"{line.state:9}  {label(line.step)}", highlight=False)
            before[line.step.key] = line.state
        if all(line.state == "have" or line.state in GONE for line in found):
            break
        time.sleep(POLL)
    gone = [line for line in found if line.state in GONE]
    if not gone:
        console.print(f"{len(found)} stage(s), all in the store {store.root}", highlight=False)
        return 0
    raise (Preempted if all(line.state == "stopped" for line in gone) else StageFailed)(missing_table(gone))


def missing_table(gone: Sequence[Line]) -> str:
    """Which stages are missing, why, where to look, and what to type."""
    told = [line for line in gone if line.state != "missing"]
    said = [f"{len(gone)} stage(s) are not in the store and not in the queue."]
    for line in told:
        said.append(f"  {label(line.step)}: {line.state}{f', {line.said}' if line.said else ''}")
        said += [f"    log: {line.log}"] if line.log else []
    if len(told) < len(gone):
        said.append(f"  {len(gone) - len(told)} never began: what they need is missing, or they were not submitted.")
    words = [word for word in sys.argv[1:] if not word.startswith("mode=")]
    return "\n".join(
        [*said, "What finished is kept. To submit what is missing, type:", f"  {shlex.join(['lema', *words])}"]
    )


def lines(points: Sequence[Point], store: Store) -> list[Line]:
    """Every stage of the plan against queue and store; the queue is looked at first."""
    jobs = queue.queued(store)
    planned: Plan = plan(points, store)
    folders = snapshot.stage_folders(store)
    return [
        _line(step, jobs.get(address := store.address(step.stage)), folders.get(address), store)
        for step in planned.steps
    ]


def _line(step: Step, job: Queued | None, folder: Path | None, store: Store) -> Line:
    if not step.missing:
        return Line(step, "have")
    if job is not None:
        state: State = "waiting" if job.waits else "ending" if job.ends else "running"
        holder = store.running(step.stage) if state == "running" else None
        return Line(step, state, job.job, holder.host if holder else job.reason if job.waits else job.nodes)
    if step.state == "running":
        holder = store.running(step.stage)
        return Line(step, "elsewhere", "", f"{holder.host}:{holder.pid}" if holder else "")
    return Line(step, "missing") if folder is None else _ended(step, folder)


def _ended(step: Step, folder: Path) -> Line:
    """A stage whose job is not in the queue any more and that is not in the store: from what the job left."""
    left = [*folder.glob("[0-9]*_submission.sh"), *folder.glob("[0-9]*_0_log.out")]
    job = max((path.name.partition("_")[0] for path in left), key=int, default="")
    out, err = folder / f"{job}_0_log.out", folder / f"{job}_0_log.err"
    result = last_result(out)
    if result is not None and result.exit_code not in (0, Preempted.exit_code):
        return Line(step, "failed", job, "", result.error, err)
    if result is not None:
        return Line(step, "stopped", job, "", result.error, err)
    known = queue.fate(job) if job else {}
    ended = ", ".join(f"{known[name]}" for name in ("JobState", "Reason") if known.get(name, "None") != "None")
    if not out.exists():
        return Line(step, "missing", job, ended)
    return Line(step, "lost", job, "", f"its process ended without a word{f' ({ended})' if ended else ''}", err)


def last_result(log: Path) -> Result | None:
    """What a stage's process said last; None when it said nothing, such as one that was killed."""
    try:
        said = log.read_bytes().splitlines()
    except FileNotFoundError:
        return None
    for text in reversed(said):
        try:
            return msgspec.json.decode(text, type=Result)
        except msgspec.DecodeError:
            continue
    return None


MODES = {"run": submit, "plan": show_plan, "status": show_status, "cancel": cancel, "wait": wait}
