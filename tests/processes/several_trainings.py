"""Several trainings, one after the other, in one group of ranks: torch and DeepSpeed are imported once for all.

    srun -N2 --ntasks-per-node=1 python tests/processes/several_trainings.py jobs.json RANKS

Each is learnt as `lema.trainers.worker` does it; only what the libraries keep for a whole process is forgotten.
"""

from __future__ import annotations

import gc
import os
import sys
from pathlib import Path

import msgspec

from lema.base.protocols import TrainJob
from lema.trainers.folder import Folder
from lema.trainers.learning import learn
from lema.trainers.nodes import place, torchrun
from lema.trainers.worker import specs


def main() -> None:
    path, ranks = sys.argv[1], int(sys.argv[2])
    if "LOCAL_RANK" not in os.environ and ranks > 1:
        os.execv(sys.executable, [*torchrun(place(), ranks), __file__, path, sys.argv[2]])
    for job in msgspec.json.decode(Path(path).read_bytes(), type=list[TrainJob]):
        model, trainer = specs(job)
        assert trainer.ranks == ranks
        Path(job.work).mkdir(parents=True, exist_ok=True)
        summary = learn(job, model, trainer, Folder(Path(job.work), trainer.layout))
        if os.environ.get("RANK", "0") == "0":
            (Path(job.work) / "summary.json").write_bytes(msgspec.json.encode(summary))
            print(Path(job.output).parent.name, summary["final_loss"], summary["seconds"], flush=True)
        forget()


def forget() -> None:
    from accelerate.state import AcceleratorState, GradientState
    from transformers.integrations.deepspeed import unset_hf_deepspeed_config

    AcceleratorState._reset_state(reset_partial_state=True)
    GradientState._reset_state()
    unset_hf_deepspeed_config()
    os.environ.pop("ACCELERATE_USE_DEEPSPEED", None)
    gc.collect()


if __name__ == "__main__":
    main()
