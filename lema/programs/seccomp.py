"""The system calls that a program may make, as a filter for the kernel (classic BPF), and its installation.

Everything that is not listed fails with EPERM, so that an honest program which tries more gets an
exception that names what it tried; calls in the convention of another architecture kill. The list has no call
that opens, makes, signals or looks at anything: a program can compute, have memory, write to what is open for it,
look at the clock, sleep and end. Memory that is executable cannot be had.

This runs inside the sandbox: the standard library only.
"""

from __future__ import annotations

import ctypes
import errno
import os
import struct
from collections.abc import Iterator
from typing import NamedTuple

from lema.programs.confine import prctl

KILL, EPERM, ALLOW = 0x80000000, 0x00050000 | errno.EPERM, 0x7FFF0000
LOAD, EQUAL, ATLEAST, ANYBIT, AND, RETURN = 0x20, 0x15, 0x35, 0x45, 0x54, 0x06  # opcodes: ld, jeq, jge, jset, and, ret
NUMBER, ARCHITECTURE, ARGUMENTS = 0, 4, 16  # offsets in struct seccomp_data
PROT_EXEC = 4
FUTEX_PLAIN = ~(128 | 256) & 0xFFFFFFFF  # without the flags PRIVATE and CLOCK_REALTIME
FUTEX_WAITS = (0, 1, 9, 10)  # WAIT, WAKE, WAIT_BITSET, WAKE_BITSET

ALWAYS = (
    "read write close munmap brk mremap madvise rt_sigreturn restart_syscall exit exit_group getpid gettid "
    "clock_gettime clock_getres clock_nanosleep nanosleep gettimeofday getrusage times sched_yield"
)


class Machine(NamedTuple):
    """One architecture: its AUDIT_ARCH number, the first number of foreign calls, its numbers of calls."""

    audit: int
    foreign: int | None
    calls: dict[str, int]


def _calls(table: str) -> dict[str, int]:
    pairs = (item.split("=") for item in table.split())
    return {name: int(number) for name, number in pairs}


MACHINES = {
    "x86_64": Machine(
        0xC000003E,
        0x40000000,  # the x32 convention
        _calls(
            "read=0 write=1 close=3 mmap=9 mprotect=10 munmap=11 brk=12 rt_sigreturn=15 sched_yield=24 mremap=25 "
            "madvise=28 nanosleep=35 getpid=39 exit=60 gettimeofday=96 getrusage=98 times=100 gettid=186 futex=202 "
            "restart_syscall=219 clock_gettime=228 clock_getres=229 clock_nanosleep=230 exit_group=231"
        ),
    ),
    "aarch64": Machine(
        0xC00000B7,
        None,
        _calls(
            "close=57 read=63 write=64 exit=93 exit_group=94 futex=98 nanosleep=101 clock_gettime=113 clock_getres=114 "
            "clock_nanosleep=115 sched_yield=124 restart_syscall=128 rt_sigreturn=139 times=153 getrusage=165 "
            "gettimeofday=169 getpid=172 gettid=178 brk=214 munmap=215 mremap=216 mmap=222 mprotect=226 madvise=233"
        ),
    ),
}

Step = tuple[int, int, int | str, int | str]  # opcode, operand, where to when true, when false (0: the next step)


def steps(machine: Machine) -> Iterator[Step | str]:
    """The filter as steps; a string is the label of the next step."""
    yield (LOAD, ARCHITECTURE, 0, 0)
    yield (EQUAL, machine.audit, 0, "kill")
    yield (LOAD, NUMBER, 0, 0)
    if machine.foreign is not None:
        yield (ATLEAST, machine.foreign, "kill", 0)
    for name in ALWAYS.split():
        yield (EQUAL, machine.calls[name], "allow", 0)
    yield (EQUAL, machine.calls["mmap"], "protection", 0)
    yield (EQUAL, machine.calls["mprotect"], "protection", 0)
    yield (EQUAL, machine.calls["futex"], "futex", "deny")
    yield "protection"
    yield (LOAD, ARGUMENTS + 8 * 2, 0, 0)
    yield (ANYBIT, PROT_EXEC, "deny", "allow")
    yield "futex"
    yield (LOAD, ARGUMENTS + 8 * 1, 0, 0)
    yield (AND, FUTEX_PLAIN, 0, 0)
    for operation in FUTEX_WAITS:
        yield (EQUAL, operation, "allow", 0)
    yield "deny"
    yield (RETURN, EPERM, 0, 0)
    yield "allow"
    yield (RETURN, ALLOW, 0, 0)
    yield "kill"
    yield (RETURN, KILL, 0, 0)


def assemble(machine: Machine) -> bytes:
    """The filter as an array of struct sock_filter."""
    labels: dict[str, int] = {}
    lines: list[Step] = []
    for step in steps(machine):
        if isinstance(step, str):
            labels[step] = len(lines)
        else:
            lines.append(step)

    def jump(at: int, target: int | str) -> int:
        return labels[target] - at - 1 if isinstance(target, str) else target

    return b"".join(
        struct.pack("=HBBI", code, jump(at, yes), jump(at, no), operand)
        for at, (code, operand, yes, no) in enumerate(lines)
    )


class _Filter(ctypes.Structure):
    _fields_ = [("length", ctypes.c_ushort), ("steps", ctypes.c_char_p)]


class Gate:
    """A filter that is ready to be put on this process.

    Raises:
        OSError: this architecture has no table.
    """

    def __init__(self) -> None:
        name = os.uname().machine
        if name not in MACHINES or ctypes.sizeof(ctypes.c_void_p) != 8:
            raise OSError(errno.ENOSYS, f"no table of system calls for {name}; there are tables for {sorted(MACHINES)}")
        self.code = assemble(MACHINES[name])
        self.filter = _Filter(len(self.code) // 8, self.code)
        self.address = ctypes.addressof(self.filter)

    def shut(self) -> None:
        """Put the filter on this thread and all that comes of it, for good.

        Raises:
            OSError: the kernel has no seccomp filters, or does not let us.
        """
        pr_set_seccomp, mode_filter = 22, 2
        prctl(pr_set_seccomp, mode_filter, self.address)
