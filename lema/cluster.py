"""`slurm=<profile>`: the missing stages of a plan as jobs of SLURM, each with its own resources, after what it needs.

The queue is looked at before the store: what ends in between is then found finished, and nothing is
submitted that is in the queue. A lease keeps two commands from submitting side by side.
"""

from __future__ import annotations

import contextlib
import dataclasses
import io
import shlex
import socket
import sys
import warnings
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import msgspec

from lema import snapshot
from lema.durable import write_whole
from lema.errors import ConfigError, Preempted
from lema.extras import require
from lema.holder import now
from lema.jobs import Job
from lema.lease import acquire
from lema.options import Point
from lema.plan import Plan, Step, plan
from lema.profile import Profile
from lema.queue import Queued, comment, job_name, me, settled
from lema.store import Store

if TYPE_CHECKING:
    from submitit import SlurmExecutor

#: Exit codes after which a job goes on later: our own, and those of a process that had not yet learned to listen.
AGAIN = (Preempted.exit_code, 128 + 10, 128 + 12, 128 + 15)


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


def submit(points: Sequence[Point], profile: Profile, store: Store, group: str) -> Submitted:
    """Put a job into the queue for each stage that is missing and not in it.

    Raises:
        ConfigError: there is no SLURM here, or it refuses a job.
        LemaError: SLURM does not answer.
    """
    require("submitit", extra="slurm", why="slurm=")
    store.prepare()
    snapshot.folder_of(store).mkdir(exist_ok=True)
    lock = acquire(snapshot.folder_of(store) / "lock", lambda: False, ttl=store.ttl, poll=store.poll)
    assert lock is not None
    try:
        with lock.beating():
            before = settled(store)
            planned = plan(points, store)
            queue = {
                step.key: before[name] for step in planned.missing() if (name := store.address(step.stage)) in before
            }
            todo = [step for step in planned.missing() if step.key not in queue]
            home = _prepare(points, profile, store, todo, group) if todo else None
            jobs = {key: job.job for key, job in queue.items()}
            if home is not None:
                for step in todo:
                    after = {above: jobs[above] for above in step.upstream if above in jobs}
                    jobs[step.key] = _submit(step, profile, store, home, planned, after)
    finally:
        with contextlib.suppress(OSError):
            lock.discard()
    return Submitted(planned, {step.key: jobs[step.key] for step in todo}, queue, home.folder if home else None)


def _prepare(points: Sequence[Point], profile: Profile, store: Store, todo: Sequence[Step], group: str) -> Home:
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
            stages=tuple(store.address(step.stage) for step in todo),
            **snapshot.versions(),
        ),
    )
    return Home(folder, code)


def _submit(step: Step, profile: Profile, store: Store, home: Home, planned: Plan, after: dict[str, str]) -> str:
    """Submit one stage and return the job's id. `after`: the jobs of those stages that it needs and that have one."""
    from submitit.core.utils import FailedJobError

    folder = home.folder / store.address(step.stage)
    worker = f"-u -m lema.worker {shlex.quote(str(folder / 'job.json'))}"
    command = f"{profile.python or shlex.quote(sys.executable)} {worker}"
    stages = {other.key: other.stage for other in planned.steps}
    while True:
        settings = parameters(step, profile, store, list(after.values()), home.code)
        try:
            with contextlib.redirect_stderr(io.StringIO()):  # where submitit repeats what it raises
                return str(_executor(folder, settings)._submit_command(command).job_id)
        except FailedJobError as fault:
            # SLURM forgets jobs that ended some minutes ago, and refuses to wait for them.
            left = {key: job for key, job in after.items() if store.find(stages[key]) is None}
            if left == after:
                raise ConfigError(
                    f"SLURM refuses the job of {store.address(step.stage)}: {' '.join(str(fault).split())}. What it "
                    f"was given lies in {folder}. Mend the profile (slurm/README.md says how) and type the same "
                    "command again; jobs that are in the queue stay there."
                ) from None
            after = left


def parameters(step: Step, profile: Profile, store: Store, after: Sequence[str], code: Path) -> dict[str, Any]:
    """What submitit is told about the job of a stage that comes after other jobs."""
    asked = profile.resources(step.stage)
    extra: dict[str, Any] = {name.replace("_", "-").lstrip("-"): value for name, value in (asked.extra or {}).items()}
    if profile.requeues:
        extra["requeue"] = True
    if after:
        extra |= {"dependency": f"afterok:{':'.join(dict.fromkeys(after))}", "kill-on-invalid-dep": "yes"}
    given: dict[str, Any] = {
        "job_name": job_name(store.address(step.stage)),
        "comment": comment(store),
        "partition": asked.partition,
        "account": asked.account,
        "qos": asked.qos,
        "constraint": asked.constraint,
        "time": asked.minutes,
        "nodes": asked.nodes or 1,
        "ntasks_per_node": 1,
        "gpus_per_node": asked.gpus or None,
        "cpus_per_task": asked.cpus,
        "mem": None if asked.memory_gb is None else f"{round(asked.memory_gb * 1024)}M",
        "signal_delay_s": profile.warn_seconds,
        "setup": [*profile.setup, *environment(code)],
        "teardown": ending(profile.requeues),
        # The step takes what the job was given; since 22.05 srun does not by itself.
        "srun_args": [f"--cpus-per-task={asked.cpus}"] if asked.cpus else [],
        "additional_parameters": extra,
    }
    known = {name: value for name, value in given.items() if value is not None}
    return {**known, "wckey": None}  # submitit's own default would be charged for where sites use them


def environment(code: Path) -> list[str]:
    """Shell lines: Python takes the copy of the code, wherever it is started, and the cores that the job has."""
    return [
        f'export PYTHONPATH={shlex.quote(str(code))}"${{PYTHONPATH:+:$PYTHONPATH}}" PYTHONSAFEPATH=1',
        'export OMP_NUM_THREADS="${OMP_NUM_THREADS:-${SLURM_CPUS_PER_TASK:-1}}"',
        "export OMP_WAIT_POLICY=passive GOMP_SPINCOUNT=0 TOKENIZERS_PARALLELISM=false",
    ]


def ending(requeues: int) -> list[str]:
    """Shell lines after the stage: a job that was told to stop goes back into the queue, unless it was cancelled."""
    return [
        "code=$?",
        f'if [[ " {" ".join(map(str, AGAIN))} " == *" $code "* ]] && (( ${{SLURM_RESTART_COUNT:-0}} < {requeues} )) \\',
        '  && scontrol --oneliner show job "$SLURM_JOB_ID" | grep -q "JobState=RUNNING"; then',
        '  echo "lema: stopped early, and put back into the queue" >&2',
        '  scontrol requeue "$SLURM_JOB_ID"',
        "fi",
        'exit "$code"',
    ]


def _executor(folder: Path, settings: dict[str, Any]) -> SlurmExecutor:
    """submitit's way to sbatch; it is given commands, so that nothing is pickled.

    Raises:
        ConfigError: srun is not here.
    """
    import submitit

    try:
        made = submitit.SlurmExecutor(folder=folder)
    except RuntimeError:
        raise ConfigError(
            "slurm: there is no srun on this machine. Type the command where jobs are submitted, or leave out slurm= "
            "to run it here."
        ) from None
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        made.update_parameters(**settings)
    return made
