"""Processes that compare LaTeX answers, killed and replaced when one takes too long.

A comparison costs at most its time limit: nothing that it does, hang, crash or fill the memory,
reaches this process. Processes start when they are first needed, are shared by threads, are not
shared with forks, and end with this process.
"""

from __future__ import annotations

import atexit
import json
import os
import select
import signal
import subprocess
import sys
import threading
import time
from contextlib import suppress
from functools import cache
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from lema.base.errors import LemaError, MissingExtra

WORKER = Path(__file__).with_name("math_worker.py")
START = 300.0  # seconds in which a process must have loaded sympy, on a busy machine
#: CPU time is the limit, so that verdicts do not depend on what else the machine does. A process that
#: gets no CPU for this many times its limit is given up too.
PATIENCE = 10


@cache
def require_math_verify() -> None:
    """Raise MissingExtra, without loading it, when math-verify is not installed."""
    if find_spec("math_verify") is None:
        raise MissingExtra("Comparing LaTeX answers needs math_verify. Install it with: pip install 'lema[math]'")


class Worker:
    """One process and its pipes."""

    def __init__(self) -> None:
        self.process = subprocess.Popen(
            # -P: the folder of the script holds a numbers.py, which is not Python's
            [sys.executable, "-P", str(WORKER)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            env={**os.environ, "PYTHONHASHSEED": "0"},
        )
        self.buffer = b""
        try:
            greeting = self.read(START) or {"broken": "it ended at once"}
        except TimeoutError:
            greeting = {"broken": f"it was not ready after {START:.0f} seconds"}
        if "broken" in greeting:
            self.end()
            raise LemaError(f"the process that compares LaTeX answers does not work ({WORKER}): {greeting['broken']}")

    def ask(self, one: str, two: str, seconds: float) -> dict[str, Any] | None:
        """The reply to one comparison; None when the process ended.

        Raises:
            TimeoutError: it neither replied nor ended.
        """
        assert self.process.stdin is not None
        request = json.dumps({"one": one, "two": two, "seconds": seconds})
        try:
            self.process.stdin.write(request.encode() + b"\n")
            self.process.stdin.flush()
        except BrokenPipeError:
            return None
        return self.read(seconds * PATIENCE)

    def read(self, seconds: float) -> dict[str, Any] | None:
        """A line of the process as an object; None at its end."""
        assert self.process.stdout is not None
        handle = self.process.stdout.fileno()
        poll = select.poll()
        poll.register(handle, select.POLLIN)
        end = time.monotonic() + seconds
        while b"\n" not in self.buffer:
            left = end - time.monotonic()
            if left <= 0 or not poll.poll(left * 1000):
                raise TimeoutError
            chunk = os.read(handle, 65536)
            if not chunk:
                return None
            self.buffer += chunk
        line, _, self.buffer = self.buffer.partition(b"\n")
        found = json.loads(line)
        assert isinstance(found, dict)
        return found

    def end(self, patience: float = 0.0) -> int:
        """Kill the process unless it ends by itself within `patience` seconds; its exit status."""
        try:
            self.process.wait(patience)
        except subprocess.TimeoutExpired:
            self.process.kill()
        self.abandon()
        return self.process.wait()

    def abandon(self) -> None:
        """Close our ends of the pipes."""
        for pipe in (self.process.stdin, self.process.stdout):
            assert pipe is not None
            with suppress(BrokenPipeError):
                pipe.close()


class Pool:
    """At most `size` processes, each started when one more is needed."""

    def __init__(self, size: int) -> None:
        self.room = threading.BoundedSemaphore(size)
        self.workers: set[Worker] = set()
        self.idle: list[Worker] = []

    def compare(self, one: str, two: str, seconds: float) -> dict[str, Any] | None:
        """What math-verify says of two answers; None when the CPU time ran out, or the process died twice."""
        with self.room:
            for _ in range(2):
                worker = self.take()
                try:
                    found = worker.ask(one, two, seconds)
                except TimeoutError:
                    self.drop(worker)
                    return None
                except BaseException:
                    self.drop(worker)  # a late reply must not become the next one's
                    raise
                if found is not None:
                    self.idle.append(worker)
                    return found
                if self.drop(worker, patience=5.0) == -signal.SIGPROF:
                    return None
                # else it was ended from outside, which says nothing about the answers
        return None

    def take(self) -> Worker:
        try:
            return self.idle.pop()
        except IndexError:
            worker = Worker()
            self.workers.add(worker)
            return worker

    def drop(self, worker: Worker, patience: float = 0.0) -> int:
        self.workers.discard(worker)
        return worker.end(patience)

    def close(self) -> None:
        self.idle.clear()
        while self.workers:
            self.workers.pop().end()


POOLS: dict[int, Pool] = {}
LOCK = threading.Lock()


def pool(size: int) -> Pool:
    """This process's pool of a size."""
    with LOCK:
        if size not in POOLS:
            POOLS[size] = Pool(size)
        return POOLS[size]


def close_pools() -> None:
    """End all idle processes; they start again when needed."""
    with LOCK:
        for each in POOLS.values():
            each.close()


def _forget() -> None:
    # A fork has its parent's pipes: two that speak on one would get each other's verdicts.
    global LOCK
    LOCK = threading.Lock()
    for each in POOLS.values():
        for worker in each.workers:
            worker.abandon()
    POOLS.clear()


atexit.register(close_pools)
os.register_at_fork(after_in_child=_forget)
