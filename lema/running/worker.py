"""One stage in one process, or several that share a loaded model: `python -m lema.running.worker job.json`.

The job names stages by key and carries the resolved configuration that leads to them, so that the
same file runs them on this machine or on another. Standard output gets one JSON line a stage, its result;
everything else goes to standard error, which the runner keeps as the log.
"""

from __future__ import annotations

import dataclasses
import os
import signal
import sys
import time
import traceback
from collections.abc import Iterator
from pathlib import Path
from types import FrameType
from typing import Any

import msgspec

from lema.base.errors import LemaError, Preempted
from lema.config.options import Point
from lema.lm.session import Session
from lema.running.jobs import Job, Result
from lema.running.plan import find_stages
from lema.stages.train import Train
from lema.store import Store
from lema.store.inputs import InputsOnce
from lema.store.sharing import Spread
from lema.store.stage import Inputs, Stage
from lema.tracking.runs import Tracking
from lema.trainers.following import follow
from lema.trainers.nodes import place

STOPS = (signal.SIGTERM, signal.SIGUSR2)


def execute(
    stage: Stage,
    store: Store,
    tracking: dict[str, Any] | None = None,
    session: Session | None = None,
    place: tuple[int, int] | None = None,
) -> bool:
    """Run a stage and publish it. False: somebody else did it meanwhile, or makes the last parts of it."""
    if tracking and isinstance(stage, Train):
        stage = dataclasses.replace(stage, tracking=tracking)  # its ranks log while they train
    read = InputsOnce(store)
    inputs = [read(needed) for needed in stage.upstream()]
    if place is not None and not share(stage, store, read, place, session):
        return False
    with store.open_work(stage, inputs=inputs, session=session) as work:
        if work is None:
            return False
        note_start(store, stage)
        summary = stage.run(read, work)
        artifact = store.publish(work, summary)
    if tracking:
        from lema.tracking.runs import log_stage

        log_stage(stage, artifact.summary, tracking)
    return True


def share(stage: Stage, store: Store, read: Inputs, place: tuple[int, int], session: Session | None) -> bool:
    """Make parts of a stage side by side with other processes; whether all parts are made, and this one publishes."""
    inputs = [read(needed) for needed in stage.upstream()]
    with store.open_share(stage, place, inputs=inputs, session=session) as work:
        if work is None:
            return False
        try:
            stage.run(read, work)
        except Spread as ended:
            return ended.whole
    raise TypeError(f"{type(stage).__name__} does not begin with a map: it cannot be shared")


def note_start(store: Store, stage: Stage) -> None:
    """One line in `logs/starts.jsonl`: who did what when, for people and for tests that count."""
    store.logs.mkdir(parents=True, exist_ok=True)
    line = msgspec.json.encode({"stage": store.address(stage), "pid": os.getpid(), "at": time.time()}) + b"\n"
    with (store.logs / "starts.jsonl").open("ab") as log:
        log.write(line)


def tracking_of(settings: Tracking | None, store: Store, group: str) -> dict[str, Any] | None:
    """W&B settings as plain values; None when nothing is tracked. Offline runs stay beside the artifacts."""
    if settings is None or settings.backend == "none":
        return None
    said = dataclasses.asdict(settings)
    return {**said, "group": settings.group or group, "dir": settings.dir or str(store.root)}


def stop(signum: int, _frame: FrameType | None) -> None:
    """End the stage in order; further requests must not disturb that (SLURM sends SIGUSR2, then SIGTERM)."""
    for number in STOPS:
        signal.signal(number, signal.SIG_IGN)
    raise Preempted(f"stopped by {signal.Signals(signum).name}; the same command goes on from here")


def run(path: Path) -> Iterator[Result]:
    """The results of a job's stages, each as it ends; the first that fails is the last."""
    from lema.config.config import experiment
    from lema.experiment.experiment import Experiment

    job = msgspec.json.decode(path.read_bytes(), type=Job)
    started, current = time.monotonic(), job.keys[0]
    try:
        built = experiment(job.point, Experiment)
        stages = find_stages([Point(built, job.point, job.overrides)], job.keys)
        store = Store(Path(job.store))
        tracking = tracking_of(built.tracking, store, job.group)
        with Session() as session:
            for current, stage in zip(job.keys, stages, strict=True):
                mine = execute(stage, store, tracking, session, job.place)
                yield Result(key=current, exit_code=0, seconds=time.monotonic() - started, elsewhere=not mine)
                started = time.monotonic()
    except LemaError as fault:
        sys.stderr.write(f"lema: {fault}\n")
        yield Result(key=current, exit_code=fault.exit_code, error=str(fault), seconds=time.monotonic() - started)
    except Exception as fault:
        traceback.print_exc()
        said = f"{type(fault).__name__}: {fault}"
        yield Result(key=current, exit_code=1, error=said, seconds=time.monotonic() - started)


def main() -> None:
    here = place()
    if here.node:
        raise SystemExit(follow(here))
    for signum in STOPS:
        signal.signal(signum, stop)
    answer = os.dup(1)
    os.dup2(2, 1)  # whatever prints, prints to the log
    code = 1
    try:
        for result in run(Path(sys.argv[1])):
            os.write(answer, msgspec.json.encode(result) + b"\n")
            code = result.exit_code
    finally:
        here.end(code)
    raise SystemExit(code)


if __name__ == "__main__":
    main()
