"""Runs all attacks at one level, among honest programs, and tells what each came to: `python scene.py LEVEL`.

Prints one JSON object: {"attacks": {name: {"escaped": bool, "outcome": text}}, "honest": [wrong ones],
"left": {"processes": n, "descriptors": n}}.
"""

from __future__ import annotations

import ctypes
import json
import os
import signal
import socket
import stat
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from hostile.attack import Attack
from hostile.exhausting import exhausting
from hostile.reaching import SECRET, reaching
from lema.programs.program import Entry, Outcome, Program
from lema.programs.sandbox import Sandbox

ATTACKS: list[Attack] = [*reaching(), *exhausting()]
HONEST = 3  # after so many attacks there is an honest program
FILES = {"readable": 0o644, "private": 0o600, "writable": 0o666, "deletable": 0o644}


def word(name: str) -> str:
    return name.replace(" ", "_").replace("'", "").replace("()", "")


class Scene:
    """What attacks aim at."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        folder.chmod(0o777)
        for name, mode in FILES.items():
            (folder / name).write_text(SECRET)
            (folder / name).chmod(mode)
        self.abstract = f"lema-hostile-{os.getpid()}"
        self.words: list[bytes] = []
        self.signals = 0
        self.nice = os.getpriority(os.PRIO_PROCESS, 0)
        self.names: dict[int, str] = {}
        self.bystander = subprocess.Popen(["sleep", "1000"])
        signal.signal(signal.SIGUSR1, self.count)
        self.tcp = socket.create_server(("127.0.0.1", 0))
        self.port = self.tcp.getsockname()[1]
        self.udp = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.udp.bind(("127.0.0.1", self.port))
        self.local = socket.socket(socket.AF_UNIX)
        self.local.bind("\0" + self.abstract)
        self.local.listen()
        for listen in (self.tcp, self.local):
            threading.Thread(target=self.accept, args=(listen,), daemon=True).start()
        threading.Thread(target=self.receive, daemon=True).start()

    def count(self, number: int, frame: object) -> None:
        self.signals += 1

    def accept(self, listen: socket.socket) -> None:
        while True:
            peer, _ = listen.accept()
            with peer:
                self.words.append(peer.recv(100))

    def receive(self) -> None:
        while True:
            self.words.append(self.udp.recv(100))

    def source(self, attack: Attack) -> str:
        source = attack.source.replace("@FOLDER@", str(self.folder)).replace("@OWNER@", str(os.getpid()))
        source = source.replace("@PORT@", str(self.port)).replace("@NAME@", word(attack.name))
        return source.replace("@ABSTRACT@", self.abstract).replace("@BYSTANDER@", str(self.bystander.pid))

    def made(self, name: str) -> bool:
        return any(path.name.startswith(word(name)) for path in self.folder.iterdir())

    def gone(self, name: str) -> bool:
        return not (self.folder / name).exists()

    def empty(self, name: str) -> bool:
        return (self.folder / name).stat().st_size == 0

    def loose(self, name: str) -> bool:
        return stat.S_IMODE((self.folder / name).stat().st_mode) != FILES[name]

    def size(self) -> int:
        return sum(path.lstat().st_size for path in self.folder.iterdir() if path.is_file())

    def shared(self, name: str) -> bool:
        path = Path("/dev/shm") / word(name)
        with suppress(FileNotFoundError):
            path.unlink()
            return True
        return False

    def heard(self, name: str) -> bool:
        return word(name).encode() in self.words

    def slowed(self) -> bool:
        return os.getpriority(os.PRIO_PROCESS, 0) != self.nice

    def crowded(self) -> bool:
        return len(children()) > 50

    def close(self) -> None:
        self.bystander.kill()
        self.bystander.wait()


@contextmanager
def scene() -> Iterator[Scene]:
    with tempfile.TemporaryDirectory() as folder:
        set_up = Scene(Path(folder))
        try:
            yield set_up
        finally:
            set_up.close()


def children() -> list[int]:
    """All processes below this one, which adopts orphans."""
    parents: dict[int, int] = {}
    for path in Path("/proc").glob("[0-9]*/stat"):
        with suppress(OSError):
            state, parent = path.read_text().rpartition(")")[2].split()[:2]
            if state != "Z":
                parents[int(path.parent.name)] = int(parent)
    found = [os.getpid()]
    for pid in found:
        found += [child for child, parent in parents.items() if parent == pid]
    return found[1:]


def main(level: str) -> None:
    ctypes.CDLL(None).prctl(36, 1, 0, 0, 0)  # PR_SET_CHILD_SUBREAPER: orphans come to us, and are counted
    with scene() as held:
        descriptors = len([*Path("/proc/self/fd").iterdir()])
        programs, expected = [], []
        for number, attack in enumerate(ATTACKS):
            programs.append(Program(source=held.source(attack), entry=Entry.ANY))
            if number % HONEST == 0:
                honest = f"import math\nanswer = len('HONEST') * math.floor({number}.5)"
                programs.append(Program(source=honest, entry=Entry.ANSWER))
                expected.append(str(6 * number))
        sandbox = Sandbox(
            cpu_seconds=0.3,
            wall_seconds=1.0,
            memory_mib=128,
            output_bytes=10_000,
            workers=2,
            level=level,  # type: ignore[arg-type]
            allow_weaker=True,
        )
        with sandbox.open() as run:
            found = run(programs)
        time.sleep(1.2)  # for what a daemon would do
        left = [pid for pid in children() if pid != held.bystander.pid]
        honest = [outcome for outcome, program in zip(found, programs, strict=True) if program.entry is Entry.ANSWER]
        hostile = [outcome for outcome, program in zip(found, programs, strict=True) if program.entry is Entry.ANY]
        held.names = {id(outcome): attack.name for outcome, attack in zip(hostile, ATTACKS, strict=True)}
        report = {
            "attacks": {
                attack.name: {"escaped": attack.escaped(held, outcome), "outcome": short(outcome)}
                for attack, outcome in zip(ATTACKS, hostile, strict=True)
            },
            "honest": [
                short(outcome)
                for outcome, value in zip(honest, expected, strict=True)
                if outcome.value != value or outcome.level != level
            ],
            "left": {"processes": len(left), "descriptors": len([*Path("/proc/self/fd").iterdir()]) - descriptors},
        }
    print(json.dumps(report))


def short(outcome: Outcome) -> str:
    return f"{outcome.status}: {outcome.error} {outcome.message[:90]!r} value {str(outcome.value)[:90]!r}"


if __name__ == "__main__":
    main(sys.argv[1])
