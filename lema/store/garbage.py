"""What in a store nobody needs any more, and how to remove it without hurting anybody who is at work."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import msgspec

from lema.store.durable import remove_tree, rename, size_of
from lema.store.holder import is_alive, new_token
from lema.store.lease import Entry, Watch, current, entries, names, take, takeable
from lema.store.manifest import MANIFEST, read_manifest
from lema.store.sharing import claims, is_shared_now


class Garbage(msgspec.Struct, frozen=True, kw_only=True):
    """One folder that can go."""

    path: Path
    why: str
    trash: Path  # folder on the same disk, to rename it to first: nobody sees it half removed
    entry: Entry | None = None  # the unfinished work that it is

    @property
    def bytes(self) -> int:
        return size_of(self.path)

    def remove(self) -> None:
        """Remove it, unless somebody has begun to use it."""
        if self.entry is None:
            aside = self.trash / f".trash.{self.path.name.lstrip('.')}.{new_token()}"
            if rename(self.path, aside, landed=aside.exists):
                remove_tree(aside)
        elif (lease := take(self.path, self.entry, ttl=60.0)) is not None:
            lease.discard()


def leftovers(work: Path, artifacts: Path) -> Iterator[Garbage]:
    """What killed processes of this machine left of work that is published: certain, and cheap to find."""
    yield from temporary(work, artifacts, certain=True)
    for home in homes(work):
        if (artifacts / home.name / MANIFEST).exists():
            yield from unfinished(home, Watch(float("inf")))
    for home in homes(work.with_name("parts")):
        if (artifacts / home.name / MANIFEST).exists():
            yield from shared(home, work)


def collect(work: Path, artifacts: Path, keep: set[str] | None, patience: float) -> list[Garbage]:
    """All garbage of a store.

    Args:
        keep: keys whose artifacts, those they were made from, and unfinished work stay; None: all artifacts stay.
        patience: seconds to watch the hearts of processes of other machines; 0: they count as alive.
    """
    watch = Watch(patience or float("inf"))
    if patience:
        listen(work, watch, patience)
    found = list(temporary(work, artifacts, certain=False))
    for home in homes(work):
        if keep is None or key_of(home) not in keep:
            found.extend(unfinished(home, watch))
    for home in homes(work.with_name("parts")):
        if (keep is None or key_of(home) not in keep) and not is_shared_now(home, watch):
            found.extend(shared(home, work))
    if keep is not None:
        wanted = reachable(work, artifacts, keep)
        found.extend(
            Garbage(path=folder, why="not needed by the keys that are kept", trash=work)
            for folder in homes(artifacts)
            if folder.name not in wanted
        )
    return found


def temporary(work: Path, artifacts: Path, *, certain: bool) -> Iterator[Garbage]:
    """Folders being made or removed by processes that are dead.

    With `certain` False also those of other machines: to lose one makes a live process only try again.
    """
    for parent in (work, artifacts):
        for name in names(parent):
            alive = is_alive(name.rpartition(".")[2])
            if name.startswith(".") and (alive is False or (alive is None and not certain)):
                yield Garbage(path=parent / name, why="left by a process that was killed", trash=work)


def unfinished(home: Path, watch: Watch) -> Iterator[Garbage]:
    """The work in `home`, if nobody holds it."""
    entry = current(home)
    if entry is None:
        with suppress(OSError):
            home.rmdir()
    elif takeable(entry, watch):
        yield Garbage(path=home, why=describe(entry), trash=home.parent, entry=entry)


def shared(home: Path, trash: Path) -> Iterator[Garbage]:
    """Parts that several processes made of one stage."""
    if home.exists():
        yield Garbage(path=home, why="parts of a stage that nobody is making", trash=trash)


def describe(entry: Entry) -> str:
    last = entry.note.holders[-1] if entry.note.holders else None
    return f"unfinished work that nobody holds; last: {last or 'unknown'}"


def listen(work: Path, watch: Watch, patience: float) -> None:
    """Look at every heart often enough to know which are silent."""
    end = time.monotonic() + 1.3 * patience
    while any(not takeable(entry, watch) for home in leases(work) for entry in entries(home)):
        if time.monotonic() > end:
            return
        time.sleep(patience / 8)


def reachable(work: Path, artifacts: Path, keep: set[str]) -> set[str]:
    """Addresses of kept artifacts, of what they were made from, and of what live processes read."""
    todo = [folder.name for folder in homes(artifacts) if key_of(folder) in keep]
    for home in leases(work):
        for entry in entries(home):
            if key_of(home) in keep or not takeable(entry, None):
                todo.extend(entry.note.inputs)
    wanted: set[str] = set()
    while todo:
        address = todo.pop()
        if address in wanted:
            continue
        wanted.add(address)
        with suppress(FileNotFoundError):
            todo.extend(read_manifest(artifacts / address).inputs)
    return wanted


def leases(work: Path) -> Iterator[Path]:
    """Folders of all leases: of stages, and of parts of shared ones."""
    yield from homes(work)
    for home in homes(work.with_name("parts")):
        yield from claims(home)


def homes(parent: Path) -> list[Path]:
    """Folders named by an address."""
    return [parent / name for name in names(parent) if not name.startswith(".")]


def key_of(folder: Path) -> str:
    return folder.name.rpartition("-")[2]
