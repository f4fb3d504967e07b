"""`slurm=<profile>`: the missing stages of a plan as jobs of SLURM, each with its own resources, after what it needs.

The queue is looked at before the store: what ends in between is then found finished, and nothing is
submitted that is in the queue. A lease keeps two commands from submitting side by side.
"""

from __future__ import annotations

import contextlib
import dataclasses
import shlex
import socket
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

import msgspec

from lema.cluster import batch, recall, snapshot
from lema.cluster.profile import Profile
from lema.cluster.queue import Queued, comment, job_name, me, settled
from lema.errors import ConfigError
from lema.extras import require
from lema.jobs import Job
from lema.options import Options, Point
from lema.plan import Plan, Step, plan
from lema.store import Store
from lema.store.durable import write_whole
from lema.store.holder import now
from lema.store.lease import acquire


@dataclasses.dataclass(frozen=True)
class Submitted:
    """What became of the stages of a plan."""

    plan: Plan
    new: dict[str, str]  # key of a stage -> id of its new job
    queue: dict[str, Queued]  # key of a stage -> its job that was in the queue before
    folder: Path | None  # of the submission, if there was anything to submit

    @property
    def elsewhere(self) -> list[Step]:
        """Stages that run outside of the queue; their new jobs wait, and take over if need be."""
        return [step for step in self.plan.steps if step.state == "running" and step.key in self.new]


class Home(NamedTuple):
    """Where one submission's files are."""

    folder: Path
    code: Path


def submit(points: Sequence[Point], options: Options, store: Store, group: str) -> Submitted:
    """Put a job into the queue for each stage that is missing and not in it.

    Raises:
        ConfigError: there is no SLURM here, it refuses a job, or a training cannot be split over its job's processes.
        Unanswered: SLURM does not answer.
    """
    profile = options.slurm
    assert profile is not None
    require("submitit", extra="slurm", why="slurm=")
    store.prepare()
    snapshot.folder_of(store).mkdir(exist_ok=True)
    lock = acquire(snapshot.folder_of(store) / "lock", lambda: False, ttl=store.ttl, poll=store.poll)
    assert lock is not None
    try:
        with lock.beating():
            before = settled(store)
            planned = plan(points, store)
            kept = recall.keep(planned.graph, (point.raw for point in points), store, options, sys.argv[1:])
            queue = {
                step.key: before[name] for step in planned.missing() if (name := store.address(step.stage)) in before
            }
            todo = [step for step in planned.missing() if step.key not in queue]
            check_spread(todo, profile)
            home = _prepare(points, profile, store, todo, group, kept) if todo else None
            jobs = {key: job.job for key, job in queue.items()}
            if home is not None:
                for step in todo:
                    after = {above: jobs[above] for above in step.upstream if above in jobs}
                    jobs[step.key] = _submit(step, profile, store, home, planned, after)
    finally:
        with contextlib.suppress(OSError):
            lock.discard()
    return Submitted(planned, {step.key: jobs[step.key] for step in todo}, queue, home.folder if home else None)


def check_spread(steps: Sequence[Step], profile: Profile) -> None:
    """Raise ConfigError for a stage that cannot run on the nodes and processes that its job would have."""
    for step in steps:
        asked = profile.resources(step.stage)
        step.stage.check_spread(asked.nodes or 1, asked.per_node)


def _prepare(
    points: Sequence[Point], profile: Profile, store: Store, todo: Sequence[Step], group: str, kept: str
) -> Home:
    """Write down what the jobs run from."""
    code = snapshot.keep_code(store)
    folder = snapshot.new_folder(store)
    for step in todo:
        point = points[step.points[0]]
        job = Job(
            keys=(step.key,), store=str(store.root), point=point.raw, overrides=tuple(point.overrides), group=group
        )
        (folder / store.address(step.stage)).mkdir()
        write_whole(folder / store.address(step.stage) / "job.json", [msgspec.json.encode(job)], sync=False)
    snapshot.write(
        folder,
        snapshot.Submission(
            command=("lema", *sys.argv[1:]),
            user=me(),
            host=socket.gethostname(),
            at=now(),
            folder=str(Path.cwd()),
            code=str(code),
            profile=dataclasses.asdict(profile),
            points=tuple(point.raw for point in points),
            overrides=tuple(tuple(point.overrides) for point in points),
            plan=kept,
            stages=tuple(store.address(step.stage) for step in todo),
            **snapshot.versions(),
        ),
    )
    return Home(folder, code)


def _submit(step: Step, profile: Profile, store: Store, home: Home, planned: Plan, after: dict[str, str]) -> str:
    """Submit one stage and return the job's id. `after`: the jobs of those stages that it needs and that have one."""
    folder = home.folder / store.address(step.stage)
    worker = f"-u -m lema.worker {shlex.quote(str(folder / 'job.json'))}"
    command = f"{profile.python or shlex.quote(sys.executable)} {worker}"
    stages = {other.key: other.stage for other in planned.steps}
    while True:
        settings = {
            **batch.parameters(profile.resources(step.stage), profile, home.code, list(after.values()), folder),
            "job_name": job_name(store.address(step.stage)),
            "comment": comment(store),
        }
        try:
            return batch.submit(folder, command, settings)
        except batch.Refusal as fault:
            # SLURM forgets jobs that ended some minutes ago, and refuses to wait for them.
            left = {key: job for key, job in after.items() if store.find(stages[key]) is None}
            if left == after:
                raise ConfigError(
                    f"SLURM refuses the job of {store.address(step.stage)}: {' '.join(str(fault).split())}. What it "
                    f"was given lies in {folder}. Mend the profile (slurm/README.md says how) and type the same "
                    "command again; jobs that are in the queue stay there."
                ) from None
            after = left
