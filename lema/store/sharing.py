"""One stage in several processes: each makes parts that nobody else has taken, and whoever ends last publishes.

STORE/parts/<kind>-<key>/             removed once the stage is published
    parts-<name>/                      finished parts, as in the scratch folder of unfinished work
    claims/<name>-<number>-<items>/    a lease (`lema.store.lease`): who makes this part now
    progress.json

Nobody holds the stage itself meanwhile, so that processes may come and go; a part whose maker died is made by another.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any, NoReturn, TypeVar

import msgspec

from lema.base.records import R
from lema.lm.session import Session
from lema.store.durable import make_below, write_whole
from lema.store.lease import Lease, LeaseLost, Watch, current, entries, fresh, names, take, takeable
from lema.store.parts import Parts, Tally, items_digest
from lema.store.work import PROGRESS, Progress, Work

T = TypeVar("T")
CLAIMS = "claims"


class Spread(Exception):
    """Nothing is left to take. `whole`: nothing is left to do either, but to publish."""

    def __init__(self, *, whole: bool) -> None:
        super().__init__("all parts are made" if whole else "others are making the last parts")
        self.whole = whole


class Share(Work):
    """What `Stage.run` gets in one of several processes: `map` makes parts, and then ends the run by `Spread`.

    Args:
        home: `STORE/parts/<kind>-<key>`.
        place: (number of this process from 0, how many there are); decides only where each begins to look.
        published: whether the stage is finished, by whomever.
    """

    def __init__(
        self,
        home: Path,
        place: tuple[int, int],
        *,
        replies: Path,
        session: Session,
        ttl: float,
        inputs: tuple[str, ...],
        published: Callable[[], bool],
    ) -> None:
        self.home, self.place, self.ttl, self.upstream, self.is_published = home, place, ttl, inputs, published
        self.watch = Watch(ttl)
        self.replies, self.session = replies, session
        self.tally = Tally()
        self.reported = 0.0

    def map(
        self,
        name: str,
        items: Sequence[T],
        do: Callable[[Sequence[T]], Sequence[R]],
        record: type[R],
        *,
        part: int,
        unit: str = "",
    ) -> NoReturn:
        """Make the parts that nobody has made or is making.

        Raises:
            Spread: always, in the end.
        """
        try:
            parts = Parts(make_below(self.home, Path(f"parts-{name}")), record)
            chunks = [items[start : start + part] for start in range(0, len(items), part)]
            todo = {parts.path(number, items_digest(chunk)): chunk for number, chunk in enumerate(chunks)}
            self._tell(todo, unit)
            while self._pass(name, parts, todo, do, unit):
                pass
            self._tell(todo, unit, last=True)
        except (FileNotFoundError, LeaseLost):
            if self.is_published():  # and our folder was removed with what nobody needs any more
                raise Spread(whole=True) from None
            raise
        raise Spread(whole=all(path.exists() for path in todo))

    def _pass(
        self,
        name: str,
        parts: Parts[R],
        todo: dict[Path, Sequence[T]],
        do: Callable[[Sequence[T]], Sequence[R]],
        unit: str,
    ) -> bool:
        """Look at each part once, beginning at our place; whether any was made."""
        made = False
        paths = list(todo)
        number, of = self.place
        first = len(paths) * number // of
        for at in [*range(first, len(paths)), *range(first)]:
            if paths[at].exists():
                continue
            if self.is_published():
                raise Spread(whole=True)
            lease = self._claim(f"{name}-{paths[at].stem}")
            if lease is None:
                continue
            try:
                if not paths[at].exists():  # made between our look and our claim
                    with lease.beating():
                        rows = do(todo[paths[at]])
                        lease.check()
                        parts.write(at, items_digest(todo[paths[at]]), rows)
                    self.tally.done += 1
                    made = True
            finally:
                with suppress(OSError):
                    lease.discard()
            self._tell(todo, unit)
        return made

    def _claim(self, name: str) -> Lease | None:
        home = make_below(self.home, Path(CLAIMS)) / name
        entry = current(home)
        if entry is None:
            return fresh(home, self.ttl, self.upstream)
        return take(home, entry, self.ttl, self.upstream) if takeable(entry, self.watch) else None

    def _tell(self, todo: dict[Path, Sequence[Any]], unit: str, *, last: bool = False) -> None:
        """Say how far all of us are, at most twice a second."""
        if time.monotonic() - self.reported < 0.5 and not last:
            return
        self.reported = time.monotonic()
        done = sum(len(chunk) for path, chunk in todo.items() if path.exists())
        data = msgspec.json.encode(Progress(done, sum(map(len, todo.values())), unit))
        write_whole(self.home / PROGRESS, [data], sync=False)

    def report(self, done: int, total: int, unit: str = "") -> None:
        """Nothing: parts say how far we are."""


def claims(home: Path) -> Iterator[Path]:
    """Leases of the parts of one stage."""
    for name in names(home / CLAIMS):
        if not name.startswith("."):
            yield home / CLAIMS / name


def is_shared_now(home: Path, watch: Watch | None) -> bool:
    """Whether any process makes a part of this stage."""
    return any(not takeable(entry, watch) for claim in claims(home) for entry in entries(claim))
