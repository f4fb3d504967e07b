"""SLURM's queue: which of its jobs are stages of ours. Only squeue, scontrol and scancel; no accounting is needed."""

from __future__ import annotations

import dataclasses
import getpass
import shutil
import subprocess
import time
from collections.abc import Callable, Iterable, Mapping, Sequence

from lema.base.errors import ConfigError, LemaError
from lema.base.spec import digest
from lema.running import snapshot
from lema.store import Store

PREFIX = "lema-"
#: States of jobs that will still run, or do. A job that is ending (COMPLETING) is looked at apart.
WAITING = ("PENDING", "CONFIGURING", "REQUEUED", "REQUEUE_HOLD", "REQUEUE_FED", "RESV_DEL_HOLD", "SPECIAL_EXIT")
ENDING = ("COMPLETING", "STAGE_OUT", "SIGNALING")
SECONDS = 60  # that a command of SLURM may take


class Unanswered(LemaError):
    """SLURM is there and gives no answer; it may in a minute."""


@dataclasses.dataclass(frozen=True)
class Queued:
    """A job that is in the queue for one stage of one store."""

    job: str
    stage: str  # address
    user: str
    state: str
    reason: str  # why it waits
    nodes: str
    all: tuple[str, ...] = ()  # jobs, when several make parts of the stage

    @property
    def jobs(self) -> tuple[str, ...]:
        return self.all or (self.job,)

    @property
    def waits(self) -> bool:
        return self.state in WAITING

    @property
    def ends(self) -> bool:
        return self.state in ENDING


def job_name(address: str) -> str:
    """The name of a stage's job, which carries kind and key; or of an array, by its title."""
    return f"{PREFIX}{address}"


def comment(store: Store) -> str:
    """What the comments of jobs say: the same stage may be wanted in two stores."""
    return f"lema-store={digest(str(store.root.resolve()).encode())}"


def queued(store: Store) -> dict[str, Queued]:
    """Jobs of anybody in the queue that make stages of this store, by address.

    Of several that make one stage, it is the one that is furthest, which knows of all.

    Raises:
        ConfigError: there is no SLURM here.
        Unanswered: SLURM does not answer.
    """
    said = slurm("squeue", "--noheader", "--array", "--format=%F|%K|%u|%T|%r|%N|%k|%j")
    found = parse(said, comment(store), lambda title: snapshot.tasks(store, title))
    several: dict[str, list[Queued]] = {}
    for job in sorted(found, key=lambda job: job.waits):
        several.setdefault(job.stage, []).append(job)
    return {stage: dataclasses.replace(jobs[0], all=tuple(job.job for job in jobs)) for stage, jobs in several.items()}


def parse(said: str, mine: str, tasks: Callable[[str], Mapping[int, str]]) -> Iterable[Queued]:
    """The lines of squeue that are stages of the store whose comment is `mine`.

    Some sites replace comments; then the name decides.

    Args:
        tasks: the stages that the tasks of an array are by their index, given the array's title.
    """
    arrays: dict[str, Mapping[int, str]] = {}
    for line in said.splitlines():
        job, index, user, state, reason, nodes, text, name = [*line.split("|", 7), *[""] * 7][:8]
        if not name.startswith(PREFIX) or (mine not in text and "lema-store=" in text):
            continue
        title = name.removeprefix(PREFIX).strip()
        stage: str | None = title
        if index.isdecimal():
            if title not in arrays:
                arrays[title] = tasks(title)
            stage, job = arrays[title].get(int(index)), f"{job}_{index}"
        if stage is not None:
            yield Queued(job, stage, user, state, reason, nodes)


def settled(store: Store, patience: float = 90.0) -> dict[str, Queued]:
    """`queued`, once no job is ending any more: what comes of it is then known to the store."""
    until = time.monotonic() + patience
    found = queued(store)
    while any(job.ends for job in found.values()) and time.monotonic() < until:
        time.sleep(1.0)
        found = queued(store)
    return found


def me() -> str:
    return getpass.getuser()


def cancel(jobs: Sequence[Queued]) -> None:
    """Take jobs out of the queue."""
    for first in range(0, len(jobs), 200):
        slurm("scancel", *(id_ for job in jobs[first : first + 200] for id_ in job.jobs))


def fate(job: str) -> Mapping[str, str]:
    """What SLURM still knows of a job that ended (some minutes): JobState, Reason, ExitCode, ...; empty if nothing."""
    try:
        said = slurm("scontrol", "--oneliner", "show", "job", job)
    except LemaError:
        return {}
    return dict(word.split("=", 1) for word in said.split() if "=" in word)


def setting(name: str) -> str | None:
    """A setting of SLURM's configuration; None if it does not say."""
    for line in slurm("scontrol", "show", "config").splitlines():
        key, _, value = line.partition("=")
        if key.strip() == name:
            return value.strip()
    return None


def slurm(*words: str) -> str:
    """What a command of SLURM prints.

    Raises:
        ConfigError: it is not on this machine.
        Unanswered: it fails, or does not answer.
    """
    if shutil.which(words[0]) is None:
        raise ConfigError(
            f"slurm: there is no {words[0]} on this machine. Type the command where jobs are submitted, or leave out "
            "slurm= to run it here."
        )
    try:
        done = subprocess.run(words, capture_output=True, text=True, timeout=SECONDS, check=False)
    except subprocess.TimeoutExpired:
        raise Unanswered(f"SLURM: {words[0]} did not answer within {SECONDS} s. Try again later.") from None
    if done.returncode:
        said = " ".join((done.stderr or done.stdout).split())
        raise Unanswered(
            f"SLURM: {words[0]} failed: {said or f'exit code {done.returncode}'}. Is this a machine where jobs are "
            "submitted? lema mode=doctor slurm=... looks at it."
        )
    return done.stdout
