"""What the owner makes of what a process left behind, whatever that is."""

from __future__ import annotations

import json
import signal

import pytest

from lema.programs.program import Outcome, Status
from lema.programs.verdicts import Left, Limits, judge

NONCE = b"0123456789abcdef0123456789abcdef"
LIMITS = Limits(cpu_seconds=2.0, wall_seconds=9.0, output_bytes=100)
CRASHED, KILLED, TIMED = int(signal.SIGSEGV), int(signal.SIGKILL), int(signal.SIGPROF)


def left(result: bytes = b"", output: bytes = b"", stopped: Status | None = None) -> Left:
    return Left(output=bytearray(output), result=bytearray(result), stopped=stopped)


def outcome(held: Left, status: int = 0, seconds: float = 0.5) -> Outcome:
    return judge(held, NONCE, status, seconds, LIMITS, "seccomp")


def framed(**told: object) -> bytes:
    return NONCE + json.dumps(told).encode()


@pytest.mark.parametrize(
    "result",
    [
        b"",
        NONCE,
        b'{"value": "1"}',
        b"f" * 32 + b'{"value": "1"}',
        NONCE + b"[" * 10_000,
        NONCE + b'{"value": ["1"]}',
        NONCE + b'{"value": "1", "status": "ok", "level": "full"}',
        NONCE + b'{"value": "1"}{"value": "2"}',
        NONCE + b'{"value": "\xff"}',
        NONCE + b'{"line": 1e400}',
        b"\x80\x04cposix\nsystem\n.",
    ],
)
def test_what_is_no_result_is_an_error_whatever_it_is(result: bytes) -> None:
    found = outcome(left(result))
    assert (found.status, found.value) == (Status.ERROR, None)
    assert "without a result" in found.message


@pytest.mark.parametrize(
    ("status", "seconds", "wanted"),
    [
        (TIMED, 2.0, Status.TIMEOUT),
        (int(signal.SIGXCPU), 3.0, Status.TIMEOUT),
        (KILLED, 3.0, Status.TIMEOUT),
        (KILLED, 0.1, Status.KILLED),
        (CRASHED, 0.1, Status.KILLED),
    ],
)
def test_a_signal_is_a_timeout_only_when_the_time_was_used(status: int, seconds: float, wanted: Status) -> None:
    found = outcome(left(output=b"so far"), status, seconds)
    assert found.status is wanted
    assert found.printed == ("" if wanted is Status.TIMEOUT else "so far")


def test_a_result_counts_even_when_its_process_ended_badly() -> None:
    assert outcome(left(framed(value="3", via="solution")), CRASHED).value == "3"


def test_what_we_ended_is_what_we_say_whatever_it_wrote() -> None:
    assert outcome(left(framed(value="3"), stopped=Status.OUTPUT)).status is Status.OUTPUT
    assert outcome(left(framed(value="3"), stopped=Status.TIMEOUT)).status is Status.TIMEOUT


def test_a_value_that_is_too_long_is_output() -> None:
    assert outcome(left(framed(value="é" * 60))).status is Status.OUTPUT
    assert outcome(left(framed(value="e" * 60))).status is Status.OK


def test_out_of_memory_is_a_status_of_its_own() -> None:
    assert outcome(left(framed(error="MemoryError"))).status is Status.MEMORY


def test_the_last_line_printed_is_the_value_by_that_entry() -> None:
    held = left(framed(via="printed"), b"one\n two \n\n")
    assert outcome(held).value == " two "
    assert outcome(left(framed(via="printed"))).value is None


def test_addresses_of_objects_are_no_part_of_an_outcome() -> None:
    said = "<function solution at 0x7f00aabbccdd>"
    found = outcome(left(framed(value=said, message=said), said.encode() + b"\xff"))
    assert found.value == found.message == "<function solution at 0x...>"
    assert found.printed == "<function solution at 0x...>\ufffd"
