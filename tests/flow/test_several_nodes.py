"""One training on both nodes of a real SLURM, by the command line: killed, told to stop, and equal to one process."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
from pathlib import Path

import psutil
import pytest
from commands.submitting import ENVIRONMENT, TINY, finish, starts, steps, training, until
from conftest import package
from servers.slurm import Cluster

pytestmark = [pytest.mark.slow]
TWICE_TWO = [
    "sweeps=null",
    "data_mix=cot",
    *TINY[:-1],
    "trainer.epochs=20",
    "trainer.batch_size=8",
    "trainer.save_every=4",
    "trainer.keep_every=null",
    "trainer.deepspeed=zero3",
    "slurm=testbed",
    "slurm.stages.train.nodes=2",
    "slurm.stages.train.processes_per_node=2",
]


@pytest.fixture(scope="module", autouse=True)
def parts() -> None:
    package("deepspeed")


def ranks(folder: Path) -> list[psutil.Process]:
    """Processes of the training and its helpers, on either node."""
    found = []
    for process in psutil.process_iter(["cmdline", "name"]):
        words = " ".join(process.info["cmdline"] or ())
        if (
            process.info["name"] != "srun"
            and str(folder) in words
            and ("lema.trainers.worker" in words or "lema.running.worker" in words)
        ):
            found.append(process)
    return found


def curve(folder: Path, train: str) -> list[dict[str, float]]:
    lines = (folder / "store" / "artifacts" / train / "curve.jsonl").read_text().splitlines()
    return [json.loads(line) for line in lines]


def test_a_training_on_two_nodes_is_killed_and_told_to_stop_and_ends_with_the_curve_of_one_process(
    cluster: Cluster, tmp_path: Path
) -> None:
    finish(cluster, tmp_path, *TWICE_TWO)
    until(lambda: "lema-train" in cluster("squeue", "-h", "-o", "%j"))
    train, job = training(cluster)

    # The first node's process is killed, as for want of memory: nothing of the others is left, and it is said.
    until(lambda: starts(tmp_path)[train] == 1 and steps(tmp_path, train) >= 5, 500)
    assert len(ranks(tmp_path)) == 8  # on each node: the stage or its helper, the launcher, two ranks
    log = (tmp_path / "store" / "logs" / "starts.jsonl").read_text().splitlines()
    os.kill(json.loads(log[-1])["pid"], signal.SIGKILL)
    until(lambda: not ranks(tmp_path), 60)
    until(lambda: job not in cluster.jobs(), 60)
    assert "lost, its process ended without a word" in finish(cluster, tmp_path, *TWICE_TWO, "mode=wait", code=3)

    # Again, and this time told to stop, as before a time limit: it goes back into the queue and on.
    finish(cluster, tmp_path, *TWICE_TWO)
    _, job = training(cluster)
    until(lambda: starts(tmp_path)[train] == 2 and steps(tmp_path, train) >= 12, 500)
    cluster("scancel", "--signal=USR2", job)
    until(lambda: starts(tmp_path)[train] == 3, 300)
    until((tmp_path / "store" / "artifacts" / train).exists, 500)
    manifest = json.loads((tmp_path / "store" / "artifacts" / train / "manifest.json").read_text())
    assert (manifest["summary"]["ranks"], manifest["summary"]["resumed_from_step"] >= 12) == (4, True)
    finish(cluster, tmp_path, *TWICE_TWO, "mode=cancel")

    alone = tmp_path / "alone"
    (mix,) = (tmp_path / "store" / "artifacts").glob("mix-*")
    shutil.copytree(mix, alone / "store" / "artifacts" / mix.name)
    told = next((tmp_path / "store" / "submissions").glob(f"*/{train}/job.json"))
    given = json.loads(told.read_text()) | {"store": str(alone / "store")}
    given["point"]["trainer"]["deepspeed"] = "none"
    (alone / "job.json").write_text(json.dumps(given))
    words = [sys.executable, "-m", "lema.running.worker", str(alone / "job.json")]
    subprocess.run(words, env=ENVIRONMENT, check=True, capture_output=True, timeout=1800)
    together, single = curve(tmp_path, train), curve(alone, train)
    assert [row["step"] for row in together] == list(range(1, 41)) == [row["step"] for row in single]
    for one, other in zip(together, single, strict=True):
        assert abs(one["loss"] - other["loss"]) < 1e-4, one["step"]
