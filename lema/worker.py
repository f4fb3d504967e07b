"""One stage in one process: `python -m lema.worker job.json`.

The job names a stage by key and carries the resolved configuration that leads to it, so that the
same file runs it on this machine or on another. Standard output gets one JSON line, the result;
everything else goes to standard error, which the runner keeps as the stage's log.
"""

from __future__ import annotations

import os
import signal
import sys
import time
import traceback
from pathlib import Path
from types import FrameType
from typing import Any

import msgspec

from lema.errors import LemaError, Preempted
from lema.options import Point
from lema.plan import find_stage
from lema.stage import Stage
from lema.store import Store


class Job(msgspec.Struct, frozen=True, kw_only=True):
    """What a worker is told."""

    key: str
    store: str
    point: dict[str, Any]
    overrides: tuple[str, ...] = ()
    group: str = ""


class Result(msgspec.Struct, frozen=True, kw_only=True):
    """What a worker says when it ends; `exit_code` is that of the process."""

    exit_code: int
    error: str = ""
    seconds: float = 0.0
    elsewhere: bool = False  # somebody else published the stage while we waited


def execute(stage: Stage, store: Store, group: str = "") -> bool:
    """Run a stage and publish it. False: somebody else did it meanwhile."""
    inputs = [store.get(needed) for needed in stage.upstream()]
    with store.open_work(stage, inputs=inputs) as work:
        if work is None:
            return False
        note_start(store, stage)
        summary = stage.run(store.get, work)
        artifact = store.publish(work, summary)
    track(stage, artifact.summary, group)
    return True


def note_start(store: Store, stage: Stage) -> None:
    """One line in `logs/starts.jsonl`: who did what when, for people and for tests that count."""
    store.logs.mkdir(parents=True, exist_ok=True)
    line = msgspec.json.encode({"stage": store.address(stage), "pid": os.getpid(), "at": time.time()}) + b"\n"
    with (store.logs / "starts.jsonl").open("ab") as log:
        log.write(line)


def track(stage: Stage, summary: dict[str, Any], group: str) -> None:
    """Tell W&B of a finished stage, when tracking is on."""
    settings = getattr(stage, "tracking", None)
    if settings:
        from lema.tracking import log_stage

        log_stage(stage, summary, settings, group)


def stop(signum: int, _frame: FrameType | None) -> None:
    raise Preempted(f"stopped by {signal.Signals(signum).name}; the same command goes on from here")


def run(path: Path) -> Result:
    from lema.config import experiment
    from lema.pipeline import Experiment

    started = time.monotonic()
    job = msgspec.json.decode(path.read_bytes(), type=Job)
    try:
        built = experiment(job.point, Experiment)
        stage = find_stage([Point(built, job.point, job.overrides)], job.key)
        mine = execute(stage, Store(Path(job.store)), job.group)
        return Result(exit_code=0, seconds=time.monotonic() - started, elsewhere=not mine)
    except LemaError as fault:
        sys.stderr.write(f"lema: {fault}\n")
        return Result(exit_code=fault.exit_code, error=str(fault), seconds=time.monotonic() - started)
    except Exception as fault:
        traceback.print_exc()
        return Result(exit_code=1, error=f"{type(fault).__name__}: {fault}", seconds=time.monotonic() - started)


def main() -> None:
    for signum in (signal.SIGTERM, signal.SIGUSR2):
        signal.signal(signum, stop)
    answer = os.dup(1)
    os.dup2(2, 1)  # whatever prints, prints to the log
    result = run(Path(sys.argv[1]))
    os.write(answer, msgspec.json.encode(result) + b"\n")
    raise SystemExit(result.exit_code)


if __name__ == "__main__":
    main()
