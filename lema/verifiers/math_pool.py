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
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from lema.errors import LemaError, MissingExtra

WORKER = Path(__file__).with_name("math_worker.py")
START = 300.0  # seconds in which a process must have loaded sympy, on a busy machine
#: CPU time is the limit, so that verdicts do not depend on what else the machine does. A process that
#: gets no CPU for this many times its limit is given up too.
PATIENCE = 10


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
        greeting = self.read(START)
        if greeting is None or "ready" not in greeting:
            self.close()
            why = "it did not start" if greeting is None else greeting.get("broken")
            raise LemaError(f"the process that compares LaTeX answers does not work ({WORKER}): {why}")

    def ask(self, one: str, two: str, seconds: float) -> dict[str, Any] | None:
        """The reply to one comparison; None when the process ended or was given up."""
        assert self.process.stdin is not None
        request = json.dumps({"one": one, "two": two, "seconds": seconds})
        try:
            self.process.stdin.write(request.encode() + b"\n")
            self.process.stdin.flush()
        except BrokenPipeError:
            return None
        return self.read(seconds * PATIENCE)

    def read(self, seconds: float) -> dict[str, Any] | None:
        """A line of the process as an object; None at its end, or after `seconds`."""
        assert self.process.stdout is not None
        handle = self.process.stdout.fileno()
        poll = select.poll()
        poll.register(handle, select.POLLIN)
        end = time.monotonic() + seconds
        while b"\n" not in self.buffer:
            left = end - time.monotonic()
            if left <= 0 or not poll.poll(left * 1000):
                return None
            chunk = os.read(handle, 65536)
            if not chunk:
                return None
            self.buffer += chunk
        line, _, self.buffer = self.buffer.partition(b"\n")
        found = json.loads(line)
        return found if isinstance(found, dict) else None

    def close(self) -> int:
        """End the process; its exit status."""
        if self.process.poll() is None:
            # its last breath may be the kernel's signal, on its way
            self.process.kill()
        status = self.process.wait()
        self.abandon()
        return status

    def abandon(self) -> None:
        """Close our ends of the pipes."""
        for pipe in (self.process.stdin, self.process.stdout):
            assert pipe is not None
            try:
                pipe.close()
            except BrokenPipeError:
                continue


class Pool:
    """At most `size` processes, each started when one more is needed."""

    def __init__(self, size: int) -> None:
        self.room = threading.BoundedSemaphore(size)
        self.idle: list[Worker] = []

    def compare(self, one: str, two: str, seconds: float) -> dict[str, Any] | None:
        """What math-verify says of two answers; None when the CPU time ran out or the process died twice."""
        with self.room:
            for _ in range(2):
                worker = self.idle.pop() if self.idle else Worker()
                found = None
                try:
                    found = worker.ask(one, two, seconds)
                finally:
                    if found is None:
                        timed_out = worker.process.poll() is None
                        timed_out |= worker.close() == -signal.SIGPROF
                    else:
                        self.idle.append(worker)
                if found is not None or timed_out:
                    return found
        return None

    def close(self) -> None:
        while self.idle:
            self.idle.pop().close()


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
        for worker in each.idle:
            worker.abandon()
    POOLS.clear()


atexit.register(close_pools)
os.register_at_fork(after_in_child=_forget)
