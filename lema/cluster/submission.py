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
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

import msgspec

from lema.base.errors import ConfigError
from lema.base.optional import require
from lema.cluster import arrays, batch, recall
from lema.cluster.arrays import Group
from lema.cluster.queue import Queued, comment, job_name, me, settled
from lema.cluster.submitit_inside import Refusal
from lema.config.options import Options, Point
from lema.config.profile import Profile
from lema.running import snapshot
from lema.running.jobs import Job
from lema.running.plan import Plan, Step, plan
from lema.store import Store
from lema.store.durable import remove_tree, write_whole
from lema.store.holder import now
from lema.store.lease import acquire

Jobs = tuple[str, ...]  # ids of the jobs that make one stage


@dataclasses.dataclass(frozen=True)
class Submitted:
    """What became of the stages of a plan."""

    plan: Plan
    new: dict[str, Jobs]  # key of a stage -> its new ones
    queue: dict[str, Queued]  # key of a stage -> its job that was in the queue before
    folder: Path | None  # of the submission, if there was anything to submit

    @property
    def elsewhere(self) -> list[Step]:
        """Stages that run outside of the queue; their new jobs wait, and take over if need be."""
        return [step for step in self.plan.steps if step.state == "running" and step.key in self.new]


def job_file(shard: int) -> str:
    """Name of what a worker is told; the first of several that share a stage is told by the file of a single one."""
    return f"job-{shard}.json" if shard else "job.json"


class Home(NamedTuple):
    """Where one submission's files are."""

    folder: Path
    code: Path


def with_pythons(profile: Profile, options: Options) -> Profile:
    """The profile with the Pythons that the command names, where it names none itself."""
    named: dict[str, str | None] = {}
    named |= {name: shlex.quote(path) for name, path in (options.pythons or {}).items() if path}
    named |= {name: command for name, command in (profile.pythons or {}).items() if command}
    return dataclasses.replace(profile, pythons=named)


def submit(points: Sequence[Point], options: Options, store: Store, group: str) -> Submitted:
    """Put a job into the queue for each stage that is missing and not in it.

    Raises:
        ConfigError: there is no SLURM here, it refuses a job, or a training cannot be split over its job's processes.
        Unanswered: SLURM does not answer.
    """
    assert options.slurm is not None
    profile = with_pythons(options.slurm, options)
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
            queue = {step.key: before[name] for step in planned.missing() if (name := step.address) in before}
            todo = [step for step in planned.missing() if step.key not in queue]
            check_spread(todo, profile)
            for step in todo:
                profile.command(step.stage)  # what lacks a Python is refused before anything is submitted
            home = _prepare(points, profile, store, todo, group, kept) if todo else None
            jobs: dict[str, Jobs] = {key: job.jobs for key, job in queue.items()}
            if home is not None:
                most = arrays.most_tasks() if profile.arrays else 1
                together = arrays.grouped(todo, jobs, lambda step: _sort(step, profile), most)
                for number, steps in enumerate(together):
                    jobs |= _submit_group(steps, number, profile, store, home, planned, jobs)
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
        home = folder / step.address
        home.mkdir()
        shards = profile.resources(step.stage).shards or 1
        for number in range(shards):
            shard = msgspec.structs.replace(job, place=(number, shards) if shards > 1 else None)
            write_whole(home / job_file(number), [msgspec.json.encode(shard)], sync=False)
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
            stages=tuple(step.address for step in todo),
            **snapshot.versions(),
        ),
    )
    return Home(folder, code)


def _sort(step: Step, profile: Profile) -> str:
    """Equal for stages whose jobs are told the same, but for which stage it is."""
    asked = profile.resources(step.stage)
    alone = step.key if (asked.shards or 1) > 1 else ""  # its tasks would be parts of it
    return repr((step.stage.kind, asked, profile.command(step.stage), alone))


def _submit_group(
    group: Group,
    number: int,
    profile: Profile,
    store: Store,
    home: Home,
    planned: Plan,
    jobs: Mapping[str, Jobs],
) -> dict[str, Jobs]:
    """Submit stages that go together, and return the jobs of each."""
    after = {
        step.key: {above: jobs[above] for above in step.upstream if above in jobs} for step in group.steps.values()
    }
    made = _submit_array(group, number, profile, store, home, after) if group.one is None else None
    if made is not None:
        return made
    return {step.key: _submit(step, profile, store, home, planned, after[step.key]) for step in group.steps.values()}


def _submit_array(
    group: Group, number: int, profile: Profile, store: Store, home: Home, after: Mapping[str, Mapping[str, Jobs]]
) -> dict[str, Jobs] | None:
    """Submit stages as one array; None: it cannot be, and each must be tried alone."""
    first = next(iter(group.steps.values()))
    waits = arrays.dependency(
        {index: [job for jobs in after[step.key].values() for job in jobs] for index, step in group.steps.items()}
    )
    if waits is None:
        return None
    addresses = {index: step.address for index, step in group.steps.items()}
    folder = snapshot.make_array(home.folder, first.stage.kind, number, addresses)
    alone = {
        **batch.parameters(profile.resources(first.stage), profile, home.code, (), folder),
        "comment": comment(store),
    }
    settings = arrays.settings(alone, folder, group.steps, waits)
    try:
        job = batch.submit(folder, arrays.command(profile.command(first.stage), folder), settings)
    except Refusal:  # a limit on arrays, or on jobs, or one that is waited for was forgotten
        remove_tree(folder)
        return None
    snapshot.note_scripts(folder, addresses, job)
    return {step.key: (f"{job}_{index}",) for index, step in group.steps.items()}


def _submit(step: Step, profile: Profile, store: Store, home: Home, planned: Plan, after: Mapping[str, Jobs]) -> Jobs:
    """Submit one stage and return its jobs. `after`: the jobs of those stages that it needs and that have any."""
    folder = home.folder / step.address
    asked = profile.resources(step.stage)
    stages = {other.key: other.stage for other in planned.steps}
    made: list[str] = []
    while True:
        settings = {
            **batch.parameters(asked, profile, home.code, [job for jobs in after.values() for job in jobs], folder),
            "job_name": job_name(step.address),
            "comment": comment(store),
        }
        try:
            for number in range(len(made), asked.shards or 1):
                worker = f"-u -m lema.running.worker {shlex.quote(str(folder / job_file(number)))}"
                made.append(batch.submit(folder, f"{profile.command(step.stage)} {worker}", settings))
            return tuple(made)
        except Refusal as fault:
            # SLURM forgets jobs that ended some minutes ago, and refuses to wait for them.
            left = {key: job for key, job in after.items() if store.find(stages[key]) is None}
            if left == after:
                raise ConfigError(
                    f"SLURM refuses the job of {step.address}: {' '.join(str(fault).split())}. What it "
                    f"was given lies in {folder}. Mend the profile (slurm/README.md says how) and type the same "
                    "command again; jobs that are in the queue stay there."
                ) from None
            after = left
