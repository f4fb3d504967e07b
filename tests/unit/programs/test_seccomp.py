"""The filter of system calls, step by step, for both architectures."""

from __future__ import annotations

import re
import struct
from pathlib import Path

import pytest

from lema.programs import seccomp
from lema.programs.seccomp import ALLOW, EPERM, KILL, MACHINES, Machine, assemble

HEADERS = {
    "x86_64": Path("/usr/include/x86_64-linux-gnu/asm/unistd_64.h"),
    "aarch64": Path("/usr/include/asm-generic/unistd.h"),
}
#: Calls by which a program would reach something, with their numbers.
FORBIDDEN = {
    "x86_64": {"open": 2, "openat": 257, "openat2": 437, "socket": 41, "clone": 56, "fork": 57, "clone3": 435}
    | {"execve": 59, "execveat": 322, "kill": 62, "tgkill": 234, "ptrace": 101, "prctl": 157, "setrlimit": 160}
    | {"rt_sigaction": 13, "rt_sigprocmask": 14, "setitimer": 38, "io_uring_setup": 425, "bpf": 321, "unshare": 272}
    | {
        "process_vm_readv": 310,
        "memfd_create": 319,
        "sendmsg": 46,
        "dup2": 33,
        "ioctl": 16,
        "stat": 4,
        "getrandom": 318,
    },
    "aarch64": {"openat": 56, "openat2": 437, "socket": 198, "clone": 220, "clone3": 435, "execve": 221, "kill": 129}
    | {"ptrace": 117, "prctl": 167, "rt_sigaction": 134, "setitimer": 103, "unshare": 97, "sendmsg": 211, "dup3": 24},
}


def verdict(machine: Machine, number: int, arguments: tuple[int, ...] = (), audit: int | None = None) -> int:
    """What the kernel would do, by running the filter as the kernel does."""
    data = struct.pack("=iIQ", number, machine.audit if audit is None else audit, 0)
    data += struct.pack("=6Q", *(*arguments, 0, 0, 0, 0, 0, 0)[:6])
    steps = list(struct.iter_unpack("=HBBI", assemble(machine)))
    at = held = 0
    while True:
        code, yes, no, operand = steps[at]
        at += 1
        if code == seccomp.RETURN:
            return operand
        if code == seccomp.LOAD:
            (held,) = struct.unpack_from("=I", data, operand)
        elif code == seccomp.AND:
            held &= operand
        else:
            tests = {seccomp.EQUAL: held == operand, seccomp.ATLEAST: held >= operand}
            holds = {**tests, seccomp.ANYBIT: bool(held & operand)}[code]
            at += yes if holds else no


@pytest.fixture(params=MACHINES)
def name(request: pytest.FixtureRequest) -> str:
    found: str = request.param
    return found


def test_what_a_program_needs_is_allowed_and_nothing_else(name: str) -> None:
    machine = MACHINES[name]
    allowed = {number for number in range(600) if verdict(machine, number) == ALLOW}
    listed = {machine.calls[call] for call in seccomp.ALWAYS.split()}
    assert allowed == listed | {machine.calls[call] for call in ("mmap", "mprotect", "futex")}
    assert {verdict(machine, number) for number in FORBIDDEN[name].values()} == {EPERM}


def test_calls_of_other_conventions_kill(name: str) -> None:
    machine = MACHINES[name]
    assert verdict(machine, machine.calls["read"], audit=0x40000003) == KILL  # i386
    assert verdict(machine, -1) in (KILL, EPERM)
    if machine.foreign is not None:
        assert verdict(machine, machine.foreign + 1) == KILL


def test_memory_cannot_be_made_executable(name: str) -> None:
    machine = MACHINES[name]
    for call in ("mmap", "mprotect"):
        assert verdict(machine, machine.calls[call], (0, 4096, 3)) == ALLOW
        assert verdict(machine, machine.calls[call], (0, 4096, 7)) == EPERM
        assert verdict(machine, machine.calls[call], (0, 4096, 4)) == EPERM


def test_locks_can_be_waited_for_and_nothing_more(name: str) -> None:
    machine = MACHINES[name]
    for operation in range(16):
        for flags in (0, 128, 256, 384):
            wanted = ALLOW if operation in (0, 1, 9, 10) else EPERM
            assert verdict(machine, machine.calls["futex"], (0, operation | flags)) == wanted


def test_numbers_are_those_of_the_kernel(name: str) -> None:
    if not HEADERS[name].exists():
        pytest.skip("the kernel's headers are not installed")
    text = HEADERS[name].read_text()
    theirs = dict(re.findall(r"#define __NR(?:3264)?_(\w+)\s+(\d+)", text))
    for call, number in MACHINES[name].calls.items() | FORBIDDEN[name].items():
        assert int(theirs[call]) == number, call
