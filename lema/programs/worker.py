"""The owner's side of one forking process: starting it, giving it programs, hearing how they ended."""

from __future__ import annotations

import json
import os
import secrets
import socket
import struct
import subprocess
import tempfile
from contextlib import ExitStack, suppress
from typing import Any

import msgspec

from lema.programs.levels import ENVIRONMENT, Level, command
from lema.programs.program import Program

REPLY = struct.Struct("=iq")
LOOKED = -2  # instead of an exit status: an answer to `look`
LENGTH = struct.Struct("=I")
START = 300.0  # seconds in which a process must be ready, on a busy machine
CHUNK = 65536


class Died(Exception):
    """The process is gone, or never came; the text says why where that is known."""


class Greeting(msgspec.Struct):
    """What the process says first."""

    ready: bool = False
    broken: str = ""


class Worker:
    """One forking process; `settings` is what it needs to know of the sandbox.

    Raises:
        OSError: it cannot be started.
    """

    def __init__(self, level: Level, settings: dict[str, Any]) -> None:
        self.control, theirs = socket.socketpair()
        try:
            self.process = subprocess.Popen(
                command(level, theirs.fileno(), settings["paths"]),
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL,
                env=ENVIRONMENT,
                cwd="/",
                pass_fds=[theirs.fileno()],
                start_new_session=True,  # Ctrl-C is for the owner
            )
        except BaseException:
            self.control.close()
            raise
        finally:
            theirs.close()
        self.greeted = False
        self.heard = b""
        body = json.dumps({**settings, "level": level.name}).encode()
        self.control.settimeout(START)
        with suppress(OSError):  # it died at once; the next word to it says so
            self.control.sendall(LENGTH.pack(len(body)) + body)

    def begin(self, program: Program, nonce: bytes) -> tuple[int, int]:
        """Start a program; the ends of the pipes of its output and of its result.

        Raises:
            Died: the process is gone.
        """
        with ExitStack() as theirs, ExitStack() as ours:
            given = [paper()]
            theirs.callback(os.close, given[0])
            os.write(given[0], b"\n".join((nonce, program.entry.encode(), program.source.encode())))
            os.lseek(given[0], 0, os.SEEK_SET)
            kept = []
            for _ in ("output", "result"):
                end, other = os.pipe()
                theirs.callback(os.close, other)
                ours.callback(os.close, end)
                given.append(other)
                kept.append(end)
            try:
                socket.send_fds(self.control, [b"F"], given)
            except OSError as fault:
                raise Died(str(fault)) from None
            ours.pop_all()
            return kept[0], kept[1]

    def end(self) -> None:
        """Ask for the end of the program; `replies` has the answer once the socket is readable."""
        self.say(b"E")

    def look(self) -> None:
        """Ask how much CPU time the program had: `replies` gives LOOKED, and microseconds."""
        self.say(b"L")

    def say(self, order: bytes) -> None:
        try:
            self.control.sendall(order)
        except OSError as fault:
            raise Died(str(fault)) from None

    def replies(self) -> list[tuple[int, int]]:
        """Read what is there: exit status and microseconds of CPU time of the program that was ended, for one.

        Raises:
            Died: it is gone or broken.
        """
        try:
            chunk = self.control.recv(CHUNK)
        except OSError as fault:
            raise Died(str(fault)) from None
        if not chunk:
            raise Died("it ended without a word")
        self.heard += chunk
        if not self.greeted and not self.greet():
            return []
        whole = len(self.heard) - len(self.heard) % REPLY.size
        found = [*REPLY.iter_unpack(self.heard[:whole])]
        self.heard = self.heard[whole:]
        return found

    def greet(self) -> bool:
        """Whether the greeting has come whole."""
        if len(self.heard) < LENGTH.size:
            return False
        end = LENGTH.size + LENGTH.unpack(self.heard[: LENGTH.size])[0]
        if len(self.heard) < end:
            return False
        greeting = msgspec.json.decode(self.heard[LENGTH.size : end], type=Greeting)
        if not greeting.ready:
            raise Died(greeting.broken)
        self.greeted, self.heard = True, self.heard[end:]
        return True

    def close(self) -> None:
        """End the process and all that it started.

        It ends by itself, so that whatever stands between it and us (bubblewrap, the process outside its
        namespace) can wait for it: else a corpse would be left to the first process of the machine.
        """
        self.control.close()  # which it takes as the order to end its program and itself
        try:
            self.process.wait(10)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()

    def kill(self) -> None:
        """The same for one that may not listen."""
        self.process.kill()
        self.close()


def paper() -> int:
    """A descriptor of a file without a name."""
    if hasattr(os, "memfd_create"):
        return os.memfd_create("program", os.MFD_CLOEXEC)
    with tempfile.TemporaryFile() as file:
        return os.dup(file.fileno())


def nonce() -> bytes:
    """What only the owner and one program's own process know: 32 hex digits."""
    return secrets.token_hex(16).encode()
