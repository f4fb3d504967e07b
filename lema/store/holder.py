"""Who holds a lease, and whether that process still lives.

A token is the name of one holding: `<pid>-<start>-<machine>-<random>`. Process id and start time
make "is it alive?" answerable at once on the same machine, also after the id was given away again;
on any other machine the answer is unknown, and only the silence of its heart tells.
"""

from __future__ import annotations

import os
import secrets
import socket
from contextlib import suppress
from datetime import UTC, datetime
from functools import lru_cache
from pathlib import Path

import msgspec

from lema.base.provenance import code_version
from lema.base.spec import digest

HELD: set[str] = set()  # tokens of leases that this process holds or is about to


class Holder(msgspec.Struct, frozen=True, kw_only=True):
    """One process's hold on one stage: for people, and for the manifest."""

    token: str
    host: str
    pid: int
    since: str  # ISO time, UTC; shown, never compared
    job: str | None = None  # SLURM job id
    restart: int = 0  # how often SLURM has requeued that job
    commit: str | None = None  # of the code that it runs
    dirty: bool | None = None
    progress: tuple[int, int] | None = None

    def __str__(self) -> str:
        job = f", SLURM job {self.job}" if self.job else ""
        return f"process {self.pid} on {self.host}{job}, since {self.since}"


def here(token: str) -> Holder:
    """This process as the holder of `token`."""
    version = code_version()
    return Holder(
        token=token,
        host=socket.gethostname(),
        pid=os.getpid(),
        since=now(),
        job=job_id(),
        restart=int(os.environ.get("SLURM_RESTART_COUNT") or 0),
        commit=version.commit,
        dirty=version.dirty,
    )


def job_id() -> str | None:
    """The SLURM job that this process belongs to, as squeue names it: `12`, or `12_3` for a task of an array."""
    array, task = os.environ.get("SLURM_ARRAY_JOB_ID"), os.environ.get("SLURM_ARRAY_TASK_ID")
    return f"{array}_{task}" if array and task else os.environ.get("SLURM_JOB_ID")


def now() -> str:
    """The time in UTC, to the second."""
    return datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def new_token() -> str:
    """A name that no other holding has, on any machine."""
    pid = os.getpid()
    _, start = process_state(pid)
    return f"{pid}-{start}-{machine()}-{secrets.token_hex(4)}"


@lru_cache
def machine() -> str:
    """Eight hex digits for this boot of this kernel and this namespace of process ids.

    The host's name is not enough: containers share names while their process ids differ.
    """
    boot, namespace = "", ""
    with suppress(OSError):
        boot = Path("/proc/sys/kernel/random/boot_id").read_text().strip()
        namespace = str(Path("/proc/self/ns/pid").readlink())
    return digest(f"{socket.gethostname()}|{boot}|{namespace}".encode())[:8]


def process_state(pid: int) -> tuple[str, str]:
    """State letter and start time of a process, from Linux; ("", "0") where that cannot be read."""
    try:
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
        return fields[0], fields[19]
    except (OSError, IndexError):
        return "", "0"


def is_alive(token: str) -> bool | None:
    """Whether the holding of a token goes on; None when this machine cannot know."""
    pid, start, where = parse(token)
    if where != machine() or pid <= 0:
        return None
    if pid == os.getpid():
        # Our own, unless giving it back failed (a disk that was read-only for a while).
        return token in HELD
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        pass  # another user's process: it exists
    state, started = process_state(pid)
    # No state (a system that hides other people's processes): what answers to a signal may be it.
    return not (state in ("Z", "X") or (state and started != start))


def parse(token: str) -> tuple[int, str, str]:
    """Process id, start time and machine of a token; (0, "", "") if it is none."""
    pid, start, where, _ = (token.split("-") + [""] * 4)[:4]
    return (int(pid), start, where) if pid.isdigit() and where else (0, "", "")
