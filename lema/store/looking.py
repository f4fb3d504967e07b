"""Who works on a stage, and how far it is: for people who look from outside."""

from __future__ import annotations

from pathlib import Path

import msgspec

from lema.store.holder import Holder
from lema.store.lease import Watch, entries, takeable
from lema.store.sharing import claims
from lema.store.work import PROGRESS, Progress


def holder(home: Path, shared: Path, watch: Watch) -> Holder | None:
    """Who works on a stage now, one of them if they are several; None when nobody is known to.

    Args:
        home: the folder of its lease.
        shared: the folder of its parts, when several processes make them.
    """
    for entry in entries(home):
        if not takeable(entry, watch) and entry.holder is not None:
            return msgspec.structs.replace(entry.holder, progress=read_progress(home / entry.name))
    for entry in (entry for claim in claims(shared) for entry in entries(claim)):
        if not takeable(entry, watch) and entry.holder is not None:
            return msgspec.structs.replace(entry.holder, progress=read_progress(shared))
    return None


def progress(home: Path, shared: Path) -> tuple[int, int] | None:
    """(done, total) of unfinished work, whether or not somebody is at it."""
    for entry in entries(home):
        return read_progress(home / entry.name)
    return read_progress(shared)


def read_progress(folder: Path) -> tuple[int, int] | None:
    """What the work in a folder said last of how far it is."""
    try:
        told = msgspec.json.decode((folder / PROGRESS).read_bytes(), type=Progress)
    except (FileNotFoundError, msgspec.DecodeError, UnicodeDecodeError):
        return None
    return told.done, told.total
