"""Disks that are full, read-only or not ours: real ones, mounted for the test."""

from __future__ import annotations

import os
import subprocess
import tempfile
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import pytest
from conftest import missing
from toys.store import Row, Squares, make

from lema.base.errors import LemaError, StoreError
from lema.store import Store
from lema.store.durable import disk_errors, write_whole

NOBODY = 65534


@pytest.fixture
def disk(tmp_path: Path) -> Iterator[Path]:
    """A disk of one MiB."""
    place = tmp_path / "disk"
    place.mkdir()
    mount = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=1m", "tmpfs", str(place)], check=False, capture_output=True, text=True
    )
    if mount.returncode != 0:
        missing(f"a small disk can only be mounted by root: {mount.stderr.strip()}")
    yield place
    subprocess.run(["umount", "-l", str(place)], check=True)


def remount(disk: Path, options: str) -> None:
    subprocess.run(["mount", "-o", f"remount,{options}", str(disk)], check=True)


def as_nobody(act: Callable[[], object]) -> str:
    """What `act` raises when an unprivileged user calls it."""
    if os.geteuid() != 0:
        return told(act)
    reader, writer = os.pipe()
    child = os.fork()
    if child == 0:
        try:
            os.setgroups([])
            os.setgid(NOBODY)
            os.setuid(NOBODY)
            os.write(writer, told(act).encode())
        finally:
            os._exit(0)
    os.close(writer)
    os.waitpid(child, 0)
    with os.fdopen(reader) as text:
        return text.read()


def told(act: Callable[[], object]) -> str:
    try:
        act()
    except LemaError as fault:
        return f"{type(fault).__name__} {fault.exit_code}: {fault}"
    except BaseException as fault:
        return f"not an error for users: {fault!r}"
    return "no error"


@pytest.fixture
def public() -> Iterator[Path]:
    """A folder that every user can reach, and only we can write to."""
    with tempfile.TemporaryDirectory() as name:
        Path(name).chmod(0o755)
        yield Path(name)


def test_a_full_disk_is_one_error_and_the_same_command_goes_on_after_making_room(disk: Path) -> None:
    store = Store(disk / "store")
    stage = Squares(items=40, part=4)
    done: list[int] = []

    def fill_after(parts: int) -> Callable[[Sequence[int]], list[Row]]:
        def square(items: Sequence[int]) -> list[Row]:
            done.extend(items)
            if items[0] == 4 * parts:
                with pytest.raises(OSError), (disk / "ballast").open("wb") as ballast:
                    while True:
                        ballast.write(b"x" * 4096)
                        ballast.flush()
            return stage.square(items)

        return square

    with pytest.raises(StoreError) as caught, store.open_work(stage) as work:
        assert work is not None
        work.map("squares", range(40), fill_after(3), Row, part=4)
    message = str(caught.value)
    assert f"{disk} has 0.0 MiB free" in message and "the disk is full" in message
    assert "Make room" in message and "same command again" in message
    assert not list(disk.rglob("*.tmp"))

    with pytest.raises(StoreError, match="the disk is full"):  # and it says so again while there is no room
        make(store, stage)
    (disk / "ballast").unlink()
    artifact = make(store, stage)
    assert (artifact.manifest.parts_reused, artifact.manifest.parts_done) == (3, 7)
    artifact.verify()


def test_a_disk_that_fills_while_publishing_loses_nothing(disk: Path) -> None:
    store = Store(disk / "store")
    stage = Squares(items=40, part=4)
    with pytest.raises(StoreError, match="the disk is full"), store.open_work(stage) as work:
        assert work is not None
        summary = stage.run(store.get, work)
        with pytest.raises(OSError), (disk / "ballast").open("wb") as ballast:
            while True:
                ballast.write(b"x" * 4096)
                ballast.flush()
        store.publish(work, summary)
    assert store.find(stage) is None
    (disk / "ballast").unlink()
    assert make(store, stage).manifest.parts_reused == 10


def test_a_read_only_store_can_be_read_and_says_why_it_cannot_be_written(disk: Path) -> None:
    store = Store(disk / "store")
    make(store, Squares())
    remount(disk, "ro")
    make(store, Squares())  # it is there: nothing is written
    with pytest.raises(StoreError, match=r"cannot use the store .*: Read-only file system\. Make that folder"):
        make(store, Squares(items=5))


def test_a_disk_that_turns_read_only_in_the_middle_is_one_error(disk: Path) -> None:
    store = Store(disk / "store")
    with pytest.raises(StoreError, match="Read-only file system"), store.open_work(Squares()) as work:
        assert work is not None
        remount(disk, "ro")
        work.map("squares", range(12), Squares().square, Row, part=3)
    remount(disk, "rw")
    assert make(store, Squares()).manifest.parts_done == 4


def test_an_unprivileged_user_gets_one_error_for_a_folder_that_is_not_his(public: Path) -> None:
    (public / "store").mkdir(mode=0o555)
    message = as_nobody(lambda: make(Store(public / "store"), Squares()))
    assert message.startswith(f"StoreError 2: cannot use the store {public / 'store'}")
    assert "Permission denied" in message


def test_an_unprivileged_user_reads_a_store_of_others_but_cannot_add_to_it(public: Path) -> None:
    store = Store(public / "store")
    make(store, Squares())
    for folder in (store.root, store.artifacts, store.work, store.replies, store.logs):
        folder.chmod(0o555)
    try:
        assert as_nobody(lambda: list(store.get(Squares()).rows("rows.jsonl", Row))) == "no error"
        assert "Permission denied" in as_nobody(lambda: make(store, Squares(items=5)))
    finally:
        for folder in (store.root, store.artifacts, store.work, store.replies, store.logs):
            folder.chmod(0o755)


def test_a_store_below_a_file_is_one_error(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    for root in (tmp_path / "file", tmp_path / "file" / "store"):
        with pytest.raises(StoreError, match=r"cannot use the store .*file.*choose another folder"):
            make(Store(root), Squares())


def test_errors_of_other_places_are_not_blamed_on_the_store(tmp_path: Path) -> None:
    (tmp_path / "data").write_text("")
    with pytest.raises(NotADirectoryError), disk_errors(tmp_path / "store"):
        (tmp_path / "data" / "x").read_text()
    with pytest.raises(FileNotFoundError), disk_errors(tmp_path):
        (tmp_path / "missing").read_text()


def test_a_write_that_is_cut_off_leaves_neither_half_a_file_nor_a_temporary_one(tmp_path: Path) -> None:
    def chunks() -> Iterator[bytes]:
        yield b"half"
        raise RuntimeError("cut off")

    (tmp_path / "file").write_bytes(b"before")
    with pytest.raises(RuntimeError):
        write_whole(tmp_path / "file", chunks())
    assert [p.name for p in tmp_path.iterdir()] == ["file"] and (tmp_path / "file").read_bytes() == b"before"
