"""Processes that share a store are killed and stopped at random moments; nothing is lost or done twice."""

from __future__ import annotations

import logging
import multiprocessing
import os
import random
import signal
import time
from collections import Counter
from contextlib import suppress
from multiprocessing.process import BaseProcess
from pathlib import Path

from toys.store import Row, Squares, make

from lema.store import LeaseLost, Store

FORK = multiprocessing.get_context("fork")  # a second's worth of imports less for each of a hundred processes
STAGES = [Squares(name=str(number), items=120, part=2, pause=0.03) for number in range(6)]  # 360 parts
TTL = 1.0


class PartLog(logging.Handler):
    """Appends one line for each part that was stored: `<stage>/<part file> <pid>`."""

    def __init__(self, path: Path) -> None:
        super().__init__(logging.DEBUG)
        self.file = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND)

    def emit(self, record: logging.LogRecord) -> None:
        if record.msg.startswith("part done"):
            place = Path(str(record.args[0] if isinstance(record.args, tuple) else ""))
            os.write(self.file, f"{place.parts[-5]}/{place.name} {os.getpid()}\n".encode())


def work_through(root: Path, log: Path, seed: int) -> None:
    """What one process does: every stage, in an order of its own, until all are there."""
    logger = logging.getLogger("lema.store.parts")
    logger.setLevel(logging.DEBUG)
    logger.addHandler(PartLog(log))
    store = Store(root, ttl=TTL, poll=0.02)
    order = random.Random(seed).sample(STAGES, len(STAGES))
    for stage in order:
        while True:
            try:
                make(store, stage)
                break
            except LeaseLost:
                (log.parent / f"fenced-{os.getpid()}").touch()


def start(root: Path, log: Path, seed: int) -> BaseProcess:
    process = FORK.Process(target=work_through, args=(root, log, seed), daemon=True)
    process.start()
    return process


def pid(process: BaseProcess) -> int:
    assert process.pid is not None
    return process.pid


def send(process: BaseProcess, signum: signal.Signals) -> None:
    with suppress(ProcessLookupError):  # it has just finished
        os.kill(pid(process), signum)


def torment(root: Path, log: Path, seed: int, workers: int, kills: int, stalls: int) -> tuple[int, int]:
    """Keep `workers` processes going, and kill or stop a random one every few moments."""
    draw = random.Random(seed)
    acts = draw.sample(["kill"] * kills + ["stall"] * stalls, kills + stalls)
    running = [start(root, log, draw.randrange(10**6)) for _ in range(workers)]
    asleep: list[tuple[float, BaseProcess]] = []
    deadline = time.monotonic() + 600
    killed = stalled = 0
    while running or asleep:
        assert time.monotonic() < deadline, "the processes did not finish"
        time.sleep(draw.uniform(0.02, 0.2))
        for wake, process in [*asleep]:
            if time.monotonic() > wake:
                send(process, signal.SIGCONT)
                asleep.remove((wake, process))
                running.append(process)
        for process in [p for p in running if not p.is_alive()]:
            assert process.exitcode == 0, "a process that was left alone failed"
            running.remove(process)
        if not acts or not running:
            continue
        victim = running.pop(draw.randrange(len(running)))
        if acts.pop() == "kill":
            send(victim, signal.SIGKILL)
            victim.join()
            killed += 1
        else:
            send(victim, signal.SIGSTOP)
            asleep.append((time.monotonic() + draw.uniform(0.3, 2.5) * TTL, victim))
            stalled += 1
        running.append(start(root, log, draw.randrange(10**6)))
    return killed, stalled


def test_hundreds_of_parts_survive_kills_and_stalls_and_none_is_done_twice(tmp_path: Path) -> None:
    root, log = tmp_path / "store", tmp_path / "parts.log"
    killed, stalled = torment(root, log, seed=7, workers=3, kills=30, stalls=9)
    assert killed >= 15 and stalled >= 3, "too few kills: the stages are too short for this machine"

    lines = Counter(line.split()[0] for line in log.read_text().splitlines())
    twice = [part for part, times in lines.items() if times > 1]
    assert not twice
    store = Store(root)
    for stage in STAGES:
        artifact = store.get(stage)
        artifact.verify()
        assert [row.square for row in artifact.rows("rows.jsonl", Row)] == [n * n for n in range(stage.items)]
    assert any(store.get(stage).manifest.parts_reused for stage in STAGES)
    # A process killed between storing a part and logging it leaves one line less, never one more.
    assert sum(len(list(range(0, s.items, s.part))) for s in STAGES) - killed <= len(lines) <= 360
    store.gc(delete=True)
    assert not list(store.work.iterdir())
    assert sorted(p.name for p in store.artifacts.iterdir()) == sorted(store.address(stage) for stage in STAGES)


def test_after_kill_9_the_same_command_goes_on_at_once_whatever_ttl_says(tmp_path: Path) -> None:
    stage = Squares(items=200, part=2, pause=0.02)
    store = Store(tmp_path, ttl=36000.0, poll=0.05)
    process = FORK.Process(target=make, args=(store, stage), daemon=True)
    process.start()
    while (store.progress(stage) or (0, 0))[0] < 20:
        time.sleep(0.02)
    os.kill(pid(process), signal.SIGKILL)  # a zombie until we ask for it, as under a shell that waits for another
    begun = time.monotonic()
    with store.open_work(stage) as work:
        assert work is not None
        assert time.monotonic() - begun < 600
    assert store.running(stage) is None
    artifact = make(store, stage)
    process.join()
    assert artifact.manifest.parts_reused >= 9 and artifact.manifest.attempts == 3


def test_a_stalled_holder_that_wakes_after_its_work_was_adopted_harms_nothing(tmp_path: Path) -> None:
    stage = Squares(items=60, part=2, pause=0.05)
    store = Store(tmp_path / "store", ttl=TTL, poll=0.02)
    sleeper = FORK.Process(target=work_one, args=(store, stage, tmp_path / "error"), daemon=True)
    sleeper.start()
    while (store.progress(stage) or (0, 0))[0] < 10:
        time.sleep(0.02)
    os.kill(pid(sleeper), signal.SIGSTOP)
    with store.open_work(stage) as work:  # waits for `ttl`, by our clock
        assert work is not None
        os.kill(pid(sleeper), signal.SIGCONT)
        sleeper.join()
        artifact = store.publish(work, stage.run(store.get, work))
    told = (tmp_path / "error").read_text()
    assert f"process {os.getpid()} on" in told and "took over its unfinished work" in told
    assert artifact.manifest.parts_reused >= 5
    assert artifact.manifest.parts_done + artifact.manifest.parts_reused == 30
    artifact.verify()
    assert not list(store.work.iterdir())


def work_one(store: Store, stage: Squares, error: Path) -> None:
    try:
        make(store, stage)
    except LeaseLost as fault:
        error.write_text(str(fault))
