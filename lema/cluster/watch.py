"""Looking after the jobs of a plan: mode=status, mode=wait and mode=cancel with `slurm=`.

They need no more of an experiment than the merged plan (`lema.running.graph`), composed anew or as a submission wrote
it down (`lema.cluster.recall`).
"""

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

from lema.base.errors import Preempted, StageFailed
from lema.cluster import queue
from lema.cluster.queue import Queued, Unanswered
from lema.running import json_listing, snapshot
from lema.running.graph import Graph, Node, states
from lema.running.jobs import Result
from lema.running.snapshot import Trace
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

    node: Node
    state: State
    job: str = ""
    where: str = ""  # host, or why it waits
    said: str = ""  # the last error
    log: Path | None = None


def status(graph: Graph, store: Store, console: Console, *, json: bool = False) -> int:
    """mode=status: every stage against queue and store."""
    found = lines(graph, store)
    if json:
        json_listing.write(document("status", found, graph, store))
        return 0
    table = Table(box=None, header_style="bold", pad_edge=False)
    for name in ("stage", "key", "state", "job", "progress", "where"):
        table.add_column(name, no_wrap=True)
    for line in found:
        progress = far(line, store)
        shown = f"{progress[0]:,} of {progress[1]:,}" if progress else ""
        table.add_row(line.node.kind, line.node.key, line.state, line.job, shown, escape(line.where))
    console.print(table)
    for line in found:
        if line.said or line.log:
            console.print(f"{line.node.label}: {escape(line.said)}\n    log: {line.log}", highlight=False)
    counts = Counter(line.state for line in found)
    console.print(", ".join(f"{number} {state}" for state, number in counts.items()), highlight=False)
    return 0


def document(mode: str, found: Sequence[Line], graph: Graph, store: Store) -> json_listing.Stages:
    """The lines as `json=true` shows them."""
    listed = []
    for line in found:
        node, progress = line.node, far(line, store)
        listed.append(
            json_listing.StageState(
                kind=node.kind,
                key=node.key,
                state=line.state,
                needs=node.needs,
                upstream=node.upstream,
                experiments=node.points,
                done=progress[0] if progress else None,
                total=progress[1] if progress else None,
                job=line.job or None,
                where=line.where or None,
                error=line.said or None,
                log=str(line.log) if line.log else None,
            )
        )
    return json_listing.stages(mode, store.root, graph.experiments, listed)


def far(line: Line, store: Store) -> tuple[int, int] | None:
    """How far unfinished work is: done, and of how much."""
    return store.progress_at(line.node.address) if line.state in ("running", "elsewhere", *GONE) else None


def cancel(graph: Graph, store: Store, console: Console, *, json: bool = False) -> int:
    """mode=cancel: take the plan's jobs out of the queue, and wait until they are out."""
    counted = states(graph, store)
    nodes = {node.address: node for node in graph.nodes if node.key in counted}
    mine = [job for name, job in queue.queued(store).items() if name in nodes and job.user == queue.me()]
    queue.cancel(mine)
    ids = {job.job for job in mine}
    left = [job for job in queue.settled(store).values() if job.job in ids]
    if json:
        gone = [(nodes[job.stage], job.job) for job in mine]
        taken = tuple(json_listing.CancelledJob(kind=node.kind, key=node.key, job=job) for node, job in gone)
        json_listing.write(
            json_listing.Cancelled(mode="cancel", store=str(store.root), cancelled=taken, ending=len(left))
        )
        return 0
    for job in mine:
        console.print(f"cancelled  {nodes[job.stage].label}  job {job.job}", highlight=False)
    console.print(
        f"{len(mine)} job(s) cancelled"
        + (f", of which {len(left)} are still ending" if left else "")
        + ". What is finished is kept, and the same command without mode=cancel goes on from there.",
        highlight=False,
    )
    return 0


def wait(graph: Graph, store: Store, console: Console, *, json: bool = False) -> int:
    """mode=wait: until no stage waits or runs any more.

    Raises:
        StageFailed: some are missing; the message has a table of them.
        Unanswered: SLURM has not answered for a quarter of an hour.
        Preempted: some were told to stop and are not in the queue any more, and nothing else is wrong.
    """
    found = _until_quiet(graph, store, console)
    if json:
        json_listing.write(document("wait", found, graph, store))
    gone = [line for line in found if line.state in GONE]
    if not gone:
        console.print(f"{len(found)} stage(s), all in the store {store.root}", highlight=False)
        return 0
    raise (Preempted if all(line.state == "stopped" for line in gone) else StageFailed)(missing_table(gone))


def _until_quiet(graph: Graph, store: Store, console: Console) -> list[Line]:
    """The lines once nothing waits or runs; each change is told when it is seen."""
    before: dict[str, State] = {}
    answered = time.monotonic()
    while True:
        try:
            found = lines(graph, store)
        except Unanswered:
            if time.monotonic() - answered > PATIENCE:
                raise
            time.sleep(POLL)
            continue
        answered = time.monotonic()
        for line in found:
            if before.get(line.node.key, line.state) != line.state:
                console.print(f"{line.state:9}  {line.node.label}", highlight=False)
            before[line.node.key] = line.state
        if all(line.state == "have" or line.state in GONE for line in found):
            return found
        time.sleep(POLL)


def missing_table(gone: Sequence[Line]) -> str:
    """Which stages are missing, why, where to look, and what to type."""
    told = [line for line in gone if line.state != "missing"]
    said = [f"{len(gone)} stage(s) are not in the store and not in the queue."]
    for line in told:
        said.append(f"  {line.node.label}: {line.state}{f', {line.said}' if line.said else ''}")
        said += [f"    log: {line.log}"] if line.log else []
    if len(told) < len(gone):
        said.append(f"  {len(gone) - len(told)} never began: what they need is missing, or they were not submitted.")
    words = [word for word in sys.argv[1:] if not word.startswith(("mode=", "json="))]
    return "\n".join(
        [*said, "What finished is kept. To submit what is missing, type:", f"  {shlex.join(['lema', *words])}"]
    )


def lines(graph: Graph, store: Store) -> list[Line]:
    """Every stage that counts against queue and store; the queue is looked at first."""
    jobs = queue.queued(store)
    found = states(graph, store)
    traces = snapshot.traces(store)
    return [
        _line(node, found[node.key], jobs.get(node.address), traces.get(node.address), store)
        for node in graph.nodes
        if node.key in found
    ]


def _line(node: Node, known: str, job: Queued | None, trace: Trace | None, store: Store) -> Line:
    if known == "have":
        return Line(node, "have")
    if job is not None:
        state: State = "waiting" if job.waits else "ending" if job.ends else "running"
        holder = store.holder(node.address) if state == "running" else None
        return Line(node, state, job.job, holder.host if holder else job.reason if job.waits else job.nodes)
    if known == "running":
        holder = store.holder(node.address)
        return Line(node, "elsewhere", "", f"{holder.host}:{holder.pid}" if holder else "")
    return Line(node, "missing") if trace is None else _ended(node, trace)


def _ended(node: Node, trace: Trace) -> Line:
    """A stage whose jobs are not in the queue any more and that is not in the store: from what these left.

    Of several that shared it, the one that says most.
    """
    ended = [_left(node, trace, job) for job in trace.jobs() or [""]]
    return min(ended, key=lambda line: ("failed", "lost", "stopped", "missing").index(line.state))


def _left(node: Node, trace: Trace, job: str) -> Line:
    """What one job left of a stage."""
    out, err = trace.folder / f"{job}_0_log.out", trace.folder / f"{job}_0_log.err"
    result = last_result(out)
    if result is not None and result.exit_code not in (0, Preempted.exit_code):
        return Line(node, "failed", job, "", result.error, err)
    if result is not None:
        return Line(node, "stopped", job, "", result.error, err)
    known = queue.fate(job) if job else {}
    ended = ", ".join(f"{known[name]}" for name in ("JobState", "Reason") if known.get(name, "None") != "None")
    if not out.exists():
        return Line(node, "missing", job, ended)
    return Line(node, "lost", job, "", f"its process ended without a word{f' ({ended})' if ended else ''}", err)


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


MODES = {"status": status, "wait": wait, "cancel": cancel}
