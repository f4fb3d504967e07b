"""What the process of one program gives up before it runs it: rights, resources, time.

This runs inside the sandbox: the standard library only.
"""

from __future__ import annotations

import ctypes
import math
import mmap
import os
import resource
import signal
from contextlib import suppress

NOBODY = 65534
PR_SET_PDEATHSIG, PR_SET_DUMPABLE, PR_SET_NO_NEW_PRIVS = 1, 4, 38


#: Made once, before the fork: each child would pay for it.
LIBC = ctypes.CDLL(None, use_errno=True)
PRCTL, CAPSET = getattr(LIBC, "prctl", None), getattr(LIBC, "capset", None)
if PRCTL is not None:
    PRCTL.argtypes = [ctypes.c_int] + [ctypes.c_ulong] * 4
CAPABILITIES = (ctypes.c_uint32 * 2)(0x20080522, 0)  # version 3, this thread
NONE = (ctypes.c_uint32 * 6)()


def prctl(option: int, value: int, pointer: int = 0) -> None:
    """Raises OSError when the kernel refuses, or is not Linux."""
    if PRCTL is None:
        raise OSError(f"no prctl on {os.uname().sysname}")
    if PRCTL(option, value, pointer, 0, 0) != 0:
        code = ctypes.get_errno()
        raise OSError(code, f"prctl({option}, {value}): {os.strerror(code)}")


def hide() -> None:
    """No process of the same user may trace this one or look into its memory."""
    with suppress(OSError):
        prctl(PR_SET_DUMPABLE, 0)


def die_with(parent: int) -> None:
    """Be killed when the parent dies, which may have happened already."""
    with suppress(OSError):
        prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
    if os.getppid() != parent:
        os._exit(1)


def be_nobody() -> None:
    """Leave root for the user that owns nothing.

    Raises:
        OSError: this root may not change users.
    """
    if os.geteuid() == 0:
        os.setgroups([])
        os.setresgid(NOBODY, NOBODY, NOBODY)
        os.setresuid(NOBODY, NOBODY, NOBODY)


def no_capabilities() -> None:
    """Give up what root of a namespace may do, and gain nothing by programs that would give more."""
    with suppress(OSError):
        prctl(PR_SET_NO_NEW_PRIVS, 1)
    if CAPSET is not None:
        CAPSET(CAPABILITIES, NONE)


def address_space() -> int:
    """Bytes of address space of this process, to a MiB: the least limit under which it can have one more page.

    There is no /proc to be asked at every level.
    """
    hard = resource.getrlimit(resource.RLIMIT_AS)
    low, high = 0, 2**40
    while high - low > 2**20:
        middle = (low + high) // 2
        try:
            resource.setrlimit(resource.RLIMIT_AS, (middle, hard[1]))
            mmap.mmap(-1, resource.getpagesize()).close()
            high = middle
        except (OSError, MemoryError, ValueError):
            low = middle
    resource.setrlimit(resource.RLIMIT_AS, hard)
    return high


def limit(*, cpu_seconds: float, memory: int, base: int) -> None:
    """Limits of the kernel: CPU time, `memory` bytes beside the `base` of the interpreter, and nothing of the rest."""
    signal.setitimer(signal.ITIMER_PROF, cpu_seconds)  # kills by SIGPROF; the next line is for those who block it
    seconds = math.floor(cpu_seconds) + 1
    for name, most in (
        ("CPU", seconds),
        ("AS", base + memory),
        ("FSIZE", 0),
        ("CORE", 0),
        ("NPROC", 0),
        ("NOFILE", 16),
        ("MEMLOCK", 0),
        ("MSGQUEUE", 0),
    ):
        number = getattr(resource, f"RLIMIT_{name}", None)
        if number is None:
            continue
        hard = resource.getrlimit(number)[1]
        least = most if hard == resource.RLIM_INFINITY else min(most, hard)
        resource.setrlimit(number, (least, least))
