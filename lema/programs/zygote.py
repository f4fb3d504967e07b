"""The process that forks one child for each program: started as a file, in an empty environment, never imported.

It speaks with the sandbox's owner on one socket: first a JSON object with the settings, answered by one that
says "ready" or why not; then `F` with three descriptors (program, output, result) forks a child, and `E` ends that
child whatever it is doing and is answered by its exit status and CPU time; `L` asks for the CPU time so far.
It never sees a program or a
result, so that children, which are copies of it, can learn nothing of one another.
"""

from __future__ import annotations

import gc
import importlib
import json
import os
import signal
import socket
import struct
import sys
import time
import warnings
from contextlib import suppress
from typing import Any, NoReturn

if __name__ == "__main__":
    sys.path.append(sys.argv[2])
from lema.programs import confine, harness, namespaces, seccomp

REPLY = struct.Struct("=iq")  # exit status, microseconds of CPU time; or LOOKED, and the time so far
LOOKED = -2
CONTROL = 3  # the descriptor of our socket; in a child, of the result
LENGTH = struct.Struct("=I")
#: Loaded beside the modules that programs may import, since files cannot be read later.
BESIDE = ("_strptime", "unicodedata", "encodings.ascii", "encodings.latin_1", "encodings.cp1252", "encodings.idna")
#: Parts that a module loads only when they are used, which is too late here.
PARTS = {
    "sympy": "tensor.tensor sets.setexpr sets.handlers.functions assumptions.wrapper assumptions.satask "
    "assumptions.sathandlers assumptions.handlers.sets assumptions.handlers.order assumptions.handlers.ntheory "
    "assumptions.handlers.calculus assumptions.handlers.matrices logic.algorithms.dpll2 logic.utilities.dimacs "
    "integrals.heurisch integrals.manualintegrate integrals.risch integrals.rde integrals.prde integrals.intpoly "
    "concrete.delta concrete.guess codegen.ast combinatorics physics.matrices physics.units.systems series.aseries "
    "polys.modulargcd polys.numberfields.resolvent_lookup polys.dispersion discrete.recurrences stats"
}
PATIENCE = 5.0  # seconds after which a silent owner is looked at


class Server:
    """What the children are made of, and the socket to the owner."""

    def __init__(self, control: socket.socket, settings: dict[str, Any]) -> None:
        self.control, self.settings = control, settings
        self.gate = seccomp.Gate() if settings["level"] == "seccomp" else None
        self.owner = os.getppid()
        self.child = 0
        self.null = os.open(os.devnull, os.O_RDWR)
        load(settings["modules"], settings["paths"])
        nowhere(settings["folder"])
        if settings["level"] == "namespaces":
            self.owner = 0
            namespaces.enter()
        confine.hide()
        signal.signal(signal.SIGINT, signal.SIG_DFL)  # Python's handler would make it a KeyboardInterrupt
        sys.stdout.reconfigure(encoding="utf-8", errors="backslashreplace")  # type: ignore[union-attr]
        self.base = confine.address_space()
        gc.collect()
        gc.freeze()

    def serve(self) -> None:
        """Until the owner is gone."""
        self.control.settimeout(PATIENCE)
        while True:
            try:
                order, descriptors, _, _ = socket.recv_fds(self.control, 1, 3)
            except TimeoutError:
                if self.owner and os.getppid() != self.owner:
                    break
                continue
            except OSError:
                break
            if order == b"F":
                self.fork(descriptors)
            elif order == b"L":
                self.control.sendall(REPLY.pack(LOOKED, self.look()))
            elif order == b"E":
                self.control.sendall(REPLY.pack(*self.end()))
            else:
                break
        self.end()

    def fork(self, descriptors: list[int]) -> None:
        own = os.getpid()
        try:
            self.child = os.fork()
        except OSError:
            self.child = 0
        if self.child == 0 and os.getpid() != own:
            self.become(own, *descriptors)
        for descriptor in descriptors:
            os.close(descriptor)

    def look(self) -> int:
        """Microseconds of CPU time of the child so far; 0 when there is none."""
        try:
            return int(time.clock_gettime(~self.child << 3 | 2) * 1e6) if self.child else 0  # clock_getcpuclockid(3)
        except OSError:
            return 0

    def end(self) -> tuple[int, int]:
        """End the child and all of its group; (-1, 0) when there is none."""
        if not self.child:
            return -1, 0
        for kill in (os.killpg, os.kill):
            with suppress(ProcessLookupError):
                kill(self.child, signal.SIGKILL)
        _, status, used = os.wait4(self.child, 0)
        self.child = 0
        return status, int((used.ru_utime + used.ru_stime) * 1e6)

    def become(self, parent: int, source: int, output: int, result: int) -> NoReturn:
        """The child: read the program, close all doors, run it; never come back."""
        try:
            with open(source, "rb") as sent:
                task = harness.Task(sent.read())
            for descriptor, place in ((self.null, 0), (output, 1), (self.null, 2), (result, harness.RESULT)):
                os.dup2(descriptor, place)
            os.closerange(harness.RESULT + 1, 64)
            try:
                self.shut(parent)
            except Exception as fault:  # what cannot be held is not run
                harness.write(task.nonce + json.dumps({"error": "OSError", "message": f"not run: {fault}"}).encode())
            else:
                harness.run(task, self.settings["modules"])
        finally:
            os._exit(0)

    def shut(self, parent: int) -> None:
        """Give up all that a program must not have.

        Raises:
            OSError, ValueError: it cannot be given up.
        """
        os.setsid()
        try:
            confine.be_nobody()
        except OSError:
            if self.gate is None:  # the filter needs no other user, but limits do
                raise
        confine.no_capabilities()
        confine.hide()
        confine.die_with(parent)
        confine.limit(cpu_seconds=self.settings["cpu_seconds"], memory=self.settings["memory"], base=self.base)
        if self.gate:
            self.gate.shut()


def load(modules: list[str], paths: list[str]) -> None:
    """Import what programs may import; `paths` are where those are that are not Python's own."""
    sys.path.extend(paths)
    for name in (*modules, *BESIDE):
        importlib.import_module(name)
        for part in PARTS.get(name, "").split():
            with suppress(ImportError):  # other versions have others
                importlib.import_module(f"{name}.{part}")
    sys.path[:] = [path for path in sys.path if path not in {*paths, sys.argv[2]}]
    warnings.simplefilter("ignore")


def nowhere(folder: str) -> None:
    """Work in a folder that exists no more: nothing can be put into it, and nothing is left of it."""
    try:
        own = f"{folder}/lema-{os.getpid()}-{os.urandom(8).hex()}"
        os.mkdir(own, 0o700)  # noqa: PTH102
        os.chdir(own)
        os.rmdir(own)  # noqa: PTH106
    except OSError:
        os.chdir("/")


def receive(control: socket.socket, count: int) -> bytes:
    found = b""
    while len(found) < count:
        chunk = control.recv(count - len(found))
        if not chunk:
            sys.exit(0)
        found += chunk
    return found


def tell(control: socket.socket, said: dict[str, Any]) -> None:
    body = json.dumps(said).encode()
    control.sendall(LENGTH.pack(len(body)) + body)


def main() -> None:
    # The owner may have had many files open: a child closes all doors among the first numbers.
    os.dup2(int(sys.argv[1]), CONTROL)
    os.closerange(CONTROL + 1, int(sys.argv[1]) + 1)
    control = socket.socket(fileno=CONTROL)
    os.environ.clear()
    settings = json.loads(receive(control, *LENGTH.unpack(receive(control, LENGTH.size))))
    try:
        server = Server(control, settings)
    except Exception as fault:
        tell(control, {"broken": f"{type(fault).__name__}: {fault}"})
        return
    tell(control, {"ready": True})
    server.serve()
    os._exit(0)  # at once, for somebody waits


if __name__ == "__main__":
    main()
