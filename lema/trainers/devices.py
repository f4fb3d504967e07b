"""The GPUs of a training on one machine: several are ranks, and one process keeps to one of them."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

VISIBLE = "CUDA_VISIBLE_DEVICES"
DEVICES = Path("/dev")


def gpus() -> int:
    """How many GPUs this process may use, as torch counts them; asked in a process of its own, which ends again."""
    if not any(DEVICES.glob("nvidia[0-9]*")):
        return 0
    words = [sys.executable, "-c", "import torch; print(torch.cuda.device_count())"]
    done = subprocess.run(words, capture_output=True, text=True, timeout=300, check=False)
    return int(done.stdout.split()[-1]) if done.returncode == 0 and done.stdout.split() else 0


def one_visible(environ: Mapping[str, str]) -> dict[str, str]:
    """What keeps a single process to the first GPU that is visible."""
    return {VISIBLE: environ.get(VISIBLE, "0").split(",", 1)[0]}


def keep_to_one(arguments: Any) -> None:
    """Have a rank use one device. A Trainer that sees several GPUs in one process wraps the model in DataParallel, and
    multiplies the loss by their number where it is divided by the items of a batch already."""
    if arguments.n_gpu > 1:
        arguments._n_gpu = 1
    assert arguments.n_gpu <= 1, "a rank has one device"
