"""A race for leases and publications, run by `mode=doctor` on the user's own file system.

Several processes want the same stages at the same time. On a file system whose rename is atomic,
each stage is done once and appears once; anything else is reported.
"""

from __future__ import annotations

import subprocess
import sys
import time
from collections import Counter
from contextlib import suppress
from pathlib import Path

import msgspec

from lema.base.errors import StoreError
from lema.base.records import Record
from lema.base.spec import spec
from lema.store import Store
from lema.store.durable import remove_tree, rename
from lema.store.holder import new_token
from lema.store.stage import Stage

LIMIT = 60.0  # seconds for all of it, before the workers are ended


class Won(Record, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What one worker saw: the rounds that it did, and those whose free-for-all it won."""

    worker: int
    built: tuple[int, ...]
    renamed: tuple[int, ...]


class RaceResult(msgspec.Struct, frozen=True, kw_only=True):
    """Outcome of a race; `ok` when every round was done exactly once, with and without leases."""

    workers: int
    rounds: int
    winners: int  # rounds done by exactly one worker
    duplicates: int  # done or published by more than one
    lost: int  # done by none, or not readable afterwards
    seconds: float

    @property
    def ok(self) -> bool:
        return self.winners == self.rounds and self.duplicates == 0 and self.lost == 0

    def __str__(self) -> str:
        return (
            f"{self.workers} processes, {self.rounds} stages: {self.winners} done exactly once, {self.duplicates} "
            f"done twice, {self.lost} lost ({self.seconds:.1f} s)"
        )


@spec
class Round(Stage):
    """A stage that does next to nothing."""

    kind = "race"
    number: int


def race(root: Path, workers: int = 4, rounds: int = 25) -> RaceResult:
    """Let processes race in a folder of their own below `root`, which is removed afterwards.

    Raises:
        StoreError: the folder cannot be used, or a worker failed.
    """
    root = Path(root).expanduser().absolute()
    arena = root / f".race-{new_token()}"
    begun = time.monotonic()
    try:
        Store(arena).prepare()
        (arena / "free").mkdir()
        seen = run_workers(arena, workers, rounds)
        return judge(arena, seen, rounds, time.monotonic() - begun)
    finally:
        remove_tree(arena)


def run_workers(arena: Path, workers: int, rounds: int) -> list[Won]:
    """Start all workers, let them go at once, and collect what they saw."""
    racers = [
        subprocess.Popen(
            [sys.executable, "-m", "lema.store.race", str(arena), str(number), str(rounds)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
        )
        for number in range(workers)
    ]
    try:
        for racer in racers:
            assert racer.stdout is not None
            racer.stdout.readline()  # it is ready
        for racer in racers:
            assert racer.stdin is not None
            with suppress(BrokenPipeError):  # it has failed, and says why below
                racer.stdin.write(b"go\n")
                racer.stdin.flush()
        ended = [racer.communicate(timeout=LIMIT) for racer in racers]
    except subprocess.TimeoutExpired:
        raise StoreError(f"{arena}: {workers} processes did not finish a race in {LIMIT:.0f} s") from None
    finally:
        for racer in racers:
            racer.kill()
            racer.wait()
    for racer, (_, errors) in zip(racers, ended, strict=True):
        if racer.returncode != 0:
            raise StoreError(f"{arena}: a process of the race failed: {errors.decode(errors='replace').strip()[-500:]}")
    return [msgspec.json.decode(output, type=Won) for output, _ in ended]


def judge(arena: Path, seen: list[Won], rounds: int, seconds: float) -> RaceResult:
    """Count winners over what all workers saw and what is on the disk."""
    built = Counter(number for won in seen for number in won.built)
    renamed = Counter(number for won in seen for number in won.renamed)
    store = Store(arena)
    lost = 0
    for number in range(rounds):
        found = store.find(Round(number=number))
        if found is None or not (arena / "free" / str(number) / "by").exists():
            lost += 1
        else:
            found.verify()
    return RaceResult(
        workers=len(seen),
        rounds=rounds,
        winners=sum(built[number] == renamed[number] == 1 for number in range(rounds)),
        duplicates=sum(max(built[number], renamed[number]) > 1 for number in range(rounds)),
        lost=lost,
        seconds=seconds,
    )


def compete(arena: Path, worker: int, rounds: int) -> Won:
    """One worker: each stage once through the store, and once with nothing but a rename."""
    store = Store(arena, poll=0.01)
    built, renamed = [], []
    for number in range(rounds):
        with store.open_work(Round(number=number)) as work:
            if work is not None:
                built.append(number)
                work.write_json("result.json", {"number": number})
                store.publish(work, {})
        mine = arena / "free" / f"{number}.{worker}"
        mine.mkdir()
        (mine / "by").write_text(str(worker))
        target = arena / "free" / str(number)
        if rename(mine, target, landed=lambda: (target / "by").read_text() == str(worker)):  # noqa: B023 (called here)
            renamed.append(number)
    return Won(worker=worker, built=tuple(built), renamed=tuple(renamed))


def main() -> None:
    """`python -m lema.store.race <folder> <worker> <rounds>`: wait for a line, race, tell the result."""
    arena, worker, rounds = Path(sys.argv[1]), int(sys.argv[2]), int(sys.argv[3])
    sys.stdout.write("ready\n")
    sys.stdout.flush()
    sys.stdin.readline()
    sys.stdout.write(msgspec.json.encode(compete(arena, worker, rounds)).decode())


if __name__ == "__main__":
    main()
