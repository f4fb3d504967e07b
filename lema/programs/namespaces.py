"""A world without files, network and other processes, made of the kernel's namespaces.

This runs inside the sandbox: the standard library only.
"""

from __future__ import annotations

import ctypes
import os
import signal
from typing import NoReturn

from lema.programs.confine import LIBC, PR_SET_DUMPABLE, PR_SET_PDEATHSIG, prctl

NEWNS, NEWUTS, NEWIPC, NEWUSER, NEWPID, NEWNET = 0x20000, 0x4000000, 0x8000000, 0x10000000, 0x20000000, 0x40000000
RDONLY, NOSUID, NODEV, NOEXEC, REMOUNT, REC, PRIVATE = 1, 2, 4, 8, 32, 0x4000, 0x40000
MNT_DETACH = 2
PIVOT_ROOT = {"x86_64": 155, "aarch64": 41}
ROOM = "/tmp"  # any folder will do: an empty one is put over it, in this namespace only


def enter() -> None:
    """Go on as the first process of a new world; the process that was before waits for it.

    An ordinary user becomes, for a moment, root of a user namespace; root needs none.

    Raises:
        OSError: this kernel, or the site, does not let us.
    """
    user, group, root = os.getuid(), os.getgid(), os.geteuid() == 0
    prctl(PR_SET_DUMPABLE, 1)  # else the maps of our own user namespace are not ours to write
    kinds = NEWNS | NEWUTS | NEWIPC | NEWPID | NEWNET | (0 if root else NEWUSER)
    demand(LIBC.unshare(kinds), "unshare")
    if not root:
        for name, line in (("setgroups", "deny"), ("uid_map", f"{user} {user} 1"), ("gid_map", f"{group} {group} 1")):
            with open(f"/proc/self/{name}", "w") as table:  # noqa: PTH123
                table.write(line)
    empty_root()
    first = os.fork()
    if first:
        stand_by(first)
    prctl(PR_SET_PDEATHSIG, signal.SIGKILL)  # the world ends with the process before


def empty_root() -> None:
    """An empty folder that cannot be written as the root of all files."""
    flags = NOSUID | NODEV | NOEXEC
    demand(LIBC.mount(b"none", b"/", None, REC | PRIVATE, None), "mount private")
    demand(LIBC.mount(b"none", ROOM.encode(), b"tmpfs", flags, b"size=4k,nr_inodes=2,mode=555"), "mount tmpfs")
    os.chdir(ROOM)
    demand(LIBC.syscall(PIVOT_ROOT[os.uname().machine], b".", b"."), "pivot_root")
    demand(LIBC.umount2(b".", MNT_DETACH), "umount2")
    os.chdir("/")
    demand(LIBC.mount(b"none", b"/", None, REMOUNT | RDONLY | flags, None), "mount read-only")


def demand(result: int, what: str) -> None:
    if result != 0:
        code = ctypes.get_errno()
        raise OSError(code, f"{what}: {os.strerror(code)}")


def stand_by(first: int) -> NoReturn:
    """Wait for the first process of the new world, holding nothing; end with the one that started us."""
    owner = os.getppid()
    os.closerange(3, 64)
    signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGCHLD})
    while os.waitpid(first, os.WNOHANG) == (0, 0) and os.getppid() == owner:
        signal.sigtimedwait({signal.SIGCHLD}, 5)
    os._exit(0)  # which kills the first process, and with it all of its world
