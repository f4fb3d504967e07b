"""The training process: `python -m lema.trainers.worker job.json`. Knows files, and no store.

With several processes it first becomes torchrun, which starts it again as each rank.
"""

from __future__ import annotations

import ctypes
import dataclasses
import os
import signal
import sys
import traceback
from pathlib import Path
from typing import Any

import msgspec
from pydantic import TypeAdapter

from lema.base.errors import LemaError, Preempted
from lema.base.protocols import TrainJob
from lema.lm.model import Model
from lema.trainers.finetune import Finetune
from lema.trainers.folder import Folder, Outcome
from lema.trainers.nodes import STOPS, place, torchrun
from lema.trainers.objective import restored
from lema.trainers.process import PARENT

PR_SET_PDEATHSIG = 1  # <linux/prctl.h>


def die_with_parent() -> None:
    """Have the kernel kill us when the process that started us dies, however it dies.

    A resumed run must never find an older trainer still writing into its folder. Linux only.
    """
    if sys.platform == "linux":
        ctypes.CDLL(None, use_errno=True).prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
    if os.getppid() != int(os.environ.get(PARENT, os.getppid())):
        raise SystemExit("the process that started this training is gone")


def checkpoint_on_signals(folder: Folder) -> None:
    """Take SIGTERM and SIGUSR2, also when a scheduler sends them to us directly, as the request to stop soon."""
    for number in STOPS:
        signal.signal(number, lambda *_: folder.stop.touch())


def become_torchrun(trainer: Finetune, job: Path) -> None:
    """Replace this process by torchrun; on one node it uses the loopback interface alone.

    Signals that mean "stop soon" are for the ranks: torchrun would kill them instead.
    """
    here = place()
    for number in STOPS:
        signal.signal(number, signal.SIG_IGN)  # kept across exec
    os.environ |= {PARENT: str(os.getpid()), "TORCHELASTIC_SIGNALS_TO_HANDLE": "SIGINT,SIGHUP,SIGQUIT"}
    if trainer.threads is None:  # the cores are for all ranks together
        share = int(os.environ.get("OMP_NUM_THREADS", "1")) // (trainer.ranks // here.nodes)
        os.environ["OMP_NUM_THREADS"] = str(max(1, share))
    if here.nodes == 1:
        os.environ.setdefault("GLOO_SOCKET_IFNAME", "lo" if sys.platform == "linux" else "lo0")
    os.execv(sys.executable, [*torchrun(here, trainer.ranks), "-m", "lema.trainers.worker", str(job)])


def specs(job: TrainJob) -> tuple[Model, Finetune]:
    """The specs that a job holds as plain values."""
    plain = dict(job.trainer)
    objective = plain.pop("objective", None)
    parts: list[tuple[type, dict[str, Any]]] = [(Model, job.model), (Finetune, plain)]
    model, trainer = (TypeAdapter[Any](c).validate_json(msgspec.json.encode(fields)) for c, fields in parts)
    return model, dataclasses.replace(trainer, objective=restored(objective)) if objective else trainer


def main() -> int:
    die_with_parent()
    path = Path(sys.argv[1])
    job = msgspec.json.decode(path.read_bytes(), type=TrainJob)
    model, trainer = specs(job)
    if "LOCAL_RANK" not in os.environ and (trainer.ranks > 1 or trainer.deepspeed != "none"):
        become_torchrun(trainer, path)
    folder = Folder(path.parent, trainer.layout)
    checkpoint_on_signals(folder)
    first = os.environ.get("RANK", "0") == "0"
    try:
        from lema.trainers.learning import learn

        summary = learn(job, model, trainer, folder)
    except Preempted:
        if first:
            folder.tell(Outcome(status="preempted"))
        return Preempted.exit_code
    except LemaError as fault:
        folder.tell(Outcome(status="failed", error=type(fault).__name__, message=str(fault)))
        return fault.exit_code
    except BaseException:
        traceback.print_exc()
        if folder.outcome() is None:  # the first rank that fails knows why; the others only miss it
            folder.tell(Outcome(status="failed", message=traceback.format_exc()))
        return 1
    if first:
        folder.tell(Outcome(status="done", summary=summary))
    return 0


if __name__ == "__main__":
    sys.exit(main())
