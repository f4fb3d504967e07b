"""A stage's process that trains, to be killed or asked to stop."""

from __future__ import annotations

import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import msgspec

from lema.base.protocols import TrainJob

PARENT = """
import sys, msgspec
from lema.base.protocols import TrainJob
from lema.base.errors import LemaError
from lema.trainers.worker import specs
job = msgspec.json.decode(open(sys.argv[1], "rb").read(), type=TrainJob)
try:
    print(msgspec.json.encode(specs(job)[1].train(job, lambda done, total: None)).decode())
except LemaError as fault:
    print(fault, file=sys.stderr)
    sys.exit(fault.exit_code)
"""


def start_parent(job: TrainJob) -> subprocess.Popen[str]:
    """Begin or go on with a job; the summary comes on standard output."""
    path = Path(job.work).parent / "given.json"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(msgspec.json.encode(job))
    return subprocess.Popen(
        [sys.executable, "-c", PARENT, str(path)], text=True, stdout=subprocess.PIPE, stderr=subprocess.PIPE
    )


def wait_for(condition: Callable[[], Any], parent: subprocess.Popen[str]) -> None:
    """Look again and again until it is so, as long as the process runs."""
    until = time.monotonic() + 800
    while not condition():
        assert parent.poll() is None, parent.communicate()
        assert time.monotonic() < until
        time.sleep(0.001)
