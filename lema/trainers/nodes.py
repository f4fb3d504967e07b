"""Training on several nodes: the stage's process on the first says what to start, helpers on the others start it.

SLURM starts one task a node. The first is the stage's own process, and the only one that knows the store. The others
follow (`lema.trainers.following`): they run the ranks of their node for as long as the first one wants them. What they
tell each other lies in one folder, the meeting, that all nodes see; its name is of this start of the job alone, so
nothing in it is old.
"""

from __future__ import annotations

import os
import secrets
import signal
import socket
import sys
from dataclasses import dataclass
from pathlib import Path

import msgspec

NODES, PER_NODE, MEETING = "LEMA_NODES", "LEMA_PROCESSES_PER_NODE", "LEMA_MEETING"
RENDEZVOUS = "LEMA_RENDEZVOUS"  # host:port of the first node, for torchrun
STOPS = (signal.SIGTERM, signal.SIGUSR2)


class Call(msgspec.Struct, frozen=True, kw_only=True):
    """What the first node wants of the others, now."""

    id: str
    job: str = ""  # file of the training; none: end what runs
    rendezvous: str = ""


@dataclass(frozen=True)
class Place:
    """Where this process is: which node of how many, and how many ranks a node may have (None: nobody said)."""

    nodes: int = 1
    node: int = 0
    per_node: int | None = None
    meeting: Path | None = None

    def call(self, job: Path) -> str:
        """Have the other nodes start their ranks; where those meet, `host:port`, or nothing on one node."""
        if self.meeting is None:
            return ""
        for old in self.meeting.glob("lost-*"):
            old.unlink()
        rendezvous = f"{socket.gethostname()}:{free_port()}"
        self._say(Call(id=secrets.token_hex(8), job=str(job), rendezvous=rendezvous))
        return rendezvous

    def dismiss(self) -> None:
        """Have the other nodes end their ranks."""
        if self.meeting is not None:
            self._say(Call(id=secrets.token_hex(8)))

    def end(self, code: int) -> None:
        """Have the other nodes' helpers end. The batch script reads the exit code here: srun's own is the highest."""
        if self.meeting is not None:
            self.meeting.mkdir(parents=True, exist_ok=True)
            _write(self.meeting / "ended", f"{code}".encode())

    def called(self) -> Call | None:
        assert self.meeting is not None
        try:
            return msgspec.json.decode((self.meeting / "call.json").read_bytes(), type=Call)
        except FileNotFoundError:
            return None

    @property
    def over(self) -> bool:
        assert self.meeting is not None
        return (self.meeting / "ended").exists()

    def lost(self) -> list[str]:
        """What became of ranks on other nodes that ended badly."""
        return [] if self.meeting is None else [path.read_text() for path in sorted(self.meeting.glob("lost-*"))]

    def mourn(self, code: int) -> None:
        assert self.meeting is not None
        said = f"node {self.node} ({socket.gethostname()}): exit code {code}"
        _write(self.meeting / f"lost-{self.node}", said.encode())

    def _say(self, call: Call) -> None:
        assert self.meeting is not None
        self.meeting.mkdir(parents=True, exist_ok=True)
        _write(self.meeting / "call.json", msgspec.json.encode(call))


def place() -> Place:
    """As the batch script and srun say; without them one node, which is this machine."""
    meeting, said = os.environ.get(MEETING), os.environ.get(PER_NODE)
    per_node = int(said) if said else None
    if not meeting:
        return Place(per_node=per_node)
    return Place(int(os.environ[NODES]), int(os.environ["SLURM_PROCID"]), per_node, Path(meeting))


def torchrun(here: Place, ranks: int) -> list[str]:
    """The words that start `ranks` processes on all nodes together, up to the module that they run."""
    words = [sys.executable, "-m", "torch.distributed.run", f"--nproc-per-node={ranks // here.nodes}"]
    if here.nodes == 1:  # and nobody else is to reach it
        return [*words, "--rdzv-backend=c10d", "--rdzv-endpoint=127.0.0.1:0", "--local-addr=127.0.0.1"]
    host, _, port = os.environ[RENDEZVOUS].rpartition(":")
    # Not c10d: its first rank may be on any node, and ours must be where the stage's process is.
    return [
        *words,
        f"--nnodes={here.nodes}",
        f"--node-rank={here.node}",
        f"--master-addr={host}",
        f"--master-port={port}",
    ]


def free_port() -> int:
    """A port of this machine that nobody listens on."""
    with socket.socket() as probe:
        probe.bind(("", 0))
        return int(probe.getsockname()[1])


def _write(path: Path, content: bytes) -> None:
    fresh = path.with_name(f"{path.name}.{os.getpid()}")
    fresh.write_bytes(content)
    fresh.replace(path)
