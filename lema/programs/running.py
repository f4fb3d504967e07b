"""Programs over several processes: an open sandbox."""

from __future__ import annotations

import os
import selectors
import time
from collections import deque
from collections.abc import Iterable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any

from lema.base.errors import LemaError
from lema.programs.levels import Level
from lema.programs.program import Outcome, Program, Status
from lema.programs.verdicts import SLACK, Left, Limits, judge
from lema.programs.worker import CHUNK, LOOKED, START, Died, Worker, nonce

AHEAD = 64  # programs a process that may be done before the first that is not
SOURCE = 200_000  # characters of a program
ANSWER = 60.0  # seconds in which a process must answer us, on a busy machine
AWAKE = 0.01  # share of the time by the clock that a program must have had of a CPU, or else it sleeps


@dataclass(eq=False)
class Attempt:
    """One program in one process."""

    index: int
    program: Program
    worker: Worker
    again: bool  # whether it was tried before, on a process that died
    nonce: bytes = field(default_factory=nonce)
    pipes: dict[int, bytearray] = field(default_factory=dict)  # open ends and where what they give goes
    left: Left = field(default_factory=Left)
    deadline: float = 0.0
    used: int = 0  # microseconds of CPU time that it had when its time by the clock last ran out
    asked: bool = False  # its process was asked for its CPU time, and has not answered
    ending: bool = False  # its process was told to end it, and has not answered


class Running:
    """What `Sandbox.open` gives: call it with programs. For one thread at a time, and not shared with forks."""

    def __init__(self, level: Level, limits: Limits, settings: dict[str, Any], workers: int) -> None:
        self.level, self.limits, self.settings = level, limits, settings
        self.owner = os.getpid()
        self.active = False
        self.selector = selectors.DefaultSelector()
        self.room = workers
        self.workers: set[Worker] = set()
        self.idle: list[Worker] = []
        self.attempts: dict[Worker, Attempt] = {}

    def __call__(self, programs: Sequence[Program]) -> list[Outcome]:
        """The outcomes of programs, in order.

        Raises:
            LemaError: the sandbox cannot go on (no process can be started).
        """
        return list(self.stream(programs))

    def stream(self, programs: Iterable[Program]) -> Iterator[Outcome]:
        """The same, one at a time and in order, for programs that are taken as they are needed."""
        if self.active or self.owner != os.getpid():
            raise RuntimeError("an open sandbox is for one thread of the process that opened it")
        self.active = True
        try:
            yield from self.work(enumerate(programs))
        finally:
            self.active = False
            for attempt in list(self.attempts.values()):
                self.drop(attempt)

    def work(self, programs: Iterator[tuple[int, Program]]) -> Iterator[Outcome]:
        done: dict[int, Outcome] = {}
        again: deque[Attempt] = deque()
        first, more = 0, True
        while True:
            while again and self.free():
                former = again.popleft()
                self.begin(former.index, former.program, again=True)
            while more and self.free() and not again and len(done) < AHEAD * self.room:
                index, program = next(programs, (-1, None))
                more = program is not None
                if program is None:
                    break
                refusal = refused(program, self.level.name)
                if refusal is None:
                    self.begin(index, program)
                else:
                    done[index] = refusal
            while first in done:
                yield done.pop(first)
                first += 1
            if not self.attempts and not again:
                if more:
                    continue
                return
            for attempt, outcome in self.wait():
                if outcome is not None:
                    done[attempt.index] = outcome
                elif attempt.again:
                    done[attempt.index] = Outcome(
                        status=Status.KILLED, level=self.level.name, message="its process died with it, twice"
                    )
                else:
                    again.append(attempt)

    def free(self) -> bool:
        return len(self.attempts) < self.room

    def begin(self, index: int, program: Program, *, again: bool = False) -> None:
        """Start a program in an idle process, or in a new one."""
        for _ in range(3):
            worker = self.idle.pop() if self.idle else self.start()
            attempt = Attempt(index, program, worker, again)
            try:
                output, result = worker.begin(program, attempt.nonce)
            except Died:
                self.discard(worker)
                continue
            attempt.pipes = {output: attempt.left.output, result: attempt.left.result}
            attempt.deadline = time.monotonic() + (self.limits.wall_seconds if worker.greeted else START)
            self.attempts[worker] = attempt
            for pipe in attempt.pipes:
                self.selector.register(pipe, selectors.EVENT_READ, attempt)
            return
        raise LemaError(f"the sandbox cannot start processes at level {self.level.name!r} any more")

    def start(self) -> Worker:
        try:
            worker = Worker(self.level, self.settings)
        except OSError as fault:
            raise LemaError(f"the sandbox cannot start a process at level {self.level.name!r}: {fault}") from None
        self.workers.add(worker)
        self.selector.register(worker.control, selectors.EVENT_READ, worker)
        return worker

    def wait(self) -> Iterator[tuple[Attempt, Outcome | None]]:
        """What has ended by now, waiting for something to happen; None for a program whose process died."""
        soonest = min(attempt.deadline for attempt in self.attempts.values())
        for key, _ in self.selector.select(max(0.0, soonest - time.monotonic())):
            if isinstance(key.data, Attempt):
                attempt = key.data
                if attempt.worker in self.attempts and key.fd in attempt.pipes:
                    self.hear(attempt, key.fd)
                continue
            worker: Worker = key.data
            found, new = self.attempts.get(worker), not worker.greeted
            try:
                replies = worker.replies()
            except Died:
                self.discard(worker)
                if found is not None:
                    self.drop(found)
                    yield found, None
                continue
            if found is not None and new and worker.greeted:
                found.deadline = time.monotonic() + self.limits.wall_seconds  # only now has it begun
            for number, said in replies:
                if found is None or self.attempts.get(worker) is not found:
                    break
                if number != LOOKED:
                    yield found, self.finish(found, number, said)
                elif not found.ending:
                    self.overslept(found, said)
        now = time.monotonic()
        for attempt in [one for one in self.attempts.values() if one.deadline <= now]:
            if attempt.ending or attempt.asked:
                self.drop(attempt)
                yield attempt, None
            else:
                attempt.asked, attempt.deadline = True, now + ANSWER
                with suppress(Died):
                    attempt.worker.look()

    def overslept(self, attempt: Attempt, used: int) -> None:
        """A program's time by the clock is over; one that runs, on a busy machine, is given more.

        Not for ever, since each time it has used some of its CPU time.
        """
        awake = used - attempt.used > AWAKE * self.limits.wall_seconds * 1e6
        attempt.asked, attempt.used = False, used
        if awake:
            attempt.deadline = time.monotonic() + self.limits.wall_seconds
        else:
            attempt.left.stopped = Status.TIMEOUT
            self.end(attempt)

    def hear(self, attempt: Attempt, pipe: int) -> None:
        """Read what a program wrote; end it when it is through, or has written too much."""
        chunk = os.read(pipe, CHUNK)
        held = attempt.pipes[pipe]
        held += chunk
        most = self.limits.output_bytes
        if len(held) > (most if held is attempt.left.output else 6 * most + SLACK):
            attempt.left.stopped = Status.OUTPUT
            self.end(attempt)
        elif not chunk:
            self.shut(attempt, pipe)
            if not attempt.pipes:
                self.end(attempt)

    def shut(self, attempt: Attempt, pipe: int) -> None:
        self.selector.unregister(pipe)
        os.close(pipe)
        del attempt.pipes[pipe]

    def end(self, attempt: Attempt) -> None:
        """Have a program killed, if it has not ended by itself."""
        for pipe in list(attempt.pipes):
            self.shut(attempt, pipe)
        attempt.ending, attempt.deadline = True, time.monotonic() + ANSWER
        try:
            attempt.worker.end()
        except Died:
            attempt.deadline = 0.0

    def finish(self, attempt: Attempt, status: int, microseconds: int) -> Outcome | None:
        """The outcome of a program that is gone; None when it could not even be forked."""
        del self.attempts[attempt.worker]
        if self.level.fresh or status == -1:
            self.discard(attempt.worker, kill=False)
        else:
            self.idle.append(attempt.worker)
        if status == -1:
            return None
        return judge(attempt.left, attempt.nonce, status, microseconds / 1e6, self.limits, self.level.name)

    def drop(self, attempt: Attempt) -> None:
        """Give up a program and its process."""
        for pipe in list(attempt.pipes):
            self.shut(attempt, pipe)
        self.attempts.pop(attempt.worker, None)
        self.discard(attempt.worker)

    def discard(self, worker: Worker, *, kill: bool = True) -> None:
        if worker in self.workers:
            self.workers.remove(worker)
            self.selector.unregister(worker.control)
            worker.kill() if kill else worker.close()
        if worker in self.idle:
            self.idle.remove(worker)

    def close(self) -> None:
        """End all processes."""
        for worker in list(self.workers):
            self.discard(worker, kill=False)
        self.selector.close()


def refused(program: Program, level: str) -> Outcome | None:
    """Why a program is not even started."""
    message = ""
    if len(program.source) > SOURCE:
        message = f"a program of {len(program.source):,} characters; {SOURCE:,} are allowed"
    elif not program.source.isascii():
        try:
            program.source.encode()
        except UnicodeEncodeError:
            message = "its text has half a character (a lone surrogate)"
    return Outcome(status=Status.REFUSED, level=level, message=message) if message else None
