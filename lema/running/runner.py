"""Running a plan on this machine: each missing stage once, independent ones side by side."""

from __future__ import annotations

import dataclasses
import os
import signal
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from pathlib import Path

import msgspec

from lema.base.errors import Preempted
from lema.config.options import Point
from lema.config.pythons import Pythons
from lema.running.jobs import Job, Result, python_of
from lema.running.plan import Plan, Step
from lema.running.progress import Display
from lema.running.snapshot import keep_code
from lema.store import Store

POLL = 0.1  # seconds between looks at the running workers


@dataclasses.dataclass(frozen=True)
class Failure:
    """A stage that ended badly."""

    step: Step
    error: str
    log: Path
    bug: bool


@dataclasses.dataclass
class Outcome:
    """What became of a plan."""

    done: list[Step] = dataclasses.field(default_factory=list)
    elsewhere: list[Step] = dataclasses.field(default_factory=list)
    failed: list[Failure] = dataclasses.field(default_factory=list)
    skipped: list[Step] = dataclasses.field(default_factory=list)


@dataclasses.dataclass
class _Running:
    """A worker with the stages that it has still to do, the current one first."""

    steps: list[Step]
    process: subprocess.Popen[bytes]
    log: Path
    said: bytes = b""  # of its standard output, up to a line that is not whole yet


def default_workers() -> int:
    """One stage a core; one at a time where there are GPUs, since a stage may use them all."""
    gpus = Path("/proc/driver/nvidia/gpus")
    return 1 if gpus.is_dir() and any(gpus.iterdir()) else os.cpu_count() or 1


def environment(workers: int) -> dict[str, str]:
    """A worker's environment: its share of the cores, and threads that do not spin against others'."""
    threads = max(1, (os.cpu_count() or 1) // workers)
    return {
        "OMP_NUM_THREADS": str(threads),
        "OMP_WAIT_POLICY": "passive",
        "GOMP_SPINCOUNT": "0",
        "TOKENIZERS_PARALLELISM": "false",
        **os.environ,
    }


def elsewhere(store: Store, share: Mapping[str, str]) -> dict[str, str]:
    """The environment of a worker in another Python: it takes a copy of this code, and nothing else of ours."""
    before = share.get("PYTHONPATH")
    path = os.pathsep.join([str(keep_code(store)), *([before] if before else [])])
    return {**share, "PYTHONPATH": path, "PYTHONSAFEPATH": "1"}


def run(
    plan: Plan,
    points: Sequence[Point],
    store: Store,
    workers: int,
    display: Display,
    group: str = "",
    pythons: Pythons | None = None,
) -> Outcome:
    """Run the missing stages of a plan.

    A stage that fails takes along only what needs it; the others are finished.

    Args:
        pythons: other Pythons, by the package that a stage needs one for.

    Raises:
        ConfigError: one of these is needed and is not there, or none is named (MissingExtra).
        Preempted: a worker was asked to stop, or we were; nothing finished is lost.
    """
    outcome = Outcome()
    waiting = plan.missing()
    others = {step.key: python for step in waiting if (python := python_of(step.stage, pythons or {}))}
    finished = {step.key for step in plan.steps if not step.missing}
    running: list[_Running] = []
    share = environment(workers)
    previous = signal.signal(signal.SIGTERM, _interrupt)
    try:
        while waiting or running:
            while len(running) < workers and (steps := _next(waiting, finished)):
                waiting = [step for step in waiting if step not in steps]
                running.append(_start(steps, points, store, share, group, others.get(steps[0].key)))
                display.start(steps[0])
            for worker in list(running):
                ended = worker.process.poll() is not None  # asked first, so that its last words are heard
                _hear(worker, outcome, finished, display)
                if ended:
                    running.remove(worker)
                    waiting += _settle(worker, outcome, display)
            lost = _doomed(waiting, outcome)
            outcome.skipped += lost
            waiting = [step for step in waiting if step not in lost]
            display.update([worker.steps[0] for worker in running if worker.steps])
            time.sleep(POLL)
    except BaseException:
        _stop(running)
        raise
    finally:
        signal.signal(signal.SIGTERM, previous)
    return outcome


def _interrupt(signum: int, _frame: object) -> None:
    raise Preempted(f"stopped by {signal.Signals(signum).name}; the same command goes on from here")


def _next(waiting: Sequence[Step], finished: set[str]) -> list[Step]:
    """Stages for one worker: the first that is ready, with all that are ready for the same model of the same point."""
    ready = [step for step in waiting if finished.issuperset(step.upstream)]
    if not ready or ready[0].stage.loads is None:
        return ready[:1]
    first = ready[0]
    return [s for s in ready if s.points[0] == first.points[0] and s.stage.loads == first.stage.loads]


def _start(
    steps: Sequence[Step],
    points: Sequence[Point],
    store: Store,
    share: dict[str, str],
    group: str,
    python: str | None,
) -> _Running:
    first = steps[0]
    point = points[first.points[0]]
    store.logs.mkdir(parents=True, exist_ok=True)
    name = f"{first.stage.kind}-{first.key}"
    keys = tuple(step.key for step in steps)
    job = Job(keys=keys, store=str(store.root), point=point.raw, overrides=point.overrides, group=group)
    path = store.logs / f"{name}.{os.getpid()}.job.json"
    path.write_bytes(msgspec.json.encode(job))
    log = store.logs / f"{name}.log"
    with log.open("ab") as errors:
        process = subprocess.Popen(
            [python or sys.executable, "-m", "lema.running.worker", str(path)],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=errors,
            env=share if python is None else elsewhere(store, share),
        )
    assert process.stdout is not None
    os.set_blocking(process.stdout.fileno(), False)
    return _Running(list(steps), process, log)


def _hear(worker: _Running, outcome: Outcome, finished: set[str], display: Display) -> None:
    """Take the stages into account that a worker has said to be done, and a failure."""
    assert worker.process.stdout is not None
    *lines, worker.said = (worker.said + (worker.process.stdout.read() or b"")).split(b"\n")
    for line in lines:
        result = msgspec.json.decode(line, type=Result)
        if result.exit_code == Preempted.exit_code:
            raise Preempted(result.error)
        step = worker.steps.pop(0)
        assert step.key == result.key
        if result.exit_code == 0:
            (outcome.elsewhere if result.elsewhere else outcome.done).append(step)
            finished.add(step.key)
            display.done(step, result.seconds)
            if worker.steps:
                display.start(worker.steps[0])
        else:
            _fail(outcome, Failure(step, result.error, worker.log, bug=result.exit_code == 1), display)


def _settle(worker: _Running, outcome: Outcome, display: Display) -> list[Step]:
    """Take a worker's end into account; the stages that it did not come to are to be done by another."""
    assert worker.process.stdout is not None
    worker.process.stdout.close()
    code = worker.process.returncode
    if not worker.steps or any(failure.log == worker.log for failure in outcome.failed):
        return worker.steps
    ended = f"killed by signal {-code}" if code < 0 else f"exit code {code}"
    error = f"the stage's process ended without a word ({ended})"
    _fail(outcome, Failure(worker.steps.pop(0), error, worker.log, bug=code == 1), display)
    return worker.steps


def _fail(outcome: Outcome, failure: Failure, display: Display) -> None:
    outcome.failed.append(failure)
    display.failed(failure.step, failure.error)


def _doomed(waiting: list[Step], outcome: Outcome) -> list[Step]:
    """Waiting stages that need one that failed or was skipped."""
    dead = {failure.step.key for failure in outcome.failed} | {step.key for step in outcome.skipped}
    lost: list[Step] = []
    for step in waiting:  # in topological order, so one pass is enough
        if dead.intersection(step.upstream):
            dead.add(step.key)
            lost.append(step)
    return lost


def _stop(running: list[_Running]) -> None:
    """Ask the workers to stop, then make them."""
    for worker in running:
        worker.process.terminate()
    patience = time.monotonic() + 60
    for worker in running:
        try:
            worker.process.wait(max(0.1, patience - time.monotonic()))
        except subprocess.TimeoutExpired:
            worker.process.kill()
