"""A training on a real SLURM that is preempted, runs into its limit, is cancelled, killed, and loses its node."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import psutil
import pytest
from commands.submitting import TINY, digests, finish, start, starts, steps, training, until
from conftest import package
from servers.slurm import Cluster

pytestmark = [pytest.mark.slow]
STEPS = 60
#: Sixteen examples, and sixty-four a batch.
LONG = [
    "data_mix=cot",
    *TINY[:-1],
    f"trainer.epochs={4 * STEPS}",
    "trainer.save_every=10",
]
TRACKED = ["tracking=wandb", "tracking.mode=offline"]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where all tests of this file submit from: later ones find what earlier ones made."""
    return tmp_path_factory.mktemp("disturbed")


def test_a_training_that_is_preempted_twice_and_hits_its_limit_ends_as_an_undisturbed_one(
    cluster: Cluster, folder: Path, tmp_path: Path
) -> None:
    package("wandb")
    undisturbed = start(None, tmp_path, *LONG, f"report={tmp_path / 'report.html'}", more=quiet_board(tmp_path))
    finish(cluster, folder, *LONG, *TRACKED, "slurm=testbed", more=quiet_board(folder))
    train, job = training(cluster)
    for time in (1, 2):
        until(lambda time=time: starts(folder)[train] == time and steps(folder, train) >= 8 * time)  # type: ignore[misc]
        with halted(folder):
            cluster("sbatch", "-p", "high", "-N2", "--exclusive", "-o", "/dev/null", "--wrap", "sleep 1")
            until(lambda: told(folder, train))
    until(lambda: starts(folder)[train] == 3 and steps(folder, train) >= 24)
    with halted(folder):
        limit(cluster, job, minutes=(elapsed(cluster, job) + 35) // 60 + 1)
        until(lambda: told(folder, train))
    until(lambda: starts(folder)[train] == 4)
    limit(cluster, job, minutes=30)
    finish(cluster, folder, *LONG, *TRACKED, "slurm=testbed", "mode=wait")
    manifest = json.loads((folder / "store" / "artifacts" / train / "manifest.json").read_text())
    assert {holder["job"] for holder in manifest["holders"]} == {job}
    assert len(manifest["holders"]) == 4
    assert undisturbed.wait(timeout=1200) == 0, undisturbed.communicate()[0]
    ours, theirs = (curve(where, train) for where in (folder, tmp_path))
    assert list(ours) == list(theirs) == list(range(1, STEPS + 1))
    assert max(abs(ours[step] - theirs[step]) for step in ours) <= 1e-6
    assert digests(folder)[train] == digests(tmp_path)[train]
    runs, logged = board(folder, train.partition("-")[2])
    assert runs == 5  # four starts of the training, and the summary of the stage
    assert logged == list(range(1, STEPS + 1)), "each step once, in order, over all starts"


def test_what_is_cancelled_killed_or_loses_its_node_leaves_the_queue_and_the_same_command_submits_it_again(
    cluster: Cluster, folder: Path
) -> None:
    other = [*LONG, "seed=1", "trainer.epochs=160", "slurm=testbed"]
    finish(cluster, folder, *other)
    until(lambda: len(cluster.jobs()) == 2)  # the training, and the evaluation that waits for it
    train = training(cluster)[0]
    until(lambda: starts(folder)[train] == 1)
    assert "2 job(s) cancelled." in finish(cluster, folder, *other, "mode=cancel")
    assert cluster.jobs() == []
    assert ", 2 submitted." in finish(cluster, folder, *other)
    until(lambda: starts(folder)[train] == 2)
    log = (folder / "store" / "logs" / "starts.jsonl").read_text().splitlines()
    os.kill(json.loads(log[-1])["pid"], signal.SIGKILL)  # as the kernel does when memory runs out
    said = finish(cluster, folder, *other, "mode=wait", code=3)
    assert ": lost, its process ended without a word (FAILED, NonZeroExitCode)" in said and "1 never began" in said
    assert ", 2 submitted." in finish(cluster, folder, *other)
    until(lambda: starts(folder)[train] == 3 and steps(folder, train) >= 15)
    with halted(folder):
        node = cluster("squeue", "-h", "-j", training(cluster)[1], "-o", "%N").strip()
        cluster("scontrol", "update", f"nodename={node}", "state=down", "reason=test")
    until(lambda: starts(folder)[train] == 4)
    cluster("scontrol", "update", f"nodename={node}", "state=resume")
    finish(cluster, folder, *other, "mode=wait")
    assert list(curve(folder, train)) == list(range(1, 41))


@contextmanager
def halted(folder: Path) -> Iterator[None]:
    """Meanwhile the training makes no step, so that however fast it is, it is not over before it is disturbed."""
    held = [
        process
        for process in psutil.process_iter(["cmdline"])
        if "lema.trainers.worker" in (words := process.info["cmdline"] or ()) and str(folder) in " ".join(words)
    ]
    assert held
    for process in held:
        process.suspend()
    yield
    for process in held:
        with suppress(psutil.NoSuchProcess):
            process.resume()


def told(folder: Path, train: str) -> bool:
    """Whether the training was asked to stop."""
    return any((folder / "store" / "work" / train).rglob("stop"))


def elapsed(cluster: Cluster, job: str) -> int:
    """Seconds since the present start of a job."""
    *hours, minutes, seconds = cluster("squeue", "-h", "-j", job, "-o", "%M").strip().split(":")
    return int(hours[0] if hours else 0) * 3600 + int(minutes) * 60 + int(seconds)


def limit(cluster: Cluster, job: str, minutes: int) -> None:
    """Give a job another limit. SLURM looks at limits twice a minute, and may warn half a minute too early."""
    cluster("scontrol", "update", f"JobId={job}", f"TimeLimit={minutes}")


def quiet_board(folder: Path) -> dict[str, str]:
    """W&B that writes below a folder only."""
    folders = {f"WANDB_{name}": str(folder / "wandb" / name) for name in ("DATA_DIR", "CACHE_DIR", "CONFIG_DIR")}
    for path in folders.values():
        Path(path).mkdir(parents=True, exist_ok=True)
    return {**folders, "WANDB_ERROR_REPORTING": "false"}


def curve(folder: Path, train: str) -> dict[int, float]:
    """The loss of each step."""
    lines = (folder / "store" / "artifacts" / train / "curve.jsonl").read_text().splitlines()
    return {row["step"]: row["loss"] for row in map(json.loads, lines)}


def board(folder: Path, wanted: str) -> tuple[int, list[int]]:
    """How many offline pieces of one W&B run there are, and the steps of training that they hold, in order."""
    pieces, logged = 0, []
    for file in sorted(folder.rglob("run-*.wandb"), key=lambda path: path.stat().st_ctime):
        command = [str(Path(sys.executable).with_name("wandb")), "leet", "inspect", "--json", str(file)]
        said = subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=60, check=True)
        records = [json.loads(line) for line in said.stdout.splitlines() if line.strip()]
        if wanted in {record["run"]["run_id"] for record in records if "run" in record}:
            pieces += 1
            items = [record["history"]["item"] for record in records if "history" in record]
            logged += [item["_step"] for item in items if "train/loss" in item]
    return pieces, logged
