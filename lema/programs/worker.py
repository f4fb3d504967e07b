"""The owner's side of one forking process: starting it, giving it programs, hearing how they ended."""

from __future__ import annotations

import json
import os
import secrets
import socket
import struct
import subprocess
import tempfile
from contextlib import suppress
from typing import Any

import msgspec

from lema.programs.levels import ENVIRONMENT, Level, command
from lema.programs.program import Program

REPLY = struct.Struct("=iq")
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
                command(level, theirs.fileno()),
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
        held: list[int] = []
        try:
            source = paper()
            held.append(source)
            os.write(source, b"\n".join((nonce, program.entry.encode(), program.source.encode())))
            os.lseek(source, 0, os.SEEK_SET)
            output, theirs_output = os.pipe()
            held.append(theirs_output)
            result, theirs_result = os.pipe()
            held.append(theirs_result)
            try:
                socket.send_fds(self.control, [b"F"], held)
            except OSError as fault:
                os.close(output)
                os.close(result)
                raise Died(str(fault)) from None
            return output, result
        finally:
            for descriptor in held:
                os.close(descriptor)

    def end(self) -> None:
        """Ask for the end of the program; `reply` has the answer once the socket is readable."""
        try:
            self.control.sendall(b"E")
        except OSError as fault:
            raise Died(str(fault)) from None

    def reply(self) -> tuple[int, int] | None:
        """Read what is there: exit status and microseconds of CPU time of the program that was ended, if said.

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
            return None
        if len(self.heard) < REPLY.size:
            return None
        found = REPLY.unpack(self.heard[: REPLY.size])
        self.heard = self.heard[REPLY.size :]
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
        """End the process and all that it started."""
        self.control.close()  # which it takes as the order to end its program and itself
        try:
            self.process.wait(10)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()

    def kill(self) -> None:
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
