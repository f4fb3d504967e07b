"""From what a process left behind to the outcome of its program."""

from __future__ import annotations

import os
import re
import signal
from dataclasses import dataclass, field

import msgspec

from lema.programs.program import Outcome, Status

#: What Python prints of objects without a text of their own differs from process to process.
ADDRESS = re.compile(r"\bat 0x[0-9a-f]{6,16}\b")
SLACK = 16384  # bytes of a result beside the value


@dataclass(frozen=True)
class Limits:
    """What a program may use."""

    cpu_seconds: float
    wall_seconds: float
    output_bytes: int


class Told(msgspec.Struct, forbid_unknown_fields=True):
    """What the process of a program says of it. A program may have written this itself: it is only ever text."""

    value: str | None = None
    via: str = ""
    error: str = ""
    message: str = ""
    line: int | None = None


@dataclass
class Left:
    """What has come through the pipes of a program so far."""

    output: bytearray = field(default_factory=bytearray)
    result: bytearray = field(default_factory=bytearray)
    stopped: Status | None = None  # why we ended it, when we did


def read(sent: bytes, nonce: bytes) -> Told | None:
    """The result, if it is one: it begins with the nonce, has the fields, and nothing else."""
    if not sent.startswith(nonce):
        return None
    try:
        return msgspec.json.decode(sent[len(nonce) :], type=Told)
    except (msgspec.DecodeError, UnicodeDecodeError):
        return None


def judge(left: Left, nonce: bytes, status: int, seconds: float, limits: Limits, level: str) -> Outcome:
    """The outcome of a program that has ended."""
    printed = clean(left.output[: limits.output_bytes].decode(errors="replace"))

    def ended(status: Status, message: str, printed: str = printed) -> Outcome:
        return Outcome(status=status, level=level, message=message, printed=printed, seconds=seconds)

    if left.stopped is Status.OUTPUT:
        return ended(Status.OUTPUT, f"more than {limits.output_bytes:,} bytes of output")
    if left.stopped is Status.TIMEOUT:
        return ended(Status.TIMEOUT, f"asleep after {limits.wall_seconds:g} seconds", "")
    told = read(bytes(left.result), nonce)
    if told is None:
        number = os.WTERMSIG(status) if os.WIFSIGNALED(status) else 0
        if number in (signal.SIGPROF, signal.SIGXCPU) or (number == signal.SIGKILL and seconds >= limits.cpu_seconds):
            return ended(Status.TIMEOUT, f"{limits.cpu_seconds:g} seconds of CPU time", "")
        if number:
            return ended(Status.KILLED, f"ended by {signal.Signals(number).name}")
        return Outcome(
            status=Status.ERROR,
            level=level,
            error="SystemExit",
            message="it ended its process without a result",
            printed=printed,
            seconds=seconds,
        )
    value, via = told.value, told.via
    if via == "printed":
        value = next((line for line in reversed(printed.splitlines()) if line.strip()), None)
    if value is not None and len(value.encode()) > limits.output_bytes:
        return ended(Status.OUTPUT, f"a value of more than {limits.output_bytes:,} bytes")
    return Outcome(
        status=state(told),
        level=level,
        value=None if value is None else clean(value),
        via=via,
        printed=printed,
        error=told.error,
        message=clean(told.message),
        line=told.line,
        seconds=seconds,
    )


def state(told: Told) -> Status:
    if told.error == "MemoryError":
        return Status.MEMORY
    return Status.ERROR if told.error else Status.OK


def clean(text: str) -> str:
    """Text without addresses of objects."""
    return ADDRESS.sub("at 0x...", text)
