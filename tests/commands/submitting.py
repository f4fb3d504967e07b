"""What the tests of a real SLURM share: a tiny sweep, commands typed to it, and what they leave in the store."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Callable, Mapping
from pathlib import Path

from servers.slurm import Cluster

from lema.store import read_progress

TINY = [
    "debug=small",
    "decontamination=none",
    "cot_questions.stop=16",
    "generation.questions.stop=8",
    "generation.sampling.n=2",
    "generation.sampling.max_tokens=32",
    "generation.part=4",
    "evaluation.questions.stop=8",
    "evaluation.part=4",
    "evaluation.sampling.max_tokens=32",
    "trainer.epochs=1",
]
#: One thread everywhere: sums of floats come out alike only when they are split alike.
ENVIRONMENT = {**os.environ, "PYTHONUNBUFFERED": "1", "OMP_NUM_THREADS": "1"}


def start(
    cluster: Cluster | None, folder: Path, *words: str, more: Mapping[str, str] | None = None
) -> subprocess.Popen[str]:
    """Type a command in a folder; its store is there too."""
    return subprocess.Popen(
        [sys.executable, "-m", "lema", f"store={folder / 'store'}", *words],
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        cwd=folder,
        start_new_session=True,
        env={**ENVIRONMENT, **(cluster.environment if cluster else {}), **(more or {})},
    )


def finish(
    cluster: Cluster | None, folder: Path, *words: str, code: int = 0, more: Mapping[str, str] | None = None
) -> str:
    """What a command prints."""
    process = start(cluster, folder, *words, more=more)
    said, _ = process.communicate(timeout=600)
    assert process.returncode == code, said
    return said


def until(holds: Callable[[], bool], seconds: float = 600) -> None:
    end = time.monotonic() + seconds
    while not holds():
        assert time.monotonic() < end, "it did not come to that"
        time.sleep(0.05)


def digests(folder: Path) -> dict[str, str]:
    """The content of each artifact."""
    found = (folder / "store" / "artifacts").glob("*/manifest.json")
    return {path.parent.name: json.loads(path.read_text())["content"] for path in found}


def starts(folder: Path) -> Counter[str]:
    """How often each stage was begun."""
    log = folder / "store" / "logs" / "starts.jsonl"
    return Counter(json.loads(line)["stage"] for line in (log.read_text().splitlines() if log.exists() else ()))


def submitted(folder: Path) -> Counter[str]:
    """How often each stage was given to sbatch."""
    scripts = (folder / "store" / "submissions").glob("*/*/[0-9]*_submission.sh")
    return Counter(path.parent.name for path in scripts if "-array-" not in path.parent.name)


def steps(folder: Path, train: str) -> int:
    """How far a training is."""
    found = [read_progress(held) for held in (folder / "store" / "work" / train).glob("*")]
    return max((progress[0] for progress in found if progress), default=0)


def training(cluster: Cluster) -> tuple[str, str]:
    """The training in the queue, and its job."""
    key, job = cluster("squeue", "-h", "-o", "%j %A").partition("lema-train-")[2].split()[:2]
    return f"train-{key}", job
