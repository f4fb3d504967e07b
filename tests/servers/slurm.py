"""A real SLURM of two virtual nodes on this machine, for as long as a test needs it.

munged, slurmctld and one slurmd a node run from configuration, sockets and spool below one folder; nothing
of the system's own SLURM is touched. Each is known by its pid file, and nothing else is ended.
"""

from __future__ import annotations

import contextlib
import getpass
import os
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

PROGRAMS = ("munged", "slurmctld", "slurmd", "sbatch", "srun", "squeue", "scontrol", "scancel")
NODES = ("node1", "node2")
CONFIGURATION = """\
ClusterName=test
SlurmctldHost={host}(127.0.0.1)
SlurmctldPort={port}
SlurmdPort={second}
SlurmUser={user}
SlurmdUser={user}
AuthType=auth/munge
AuthInfo=socket={base}/munge/socket,cred_expire=5
CredType=cred/munge
StateSaveLocation={base}/state
SlurmdSpoolDir={base}/spool/%n
SlurmctldPidFile={base}/run/slurmctld.pid
SlurmdPidFile={base}/run/slurmd.%n.pid
SlurmctldLogFile={base}/log/slurmctld.log
SlurmdLogFile={base}/log/slurmd.%n.log
ProctrackType=proctrack/linuxproc
TaskPlugin=task/none
SwitchType=switch/none
MpiDefault=none
SelectType=select/cons_tres
SelectTypeParameters=CR_CPU
SchedulerType=sched/backfill
SchedulerParameters=sched_interval=2,bf_interval=2,default_queue_depth=1000,batch_sched_delay=0,sched_min_interval=0
AccountingStorageType=accounting_storage/none
JobAcctGatherType=jobacct_gather/none
ReturnToService=1
SlurmdParameters=config_overrides
SlurmdTimeout=60
OverTimeLimit=0
KillWait=5
MinJobAge=600
JobRequeue=1
PreemptType=preempt/partition_prio
PreemptMode=REQUEUE
SlurmctldParameters=preempt_send_user_signal
MailProg=/bin/true
"""
PARTITIONS = """\
PartitionName=normal Nodes=ALL Default=YES MaxTime=INFINITE State=UP PriorityTier=10 PreemptMode=REQUEUE GraceTime=20
PartitionName=high Nodes=ALL Default=NO MaxTime=INFINITE State=UP PriorityTier=100 PreemptMode=OFF
"""


class Unavailable(Exception):
    """SLURM is not installed, or does not start here."""


def absent() -> list[str]:
    """Those of its programs that are not here."""
    return [name for name in PROGRAMS if shutil.which(name) is None]


class Cluster:
    """`environment` makes SLURM's commands and jobs talk to this cluster."""

    def __init__(self, cpus: int = 2) -> None:
        self.cpus = cpus
        self.base = Path(tempfile.mkdtemp(prefix="slurm-"))  # short, since sockets have short paths
        self.base.chmod(0o755)  # munge wants a socket that everybody can reach
        self.environment = {"SLURM_CONF": str(self.base / "slurm.conf")}

    @contextlib.contextmanager
    def running(self) -> Iterator[Cluster]:
        """Started, with all nodes idle; ended on the way out, with all its jobs.

        Raises:
            Unavailable: it cannot be.
        """
        try:
            if absent():
                raise Unavailable(f"SLURM's {', '.join(absent())} not installed (Debian: slurm-wlm and munge)")
            self.start()
            yield self
        finally:
            self.stop()
            shutil.rmtree(self.base, ignore_errors=True)

    def start(self) -> None:
        for name in ("run", "log", "state", "munge", *(f"spool/{node}" for node in NODES)):
            (self.base / name).mkdir(parents=True, exist_ok=True)
        (self.base / "munge").chmod(0o755)
        key = self.base / "munge" / "key"
        key.touch(0o600)
        key.write_bytes(os.urandom(128))
        munge = {"socket": "munge/socket", "pid-file": "run/munged.pid", "log-file": "log/munged.log"}
        munge |= {"key-file": "munge/key", "seed-file": "munge/seed"}
        self.daemon("munged", *(f"--{option}={self.base / place}" for option, place in munge.items()))
        (self.base / "slurm.conf").write_text(self.configuration())
        self.daemon("slurmctld", "-c")
        for node in NODES:
            self.daemon("slurmd", "-N", node)
        self.await_idle()

    def configuration(self) -> str:
        free = ports(2 + len(NODES))
        text = CONFIGURATION.format(
            host=socket.gethostname().partition(".")[0],
            user=getpass.getuser(),
            base=self.base,
            port=free[0],
            second=free[1],
        )
        for node, port in zip(NODES, free[2:], strict=True):
            text += f"NodeName={node} NodeAddr=127.0.0.1 Port={port} CPUs={self.cpus} RealMemory=8000 State=UNKNOWN\n"
        return text + PARTITIONS

    def daemon(self, *words: str) -> None:
        """Start a program that puts itself into the background."""
        with (self.base / "log" / f"{words[0]}.start").open("ab") as log:
            done = subprocess.run(
                words,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                env={**os.environ, **self.environment},
                check=False,
                timeout=300,
            )
        if done.returncode:
            raise Unavailable(f"{words[0]} does not start: {Path(log.name).read_text()[-2000:]}")

    def await_idle(self) -> None:
        until = time.monotonic() + 300
        while time.monotonic() < until:
            with contextlib.suppress(subprocess.SubprocessError):
                if self("sinfo", "-h", "-N", "-p", "normal", "-t", "idle", "-o", "%N").split() == list(NODES):
                    return
            time.sleep(0.2)
        raise Unavailable(f"SLURM's nodes did not become idle; its logs are in {self.base / 'log'}")

    def __call__(self, *words: str) -> str:
        """What a command of SLURM prints."""
        done = subprocess.run(
            words,
            capture_output=True,
            text=True,
            env={**os.environ, **self.environment},
            check=True,
            timeout=300,
        )
        return done.stdout

    def jobs(self) -> list[str]:
        """Ids of the jobs in the queue, of each task of an array."""
        return self("squeue", "-h", "--array", "-o", "%i").split()

    def clear(self) -> None:
        """End all jobs, and take everything up again that a test took down."""
        self("scontrol", "update", "partitionname=normal", "state=up")
        for node in NODES:
            with contextlib.suppress(subprocess.CalledProcessError):  # it is not down
                self("scontrol", "update", f"nodename={node}", "state=resume")
        if left := self.jobs():
            self("scancel", *left)
            until = time.monotonic() + 60
            while self.jobs() and time.monotonic() < until:
                time.sleep(0.2)

    def stop(self) -> None:
        """End the jobs, then the daemons, by their pid files."""
        with contextlib.suppress(subprocess.SubprocessError, OSError):
            if self.pid("slurmctld"):
                self.clear()
        for name in (*(f"slurmd.{node}" for node in NODES), "slurmctld", "munged"):
            self.end(name)

    def pid(self, name: str) -> int | None:
        """The process of a daemon, while it lives."""
        try:
            pid = int((self.base / "run" / f"{name}.pid").read_text())
            os.kill(pid, 0)
        except (OSError, ValueError):
            return None
        return pid

    def end(self, name: str) -> None:
        pid = self.pid(name)
        if pid is None:
            return
        os.kill(pid, signal.SIGTERM)
        until = time.monotonic() + 15
        while self.pid(name) is not None:
            if time.monotonic() > until:
                os.kill(pid, signal.SIGKILL)
                return
            time.sleep(0.1)


def ports(count: int) -> list[int]:
    """Free ports of this machine."""
    with contextlib.ExitStack() as stack:
        sockets = [stack.enter_context(socket.socket()) for _ in range(count)]
        for one in sockets:
            one.bind(("127.0.0.1", 0))
        return [one.getsockname()[1] for one in sockets]
