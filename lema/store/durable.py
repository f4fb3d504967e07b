"""Files that are whole or absent, and disks that say what is wrong with them."""

from __future__ import annotations

import errno
import os
import secrets
import shutil
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from lema.base.errors import InputError, StoreError

FULL = (errno.ENOSPC, errno.EDQUOT)
SICK = (*FULL, errno.EIO, errno.EROFS, errno.ESTALE)  # a disk's own faults, also when no file is named
CLOSED = (
    *SICK,
    errno.EACCES,
    errno.EPERM,
    errno.ENOTDIR,
    errno.ELOOP,
    errno.ENAMETOOLONG,
)  # the store's, when a file of it is named
TEMPORARY = ".*.tmp"


def write_whole(path: Path, chunks: Iterable[bytes], *, sync: bool = True) -> None:
    """Write a file that appears under its name only when all of it is there.

    The folder must exist: it is never made here, since a folder that is gone means that another
    process has taken the work over.
    """
    temporary = path.with_name(f".{path.name}.{secrets.token_hex(4)}.tmp")
    try:
        with temporary.open("xb") as out:
            for chunk in chunks:
                out.write(chunk)
            if sync:
                out.flush()
                os.fsync(out.fileno())
        temporary.replace(path)
    except BaseException:
        with suppress(OSError):
            temporary.unlink()
        raise
    if sync:
        sync_one(path.parent)


def write_once(path: Path, content: bytes, option: str) -> None:
    """Write a file on which people go on working, and never over one that is there.

    Args:
        option: the setting that names the file, for messages.

    Raises:
        InputError: another file is there already, or it cannot be written.
    """
    try:
        if path.is_file() and path.read_bytes() == content:
            return
        if path.exists():
            raise InputError(
                f"{option}: {path} is there already, and somebody's work may be in it; name another with {option}="
            )
        write_whole(path, [content])
    except OSError as fault:
        raise InputError(f"{option}: {path} cannot be written: {fault.strerror}") from None


def sync_one(path: Path) -> None:
    """Make a file's content, or a folder's list of names, survive a power cut."""
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def sync_tree(folder: Path) -> None:
    """`sync_one` for everything below a folder, and for the folder."""
    for here, _, names in os.walk(folder, topdown=False):
        for name in names:
            sync_one(Path(here, name))
        sync_one(Path(here))


def rename(source: Path, target: Path, landed: Callable[[], bool]) -> bool:
    """Rename; False when something else is at the target, or the source is gone.

    NFS repeats a request whose answer was lost, and then reports that the source is missing
    although the first request moved it. So after an error `landed` is asked whether what is at the
    target is ours.
    """
    try:
        source.rename(target)
    except OSError as fault:
        if landed():
            return True
        if fault.errno in (errno.ENOTEMPTY, errno.EEXIST, errno.ENOENT):
            return False
        raise
    return True


def make_below(base: Path, relative: Path) -> Path:
    """The folder `base / relative`, made if needed; `base` itself must exist."""
    folder = base
    for name in relative.parts:
        folder = folder / name
        folder.mkdir(exist_ok=True)
    return folder


def size_of(path: Path) -> int:
    """Bytes of a file, or of all files below a folder; what vanishes meanwhile counts nothing."""
    if not path.is_dir():
        return path.lstat().st_size if path.exists() else 0
    total = 0
    for here, _, names in os.walk(path):
        for name in names:
            with suppress(OSError):
                total += Path(here, name).lstat().st_size
    return total


def remove_tree(folder: Path) -> None:
    """Remove what can be removed; the rest is left for a later clean-up."""
    shutil.rmtree(folder, ignore_errors=True)


@contextmanager
def disk_errors(root: Path) -> Iterator[None]:
    """Turn what the disk says about anything below `root` into one clear error.

    Other errors, such as a missing file, pass: they are for the caller, who knows what the file was.

    Raises:
        StoreError: no room, no permission, read-only, not a folder, failing hardware.
    """
    try:
        yield
    except OSError as fault:
        place = Path(os.fsdecode(fault.filename)) if isinstance(fault.filename, str | bytes) else None
        ours = place is not None and place.is_relative_to(root) and fault.errno in CLOSED
        full = fault.errno in FULL
        if not (ours or full or (place is None and fault.errno in SICK)):
            raise
        message = no_room(place or root, fault) if full else denied(place or root, root, fault)
        raise StoreError(message) from fault


def no_room(place: Path, fault: OSError) -> str:
    """What to say when the disk of `place` is full."""
    disk = place
    while not disk.exists() and disk != disk.parent:
        disk = disk.parent
    free = shutil.disk_usage(disk).free / 2**20
    what = "the quota is used up" if fault.errno == errno.EDQUOT else "the disk is full"
    return (
        f"{place}: {what} ({mount_point(disk)} has {free:,.1f} MiB free). Everything finished so far is kept. "
        "Make room (`lema mode=gc` lists what the store can spare), then run the same command again: it goes on from "
        "there."
    )


def denied(place: Path, root: Path, fault: OSError) -> str:
    """What to say when the store cannot be used for another reason."""
    return (
        f"cannot use the store {root}: {place}: {fault.strerror}. "
        "Make that folder readable and writable for this user, or choose another folder for the store."
    )


def mount_point(path: Path) -> Path:
    """Where the file system that holds `path` is mounted."""
    path = path.resolve()
    while not path.is_mount() and path != path.parent:
        path = path.parent
    return path
