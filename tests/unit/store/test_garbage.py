from __future__ import annotations

import os
import subprocess
import sys
import time
from pathlib import Path

import pytest
from toys.store import Squares, Total, make, only

from lema.store import Store, lease
from lema.store.holder import machine


@pytest.fixture
def store(tmp_path: Path) -> Store:
    return Store(tmp_path / "store", ttl=0.6, poll=0.01)


def begin(store: Store, stage: Squares) -> None:
    """Leave a stage unfinished, as an error does."""
    with store.open_work(stage) as work:
        assert work is not None
        (work.scratch / "checkpoint").write_text("x" * 100)


def rename_holder(store: Store, stage: Squares, token: str) -> None:
    """Make unfinished work look held by another process."""
    folder = only(store.work / store.address(stage))
    folder.rename(folder.with_name(token))


def dead_token() -> str:
    code = "from lema.store.holder import new_token; print(new_token())"
    return subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout.strip()


def test_gc_says_what_it_would_remove_and_removes_it_only_when_told(store: Store) -> None:
    begin(store, Squares())
    (found,) = store.gc()
    assert found.path.name == store.address(Squares()) and found.bytes > 100 and "nobody holds" in found.why
    assert store.gc()
    store.gc(delete=True)
    assert store.gc() == [] and not list(store.work.iterdir())


def test_gc_leaves_artifacts_and_living_processes_alone(store: Store) -> None:
    make(store, Squares(name="done"))
    with store.open_work(Squares()) as work:
        assert work is not None
        assert store.gc(delete=True, wait=True) == []
        work.lease.check()
    store.get(Squares(name="done"))


def test_gc_removes_what_dead_processes_left_in_the_middle_of_a_rename(store: Store) -> None:
    store.prepare()
    token = dead_token()
    mine = f"{os.getpid()}-{'1'}-{machine()}-00000000"
    for name in (f".new.squares-1.{token}", f".trash.squares-2.{token}", f".trash.squares-3.{mine}"):
        (store.work / name / "inside").mkdir(parents=True)
    (store.artifacts / f".{token}").mkdir()
    assert len(store.gc(delete=True)) == 4
    assert not list(store.work.iterdir()) and not list(store.artifacts.iterdir())


def test_gc_waits_before_it_calls_a_process_of_another_machine_dead(store: Store) -> None:
    begin(store, Squares())
    rename_holder(store, Squares(), "77-1-ffffffff-00000000")
    assert store.gc(delete=True) == []
    begun = time.monotonic()
    assert len(store.gc(delete=True, wait=True)) == 1
    assert time.monotonic() - begun > store.ttl
    assert not list(store.work.iterdir())


def test_keeping_some_keys_keeps_what_they_were_made_from_and_their_unfinished_work(store: Store) -> None:
    wanted, unwanted = Total(squares=Squares(name="a")), Total(squares=Squares(name="b"))
    for stage in (wanted, unwanted):
        make(store, stage.squares)
        make(store, stage)
    begin(store, Squares(name="begun"))
    keep = {store.get(wanted).key, store.address(Squares(name="begun")).rpartition("-")[2]}
    removed = {item.path.name for item in store.gc(keep=keep, delete=True)}
    assert removed == {store.address(unwanted), store.address(unwanted.squares)}
    assert store.find(wanted) and store.find(wanted.squares) and not store.find(unwanted)
    assert store.progress(Squares(name="begun")) is None and list(store.work.iterdir())


def test_what_a_living_process_reads_is_kept(store: Store) -> None:
    total = Total(squares=Squares())
    squares = make(store, total.squares)
    with store.open_work(total, inputs=[squares]) as work:
        assert work is not None
        assert store.gc(keep=set(), delete=True) == []
        store.publish(work, total.run(store.get, work))


def test_what_a_publisher_left_when_it_was_killed_is_cleared_by_the_next_command(store: Store) -> None:
    make(store, Squares())
    begin(store, Squares(name="other"))
    folder = only(store.work / store.address(Squares(name="other")))
    (folder.parent.with_name(store.address(Squares()))).mkdir()
    folder.rename(store.work / store.address(Squares()) / dead_token())  # killed between publishing and clearing up
    make(Store(store.root), Squares(name="third"))
    assert not (store.work / store.address(Squares())).exists()


def test_what_an_orphan_made_is_swept(store: Store) -> None:
    store.prepare()
    (store.work / "squares-0123456789abcdef" / dead_token() / "scratch").mkdir(parents=True)
    store.gc(delete=True)
    assert not list(store.work.iterdir())
    assert lease.names(store.work) == []
