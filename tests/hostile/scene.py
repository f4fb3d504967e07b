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
from collections.abc import Callable, Iterator
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

    def word(self, name: str) -> str:
        """What an attack calls what it makes; another scene on this machine has other words."""
        return f"{name.replace(' ', '_').replace(chr(39), '').replace('()', '')}_{os.getpid()}_"

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
        source = source.replace("@PORT@", str(self.port)).replace("@NAME@", self.word(attack.name))
        return source.replace("@ABSTRACT@", self.abstract).replace("@BYSTANDER@", str(self.bystander.pid))

    def made(self, name: str) -> bool:
        return any(path.name.startswith(self.word(name)) for path in self.folder.iterdir())

    def gone(self, name: str) -> bool:
        return not (self.folder / name).exists()

    def empty(self, name: str) -> bool:
        return (self.folder / name).stat().st_size == 0

    def loose(self, name: str) -> bool:
        return stat.S_IMODE((self.folder / name).stat().st_mode) != FILES[name]

    def size(self) -> int:
        return sum(path.lstat().st_size for path in self.folder.iterdir() if path.is_file())

    def shared(self, name: str) -> bool:
        path = Path("/dev/shm") / self.word(name)
        with suppress(FileNotFoundError):
            path.unlink()
            return True
        return False

    def heard(self, name: str) -> bool:
        return self.word(name).encode() in self.words

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


def sandbox(endless: str, level: str) -> Sandbox:
    """Limits that end what only they can end; what ends by itself is far from them, however slow the machine."""
    return Sandbox(
        cpu_seconds=0.3 if endless == "computes" else 60.0,
        wall_seconds=1.0 if endless == "sleeps" else 120.0,
        memory_mib=128,
        output_bytes=10_000,
        workers=2,
        level=level,  # type: ignore[arg-type]
        allow_weaker=True,
    )


def tried(held: Scene, attacks: list[Attack], level: str) -> tuple[dict[str, Outcome], list[Outcome]]:
    """What these attacks came to, by name, and the honest programs among them that came to something wrong."""
    programs: list[Program] = []
    expected: list[str] = []
    for number, attack in enumerate(attacks):
        programs.append(Program(source=held.source(attack), entry=Entry.ANY))
        if number % HONEST == 0 and attack.endless != "sleeps":  # where the clock decides, a busy machine may end it
            honest = f"import math\nanswer = len('HONEST') * math.floor({number}.5)"
            programs.append(Program(source=honest, entry=Entry.ANSWER))
            expected.append(str(6 * number))
    with sandbox(attacks[0].endless, level).open() as run:
        found = run(programs)
    told = list(zip(programs, found, strict=True))
    hostile = [outcome for program, outcome in told if program.entry is Entry.ANY]
    honest = [outcome for program, outcome in told if program.entry is Entry.ANSWER]
    wrong = [one for one, value in zip(honest, expected, strict=True) if one.value != value or one.level != level]
    return {attack.name: outcome for attack, outcome in zip(attacks, hostile, strict=True)}, wrong


def until(holds: Callable[[], bool], seconds: float) -> None:
    """Wait for something that may come late on a busy machine."""
    end = time.monotonic() + seconds
    while not holds() and time.monotonic() < end:
        time.sleep(0.05)


def main(level: str) -> None:
    ctypes.CDLL(None).prctl(36, 1, 0, 0, 0)  # PR_SET_CHILD_SUBREAPER: orphans come to us, and are counted
    place = f"{level}/{'root' if os.geteuid() == 0 else 'user'}"
    with scene() as held:
        descriptors = len([*Path("/proc/self/fd").iterdir()])
        found: dict[str, Outcome] = {}
        wrong: list[Outcome] = []
        for endless in ("", "computes", "sleeps"):
            outcomes, bad = tried(held, [attack for attack in ATTACKS if attack.endless == endless], level)
            found |= outcomes
            wrong += bad
        held.names = {id(outcome): name for name, outcome in found.items()}
        escaped = dict.fromkeys(found, False)

        def look() -> bool:
            """Whether all has got through that is known to; what has left a trace once has got through."""
            for attack in ATTACKS:
                escaped[attack.name] = escaped[attack.name] or attack.escaped(held, found[attack.name])
            return all(escaped[attack.name] for attack in ATTACKS if place in attack.open_at and not attack.unsure)

        time.sleep(1.2)  # for what a daemon would do
        until(look, 30)
        until(lambda: not strangers(held), 30)
        report = {
            "attacks": {name: {"escaped": escaped[name], "outcome": short(outcome)} for name, outcome in found.items()},
            "honest": [short(outcome) for outcome in wrong],
            "left": {
                "processes": len(strangers(held)),
                "descriptors": len([*Path("/proc/self/fd").iterdir()]) - descriptors,
            },
        }
    print(json.dumps(report))


def strangers(held: Scene) -> list[int]:
    """Processes below this one that nobody here began."""
    return [pid for pid in children() if pid != held.bystander.pid]


def short(outcome: Outcome) -> str:
    return f"{outcome.status}: {outcome.error} {outcome.message[:90]!r} value {str(outcome.value)[:90]!r}"


if __name__ == "__main__":
    main(sys.argv[1])
