"""Leases: who may work on a stage. One rename takes, steals, adopts and fences at once.

`work/<address>/` holds one folder, named by the token of its holder or `free-...`. That folder is
the unfinished work. Whoever renames it to a token of his own holds the lease *and* has the work; the
paths of the former holder are gone, so nothing that he still does can reach it. No flock, and no two
clocks are compared: a heart is silent when its file does not change while *we* watch.

A lease only saves work. That an artifact is whole and published once follows from the rename in
`Store.publish`, with or without leases.
"""

from __future__ import annotations

import logging
import os
import secrets
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import ClassVar

import msgspec

from lema.base.errors import StoreError
from lema.store.durable import remove_tree, rename, write_whole
from lema.store.holder import HELD, Holder, here, is_alive, new_token

NOTE = "lease.json"
FREE = "free-"
log = logging.getLogger(__name__)


class LeaseLost(StoreError):
    """Another process has taken over this one's unfinished work."""

    exit_code: ClassVar[int] = 75  # nothing is wrong with the user's input: run again


class Note(msgspec.Struct, frozen=True, kw_only=True):
    """Lies beside the work: everyone who has held it, the present holder last.

    Its token counts only while it is also the folder's name: between a steal and the thief's own
    note, the old note says nothing about the thief.
    """

    holders: tuple[Holder, ...]
    inputs: tuple[str, ...] = ()  # addresses that the present holder reads


class Entry(msgspec.Struct, frozen=True, kw_only=True):
    """What lies in `work/<address>/`."""

    name: str
    beat: int
    note: Note

    @property
    def holder(self) -> Holder | None:
        last = self.note.holders[-1] if self.note.holders else None
        return last if last is not None and last.token == self.name else None


class Watch:
    """How long each heart has been silent, by this process's own clock."""

    def __init__(self, ttl: float) -> None:
        self.ttl = ttl
        self.seen: dict[str, tuple[int, float, float]] = {}

    def expired(self, entry: Entry) -> bool:
        """Look at a heart; True when it was silent for `ttl`."""
        now = time.monotonic()
        beat, last, silent = self.seen.get(entry.name, (entry.beat, now, 0.0))
        # One look stands for no more than a part of `ttl`: when both processes were stopped together
        # (a suspended terminal), the first one to wake must not take the other for dead.
        silent = 0.0 if beat != entry.beat else silent + min(now - last, self.ttl / 4)
        self.seen[entry.name] = (entry.beat, now, silent)
        return silent > self.ttl


class Lease:
    """The right to work on one stage, and the folder of that work."""

    def __init__(self, home: Path, token: str, ttl: float, note: Note) -> None:
        self.home, self.token, self.ttl, self.note = home, token, ttl, note

    @property
    def folder(self) -> Path:
        return self.home / self.token

    def check(self) -> None:
        """Raise LeaseLost unless the lease is still ours."""
        # The note is opened, not only looked up: on NFS a cached folder keeps its old name for a while.
        entry = look(self.home, self.token)
        if entry is None or entry.holder is None:
            raise LeaseLost(self.lost())

    def lost(self) -> str:
        heirs = [str(e.holder) for e in entries(self.home) if e.holder is not None]
        return (
            f"{self.home.name}: this process ({os.getpid()}) gave no sign of life for more than {self.ttl:g} s, and "
            f"{heirs[0] if heirs else 'another process'} took over its unfinished work in {self.home}. Nothing is "
            "lost: finished parts are used by the other. Run the same command again: it waits for the other's result."
        )

    @contextmanager
    def beating(self) -> Iterator[None]:
        """Show signs of life from a thread of its own."""
        stop = threading.Event()
        thread = threading.Thread(target=self.beat_until, args=(stop,), name=f"lease {self.home.name}", daemon=True)
        thread.start()
        try:
            yield
        finally:
            stop.set()
            thread.join()

    def beat_until(self, stop: threading.Event) -> None:
        while not stop.wait(self.ttl / 6):
            try:
                self.check()
                os.utime(self.folder / NOTE)
            except LeaseLost:
                return  # the working thread finds out by itself at its next write
            except OSError as fault:
                log.warning("%s: no sign of life could be given (%s); trying again", self.home.name, fault)

    def free(self) -> None:
        """Leave the work to whoever comes next; nothing happens if it was taken over."""
        HELD.discard(self.token)
        rename(self.folder, self.home / f"{FREE}{secrets.token_hex(4)}", landed=lambda: False)

    def discard(self) -> None:
        """Give the lease back and remove the work."""
        HELD.discard(self.token)
        trash = self.home.parent / f".trash.{self.home.name}.{self.token}"
        if rename(self.folder, trash, landed=trash.exists):
            with suppress(OSError):
                self.home.rmdir()
            remove_tree(trash)


def acquire(
    home: Path, done: Callable[[], bool], *, ttl: float, poll: float = 0.5, inputs: tuple[str, ...] = ()
) -> Lease | None:
    """Wait until the lease is ours (with the work that lies there), or until `done()` (None)."""
    watch, waiting_for = Watch(ttl), ""
    while not done():
        entry = current(home)
        if entry is not None and not takeable(entry, watch):
            if entry.name != waiting_for:
                waiting_for = entry.name
                log.info("%s: waiting for %s", home.name, entry.holder or "another process")
            time.sleep(poll)
            continue
        lease = fresh(home, ttl, inputs) if entry is None else take(home, entry, ttl, inputs)
        if lease is not None:
            return lease
        time.sleep(min(poll, 0.01))  # somebody was faster
    return None


def fresh(home: Path, ttl: float, inputs: tuple[str, ...] = ()) -> Lease | None:
    """Take the lease of a stage that nobody has begun; None if somebody was faster."""
    token = new_token()
    made = home.parent / f".new.{home.name}.{token}"
    note = Note(holders=(here(token),), inputs=inputs)
    HELD.add(token)
    try:
        (made / token).mkdir(parents=True)
        write_note(made / token, note)
        won = rename(made, home, landed=(home / token / NOTE).exists)
    except BaseException:
        HELD.discard(token)
        remove_tree(made)
        raise
    if not won:
        HELD.discard(token)
        remove_tree(made)
        return None
    return Lease(home, token, ttl, note)


def take(home: Path, entry: Entry, ttl: float, inputs: tuple[str, ...] = ()) -> Lease | None:
    """Take a lease, and the work, from where `entry` left it; None if somebody was faster."""
    token = new_token()
    note = Note(holders=(*entry.note.holders, here(token)), inputs=inputs)
    lease = Lease(home, token, ttl, note)
    HELD.add(token)
    try:
        if rename(home / entry.name, lease.folder, landed=(lease.folder / NOTE).exists):
            write_note(lease.folder, note)
            return lease
    except BaseException:
        with suppress(OSError):
            lease.free()
        raise
    HELD.discard(token)
    return None


def takeable(entry: Entry, watch: Watch | None) -> bool:
    """Whether nobody holds this any more: given back, known to be dead, or silent for too long."""
    if entry.name.startswith(FREE) or is_alive(entry.name) is False:
        return True
    holder, me = entry.holder, here("")
    if holder is not None and me.job is not None and holder.job == me.job and holder.restart < me.restart:
        return True  # an earlier start of this very SLURM job
    return watch is not None and watch.expired(entry)


def current(home: Path) -> Entry | None:
    """What lies in `home`, after sweeping aside what is no work.

    A trainer that outlives its killed parent makes its output folder anew under the old name; what
    comes of that has no note and must neither be taken for a lease nor block one.
    """
    found = entries(home)
    if not found:
        for name in names(home):
            trash = home.parent / f".trash.{home.name}.{new_token()}"
            if look(home, name) is None and rename(home / name, trash, landed=lambda: False):
                remove_tree(trash)
    return found[0] if found else None


def entries(home: Path) -> list[Entry]:
    """Everything in `home` that is work (one, unless somebody copied folders)."""
    return [entry for name in names(home) if (entry := look(home, name)) is not None]


def look(home: Path, name: str) -> Entry | None:
    """One entry, or None if it is gone or no work."""
    try:
        with (home / name / NOTE).open("rb") as note:
            # Opening makes NFS ask the server, so that the time below is not a cached one.
            beat, text = os.fstat(note.fileno()).st_mtime_ns, note.read()
    except (FileNotFoundError, NotADirectoryError):
        return None
    try:
        return Entry(name=name, beat=beat, note=msgspec.json.decode(text, type=Note))
    except (msgspec.DecodeError, UnicodeDecodeError):
        return Entry(name=name, beat=beat, note=Note(holders=()))


def names(home: Path) -> list[str]:
    try:
        return sorted(entry.name for entry in home.iterdir())
    except FileNotFoundError:
        return []


def write_note(folder: Path, note: Note) -> None:
    write_whole(folder / NOTE, [msgspec.json.format(msgspec.json.encode(note), indent=1)], sync=False)
