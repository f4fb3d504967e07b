"""One stage in several processes: every part is made once, and the stage is published once and is the same."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
from toys.store import Row, Squares, make

from lema.base.spec import runtime, spec
from lema.running.worker import execute, share
from lema.store import Store, Work
from lema.store.inputs import InputsOnce
from lema.store.lease import entries
from lema.store.sharing import Spread, claims
from lema.store.stage import Inputs, Stage


@spec
class Logged(Stage):
    """Squares that write down who made which."""

    kind = "logged"
    shareable = True
    items: int = 12
    part: int = runtime(default=2)
    pause: float = runtime(default=0.0)
    log: str = runtime(default="")
    stuck_at: int = runtime(default=-1)

    def run(self, inputs: Inputs, work: Work) -> dict[str, Any]:
        work.write("rows.jsonl", work.map("squares", range(self.items), self.square, Row, part=self.part))
        return {}

    def square(self, items: Sequence[int]) -> list[Row]:
        with Path(self.log).open("a") as log:
            log.write(json.dumps([os.getpid(), list(items)]) + "\n")
        time.sleep(600 if self.stuck_at in items else self.pause)
        return [Row(item=item, square=item * item) for item in items]


WORKER = """
import sys, time
from pathlib import Path
sys.path.insert(0, sys.argv[5])
from test_sharing import Logged
from lema.store import Store
from lema.running.worker import execute
meeting = Path(sys.argv[1]).parent / "meeting"
of = int(sys.argv[4]) if sys.argv[9] else 1
meeting.mkdir(exist_ok=True)
(meeting / sys.argv[3]).touch()
while len(list(meeting.iterdir())) < of:
    time.sleep(0.01)
stage = Logged(log=sys.argv[2], pause=float(sys.argv[6]), stuck_at=int(sys.argv[7]))
print(execute(stage, Store(Path(sys.argv[1]), ttl=float(sys.argv[8])), place=(int(sys.argv[3]), int(sys.argv[4]))))
"""


def begin(
    folder: Path, number: int, of: int, *, pause: float = 0.05, stuck_at: int = -1, ttl: float = 60, meet: str = ""
) -> subprocess.Popen[str]:
    """`meet="together"`: all of them begin when the last one is there."""
    words = (folder / "store", folder / "log", number, of, Path(__file__).parent, pause, stuck_at, ttl, meet)
    return subprocess.Popen(
        [sys.executable, "-c", WORKER, *map(str, words)],
        text=True,
        stdout=subprocess.PIPE,
        env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)},
    )


def made(folder: Path) -> list[tuple[int, tuple[int, ...]]]:
    return [(pid, tuple(items)) for pid, items in map(json.loads, (folder / "log").read_text().splitlines())]


def test_several_processes_make_each_part_once_and_publish_once_what_one_process_makes(tmp_path: Path) -> None:
    processes = [begin(tmp_path, number, 3, pause=0.3, meet="together") for number in range(3)]
    said = [process.communicate(timeout=600)[0].strip() for process in processes]
    assert [process.returncode for process in processes] == [0, 0, 0]
    assert said.count("True") == 1
    counts = Counter(items for _, items in made(tmp_path))
    assert set(counts.values()) == {1} and len(counts) == 6
    assert len({pid for pid, _ in made(tmp_path)}) > 1
    alone = make(Store(tmp_path / "alone"), Logged(log=str(tmp_path / "other")))
    shared = Store(tmp_path / "store").get(Logged())
    assert shared.manifest.content == alone.manifest.content
    assert list((tmp_path / "store" / "parts").iterdir()) == []
    assert not any((tmp_path / "store" / "work").iterdir())


def test_a_part_whose_maker_was_killed_is_made_by_another(tmp_path: Path) -> None:
    stuck = begin(tmp_path, 0, 2, stuck_at=4)
    while not (tmp_path / "log").exists() or (4, 5) not in [items for _, items in made(tmp_path)]:
        time.sleep(0.02)
    other = begin(tmp_path, 1, 2)
    assert other.communicate(timeout=600)[0].strip() == "False"  # it leaves the last part to its living maker
    store = Store(tmp_path / "store")
    assert store.find(Logged()) is None
    assert store.progress(Logged()) == (10, 12)
    holder = store.running(Logged())
    assert holder is not None and holder.pid == stuck.pid
    assert [item for item in store.gc() if "parts of" in item.why] == []
    os.kill(stuck.pid, signal.SIGKILL)
    stuck.communicate()
    assert [item.path.name for item in store.gc() if "parts of" in item.why] == [store.address(Logged())]
    assert begin(tmp_path, 1, 2).communicate(timeout=600)[0].strip() == "True"
    counts = Counter(items for _, items in made(tmp_path))
    assert counts.pop((4, 5)) == 2 and set(counts.values()) == {1}


def test_a_process_that_is_told_to_stop_leaves_its_part_to_the_others(tmp_path: Path) -> None:
    store = Store(tmp_path / "store")
    stage = Logged(log=str(tmp_path / "log"))
    asked: list[int] = []

    def stop(items: Sequence[int]) -> list[Row]:
        asked.extend(items)
        raise KeyboardInterrupt

    with store.open_share(stage, (0, 2)) as work, pytest.raises(KeyboardInterrupt):
        assert work is not None
        work.map("squares", range(12), stop, Row, part=2)
    assert asked == [0, 1]
    assert not any(entries(claim) for claim in claims(store.parts / store.address(stage)))
    assert execute(stage, store, place=(1, 2))
    assert len(made(tmp_path)) == 6


def test_one_process_alone_uses_what_several_have_made(tmp_path: Path) -> None:
    store = Store(tmp_path / "store")
    stage = Logged(log=str(tmp_path / "log"))
    with store.open_share(stage, (0, 1)) as work, pytest.raises(Spread):
        assert work is not None
        work.map("squares", range(12), stage.square, Row, part=2)
    part = sorted((store.parts / store.address(stage) / "parts-squares").iterdir())[1]
    part.write_bytes(part.read_bytes()[:-9])  # damaged on its way
    artifact = make(store, stage)
    assert (artifact.manifest.parts_done, artifact.manifest.parts_reused) == (1, 5)
    assert [items for _, items in made(tmp_path)][6:] == [(2, 3)]


def test_what_is_published_meanwhile_ends_the_sharing(tmp_path: Path) -> None:
    store = Store(tmp_path / "store")
    stage = Logged(log=str(tmp_path / "log"))

    def slow(items: Sequence[int]) -> list[Row]:
        make(Store(tmp_path / "store"), stage)  # somebody runs the whole of it, and removes our folder
        return stage.square(items)

    with store.open_share(stage, (0, 2)) as work, pytest.raises(Spread) as ended:
        assert work is not None
        work.map("squares", range(12), slow, Row, part=2)
    assert ended.value.whole
    assert not execute(stage, store, place=(0, 2))


def test_parts_of_a_published_stage_are_cleared_away_by_the_next_command(tmp_path: Path) -> None:
    store = Store(tmp_path / "store")
    stage = Logged(log=str(tmp_path / "log"))
    make(store, stage)
    left = store.parts / store.address(stage)
    (left / "parts-squares").mkdir(parents=True)
    Store(tmp_path / "store").prepare()
    assert not left.exists()


def test_a_stage_that_does_more_before_its_map_is_refused(tmp_path: Path) -> None:
    @spec
    class Odd(Squares):
        kind = "odd"

        def run(self, inputs: Inputs, work: Work) -> dict[str, Any]:
            return {}

    with pytest.raises(TypeError, match="Odd does not begin with a map"):
        share(Odd(), Store(tmp_path), InputsOnce(Store(tmp_path)), (0, 2), None)
