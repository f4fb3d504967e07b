"""The parent's side of training: start the processes, pass on progress and signals, end them all."""

from __future__ import annotations

import contextlib
import os
import re
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from types import FrameType
from typing import Any

import msgspec

import lema.base.errors
from lema.base.errors import LemaError, Preempted, StageFailed
from lema.base.protocols import TrainJob
from lema.trainers.devices import one_visible
from lema.trainers.folder import Folder, Outcome
from lema.trainers.nodes import RENDEZVOUS, Place

POLL = 0.1  # seconds between looks at the training process
PATIENCE = 10.0  # seconds that the other ranks have to end once one of them has said how it ended
TAIL = 25  # lines of the log that an error quotes
PARENT = "LEMA_PARENT_PID"  # who a training process must not outlive
SECRET = re.compile(r"KEY|TOKEN|SECRET|PASSWORD|CREDENTIAL", re.IGNORECASE)
NEEDED = {"HF_TOKEN", "HUGGING_FACE_HUB_TOKEN"}  # gated models are read with it


def run(job: TrainJob, folder: Folder, here: Place, progress: Callable[[int, int], None]) -> dict[str, Any]:
    """Train in a process group of its own, and on the job's other nodes, and return the summary.

    Asked to stop (SIGTERM, SIGUSR2), it lets the ranks checkpoint at their next step.
    """
    folder.clear_signals()
    folder.job.write_bytes(msgspec.json.encode(job))
    with folder.log.open("ab") as log, _stop_requests(folder):
        start = log.tell()
        rendezvous = here.call(folder.job)
        process = subprocess.Popen(
            command(folder.job),
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            env={**environment(job), RENDEZVOUS: rendezvous},
            start_new_session=True,  # a group of its own: Ctrl-C is ours to handle, and all of it can be killed
        )
        try:
            _watch(process, folder, here, progress)
        finally:
            here.dismiss()
            kill(process)
    return _settle(folder, process.returncode, start, here.lost())


def command(job: Path) -> list[str]:
    """What starts the ranks of one node."""
    return [sys.executable, "-m", "lema.trainers.worker", str(job)]


def _watch(process: subprocess.Popen[bytes], folder: Folder, here: Place, progress: Callable[[int, int], None]) -> None:
    """Pass progress on until the process ends."""
    told: tuple[int, int] | None = None
    ended: float | None = None
    while process.poll() is None:
        now = folder.progress()
        if now is not None and now != told:
            progress(*now)
            told = now
        if ended is None and (folder.outcome() is not None or here.lost()):
            ended = time.monotonic()
        if ended is not None and time.monotonic() - ended > PATIENCE:
            return  # the launcher of several processes waits half a minute for the others
        time.sleep(POLL)
    now = folder.progress()
    if now is not None and now != told:
        progress(*now)


def kill(process: subprocess.Popen[bytes]) -> None:
    """End what is left of the process group; ranks in groups of their own end with their parent."""
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.killpg(process.pid, signal.SIGKILL)
    process.wait()


def _settle(folder: Folder, code: int, log_start: int, lost: list[str]) -> dict[str, Any]:
    outcome = folder.outcome() or Outcome(status="preempted" if folder.stop.exists() else "failed")
    if outcome.status == "done":
        return outcome.summary
    if outcome.status == "preempted":
        raise Preempted("training was asked to stop; the same command goes on from its last checkpoint")
    known = getattr(lema.base.errors, outcome.error, None)
    if isinstance(known, type) and issubclass(known, LemaError):
        raise known(outcome.message)
    ended = f"was killed by signal {-code}" if code < 0 else f"ended with exit code {code}"
    words = tail(outcome.message or written_since(folder.log, log_start))
    elsewhere = f" (on other nodes: {'; '.join(lost)})" if lost else ""
    raise StageFailed(f"training {ended}{elsewhere}; its log is {folder.log}. Its last words:\n{words}")


def written_since(log: Path, start: int) -> str:
    with log.open("rb") as words:
        words.seek(start)
        return words.read()[-20_000:].decode(errors="replace")


def tail(text: str) -> str:
    """The last lines of a log, without any secret that our environment holds."""
    for name, value in os.environ.items():
        if SECRET.search(name) and len(value) >= 8:
            text = text.replace(value, f"<{name}>")
    return "\n".join(text.splitlines()[-TAIL:])


def environment(job: TrainJob) -> dict[str, str]:
    """The ranks' environment: no secret that they do not need, threads that do not spin."""
    needed = NEEDED | ({"WANDB_API_KEY"} if job.tracking else set())
    kept = {name: value for name, value in os.environ.items() if name in needed or not SECRET.search(name)}
    defaults = {"OMP_WAIT_POLICY": "passive", "GOMP_SPINCOUNT": "0", "TOKENIZERS_PARALLELISM": "false"}
    forced = {
        PARENT: str(os.getpid()),
        "TORCH_FORCE_WEIGHTS_ONLY_LOAD": "1",  # checkpoints are data: nothing in them is ever executed
    }
    if (job.trainer["processes"] or 1) == 1:
        forced |= one_visible(os.environ)
    if (threads := job.trainer["threads"]) is not None:
        forced["OMP_NUM_THREADS"] = str(threads)
    return {**defaults, **kept, **forced}


@contextlib.contextmanager
def _stop_requests(folder: Folder) -> Iterator[None]:
    """While inside, SIGTERM and SIGUSR2 ask the ranks to checkpoint and end.

    Ranks look for a file: signals would reach them at different steps, and the launcher of several
    processes kills them on a signal of its own. Only the main thread can handle signals; in another
    one, they end us and the ranks with us.
    """
    if threading.current_thread() is not threading.main_thread():
        yield
        return

    def ask(_signum: int, _frame: FrameType | None) -> None:
        folder.stop.touch()

    before = {number: signal.signal(number, ask) for number in (signal.SIGTERM, signal.SIGUSR2)}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
