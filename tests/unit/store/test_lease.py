from __future__ import annotations

import os
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest

from lema.store import holder, lease
from lema.store.holder import is_alive, machine
from lema.store.lease import Lease, LeaseLost, Watch, acquire, current, entries, fresh, take, takeable


@pytest.fixture
def home(tmp_path: Path) -> Path:
    return tmp_path / "work" / "stage-0123456789abcdef"


def got(home: Path, ttl: float = 60.0) -> Lease:
    held = acquire(home, lambda: False, ttl=ttl, poll=0.01)
    assert held is not None
    return held


def foreign(held: Lease) -> Lease:
    """The same lease as if a process of another machine held it."""
    pid, start, _, tail = held.token.split("-")
    token = f"{pid}-{start}-ffffffff-{tail}"
    text = (held.folder / lease.NOTE).read_text().replace(held.token, token)
    (held.folder / lease.NOTE).write_text(text)
    held.folder.rename(held.home / token)
    return Lease(held.home, token, held.ttl, held.note)


def dead_token() -> str:
    """The token of a process of this machine that has ended."""
    code = "from lema.store.holder import new_token; print(new_token())"
    return subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout.strip()


def test_two_cannot_hold_one_lease(home: Path) -> None:
    assert fresh(home, 60.0) is not None
    assert fresh(home, 60.0) is None
    assert len(entries(home)) == 1 and len(list(home.parent.iterdir())) == 1


def test_a_living_holder_on_this_machine_is_alive_and_a_dead_one_is_not() -> None:
    code = "import sys; from lema.store.holder import new_token; print(new_token(), flush=True); sys.stdin.read()"
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE}
    with subprocess.Popen([sys.executable, "-c", code], text=True, **pipes) as other:  # type: ignore[call-overload]
        token = other.stdout.readline().strip()
        assert is_alive(token) is True
        pid, start, where, tail = token.split("-")
        # The same process id given away again, to a process that started at another time.
        assert is_alive(f"{pid}-{int(start) - 1}-{where}-{tail}") is False
        other.communicate()
    assert is_alive(token) is False


def test_a_lease_that_this_very_process_failed_to_give_back_does_not_block_it(
    home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    held = got(home)
    with monkeypatch.context() as patch, pytest.raises(OSError):
        patch.setattr(lease, "rename", fail)
        held.free()
    begun = time.monotonic()
    got(home, ttl=36000.0)
    assert time.monotonic() - begun < 600


def fail(*_: object, **__: object) -> bool:
    raise OSError(30, "Read-only file system")


def test_a_zombie_counts_as_dead() -> None:
    child = subprocess.Popen([sys.executable, "-c", "pass"], stdout=subprocess.PIPE)
    _, start = holder.process_state(child.pid)
    assert child.stdout is not None
    child.stdout.read()
    deadline = time.monotonic() + 120
    while holder.process_state(child.pid)[0] != "Z" and time.monotonic() < deadline:
        time.sleep(0.01)
    try:
        assert is_alive(f"{child.pid}-{start}-{machine()}-00000000") is False
    finally:
        child.wait()


def test_nothing_is_claimed_to_be_known_of_another_machine() -> None:
    assert is_alive(f"{os.getpid()}-1-ffffffff-00000000") is None
    assert is_alive("checkpoint") is None


def test_a_dead_holder_of_this_machine_is_replaced_at_once(home: Path) -> None:
    held = got(home)
    held.folder.rename(home / dead_token())
    begun = time.monotonic()
    heir = got(home, ttl=36000.0)
    assert time.monotonic() - begun < 600
    assert len(heir.note.holders) == 2


def test_work_that_was_given_back_is_adopted_with_its_files(home: Path) -> None:
    first = got(home)
    (first.folder / "part").write_text("done")
    first.free()
    second = got(home)
    assert (second.folder / "part").read_text() == "done"
    assert [h.token for h in second.note.holders] == [first.token, second.token]


def test_a_holder_elsewhere_is_replaced_only_after_ttl_of_silence_by_our_clock(home: Path) -> None:
    held = foreign(got(home))
    # Its clock is a year ahead: no time of another machine is ever compared with ours.
    os.utime(held.folder / lease.NOTE, (time.time() + 3e7, time.time() + 3e7))
    begun = time.monotonic()
    heir = got(home, ttl=0.5)
    assert time.monotonic() - begun >= 0.5
    with pytest.raises(LeaseLost, match="took over its unfinished work"):
        held.check()
    heir.check()


def test_a_beating_heart_elsewhere_is_never_replaced(home: Path) -> None:
    held = foreign(got(home, ttl=5.0))
    with held.beating():
        begun = time.monotonic()
        assert acquire(home, lambda: time.monotonic() - begun > 8, ttl=5.0, poll=0.05) is None
    held.check()


def test_one_long_gap_between_two_looks_is_not_silence(home: Path) -> None:
    foreign(got(home))
    watch = Watch(0.2)
    (entry,) = entries(home)
    assert not watch.expired(entry)
    time.sleep(0.5)  # as if both processes had been suspended
    assert not watch.expired(entry)


def test_an_earlier_start_of_our_own_slurm_job_is_replaced_at_once(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SLURM_JOB_ID", "7")
    foreign(got(home))
    (entry,) = entries(home)
    assert not takeable(entry, Watch(60.0))
    monkeypatch.setenv("SLURM_RESTART_COUNT", "1")
    assert takeable(entry, Watch(60.0))


def test_only_one_of_many_threads_steals(home: Path) -> None:
    got(home).free()
    entry = current(home)
    assert entry is not None
    won: list[Lease] = []
    barrier = threading.Barrier(8)

    def steal() -> None:
        barrier.wait()
        if (lease := take(home, entry, 60.0)) is not None:
            won.append(lease)

    threads = [threading.Thread(target=steal) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(won) == 1
    won[0].check()


def test_a_fenced_holder_can_neither_beat_nor_give_back_nor_remove_what_is_not_its_own(home: Path) -> None:
    old = got(home)
    (old.folder / "part").write_text("done")
    (entry,) = entries(home)
    new = take(home, entry, 60.0)
    assert new is not None
    old.free()
    old.discard()
    with pytest.raises(FileNotFoundError):
        (old.folder / "late").write_text("late")
    new.check()
    assert (new.folder / "part").read_text() == "done"


def test_a_folder_made_anew_by_an_orphan_is_no_lease(home: Path) -> None:
    old = got(home)
    (entry,) = entries(home)
    new = take(home, entry, 60.0)
    assert new is not None
    (old.folder / "scratch" / "checkpoint-20").mkdir(parents=True)  # what a trainer does that outlived its parent
    with pytest.raises(LeaseLost):
        old.check()
    assert [e.name for e in entries(home)] == [new.token]
    new.discard()
    assert got(home).folder.exists()  # what the orphan left does not block the stage either
    assert len(list(home.iterdir())) == 1


def test_before_the_thief_has_signed_the_old_note_says_nothing_about_him(home: Path) -> None:
    parent = os.getppid()  # alive, and not this process
    thief = f"{parent}-{holder.process_state(parent)[1]}-{machine()}-00000000"
    got(home).folder.rename(home / thief)
    (entry,) = entries(home)
    assert entry.holder is None and not takeable(entry, Watch(60.0))


def test_a_rename_that_nfs_reports_as_failed_although_it_happened_counts(
    home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    real = Path.rename

    def retried(self: Path, target: Path) -> Path:
        real(self, target)
        raise FileNotFoundError(2, "No such file or directory", str(self))

    monkeypatch.setattr(Path, "rename", retried)
    held = fresh(home, 60.0)
    assert held is not None
    held.check()
    (entry,) = entries(home)
    heir = take(home, entry, 60.0)
    assert heir is not None
    heir.check()
    heir.discard()
    assert not home.exists() and not list(home.parent.iterdir())


def test_an_unreadable_note_is_nobodys_claim_but_still_a_lease(home: Path) -> None:
    held = got(home)
    (held.folder / lease.NOTE).write_text("{")
    (entry,) = entries(home)
    assert entry.holder is None and not takeable(entry, Watch(60.0))
    with pytest.raises(LeaseLost):
        held.check()


def test_waiting_ends_when_the_work_is_done_elsewhere(home: Path) -> None:
    held = got(home)
    done = threading.Event()
    threading.Timer(0.2, done.set).start()
    assert acquire(home, done.is_set, ttl=60.0, poll=0.02) is None
    held.check()
