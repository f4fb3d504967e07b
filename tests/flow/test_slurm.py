"""A real SLURM of two nodes: what is submitted is done once, whoever is killed, and equals a run on this machine."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from conftest import missing, package
from servers.slurm import Cluster, Unavailable

from lema.cluster.watch import last_result
from lema.jobs import Result
from lema.store import read_progress

pytestmark = [pytest.mark.slow, pytest.mark.timeout(600)]
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
SWEEP = ["-m", "data_mix=cot,cot_and_corrections", *TINY]
LONG = ["sweeps=null", "data_mix=cot", *TINY[:-1], "trainer.epochs=150", "trainer.save_every=10"]
STAGES = {"generate": 1, "correct": 1, "mix": 2, "train": 2, "evaluate": 3}
#: One thread everywhere: sums of floats come out alike only when they are split alike.
ENVIRONMENT = {**os.environ, "PYTHONUNBUFFERED": "1", "OMP_NUM_THREADS": "1"}


@pytest.fixture(scope="module")
def cluster() -> Iterator[Cluster]:
    package("submitit")
    try:
        with Cluster().running() as made:
            yield made
    except Unavailable as fault:
        missing(str(fault))


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where all tests of this file submit from: later ones find what earlier ones made."""
    return tmp_path_factory.mktemp("submitted")


def start(cluster: Cluster, folder: Path, *words: str) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-m", "lema", f"store={folder / 'store'}", *words],
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        cwd=folder,
        start_new_session=True,
        env={**ENVIRONMENT, **cluster.environment},
    )


def finish(cluster: Cluster, folder: Path, *words: str, code: int = 0) -> str:
    process = start(cluster, folder, *words)
    said, _ = process.communicate(timeout=400)
    assert process.returncode == code, said
    return said


def until(holds: Callable[[], bool], seconds: float = 120) -> None:
    end = time.monotonic() + seconds
    while not holds():
        assert time.monotonic() < end, "it did not come to that"
        time.sleep(0.05)


def digests(folder: Path) -> dict[str, str]:
    found = (folder / "store" / "artifacts").glob("*/manifest.json")
    return {path.parent.name: json.loads(path.read_text())["content"] for path in found}


def starts(folder: Path) -> Counter[str]:
    log = folder / "store" / "logs" / "starts.jsonl"
    return Counter(json.loads(line)["stage"] for line in (log.read_text().splitlines() if log.exists() else ()))


def submitted(folder: Path) -> Counter[str]:
    """How often each stage was given to sbatch."""
    scripts = (folder / "store" / "submissions").glob("*/*/[0-9]*_submission.sh")
    return Counter(path.parent.name for path in scripts)


def test_a_sweep_whose_submitting_process_is_killed_is_done_once_and_equals_a_local_one(
    cluster: Cluster, folder: Path, tmp_path: Path
) -> None:
    first = start(cluster, folder, *SWEEP, "slurm=testbed")
    until(lambda: bool(cluster.jobs()))
    os.killpg(first.pid, signal.SIGKILL)
    first.wait()
    finish(cluster, folder, *SWEEP, "slurm=testbed")
    whole = set(cluster.jobs())
    both = [start(cluster, folder, *SWEEP, "slurm=testbed") for _ in range(2)]
    assert all(", 0 submitted." in process.communicate(timeout=120)[0] for process in both)
    assert set(cluster.jobs()) <= whole

    def waits_and_runs() -> bool:
        status = finish(cluster, folder, *SWEEP, "slurm=testbed", "mode=status")
        return "waiting" in status and "running" in status

    until(waits_and_runs)
    ended = finish(cluster, folder, *SWEEP, "slurm=testbed", "mode=wait")
    assert f"{sum(STAGES.values())} stage(s), all in the store" in ended
    assert set(submitted(folder).values()) == {1} and set(starts(folder).values()) == {1}
    assert Counter(name.partition("-")[0] for name in starts(folder)) == STAGES
    finish(cluster, tmp_path, *SWEEP, f"report={tmp_path / 'report.html'}")
    assert digests(folder) == digests(tmp_path)


def test_a_stage_that_fails_ends_what_needs_it_and_is_named_with_the_command_that_goes_on(
    cluster: Cluster, folder: Path
) -> None:
    broken = ["sweeps=null", "data_mix=cot", *TINY, "trainer.max_length=8", "slurm=testbed"]
    assert " submitted." in finish(cluster, folder, *broken)
    said = finish(cluster, folder, *broken, "mode=wait", code=3)
    assert "train-" in said and ": failed, " in said and "never began" in said
    assert "slurm=testbed" in said.splitlines()[-1] and "mode=" not in said.splitlines()[-1]
    status = finish(cluster, folder, *broken, "mode=status")
    assert "1 failed, 1 missing" in status or "1 missing, 1 failed" in status, status
    log = Path(said.partition("log: ")[2].split()[0])
    assert log.is_file() and isinstance(last_result(log.with_suffix(".out")), Result)
    assert cluster.jobs() == []


def test_a_training_that_is_stopped_preempted_and_loses_its_node_ends_as_an_undisturbed_one(
    cluster: Cluster, folder: Path, tmp_path: Path
) -> None:
    finish(cluster, folder, *LONG, "slurm=testbed")
    train, job = training(cluster)
    until(lambda: steps(folder, train) >= 5)
    cluster("scancel", "--signal=USR2", job)  # what SLURM sends before a time limit
    until(lambda: starts(folder)[train] == 2 and steps(folder, train) >= 15)
    cluster("sbatch", "-p", "high", "-N2", "--exclusive", "-o", "/dev/null", "--wrap", "sleep 1")
    until(lambda: starts(folder)[train] == 3)
    time.sleep(3)
    node = cluster("squeue", "-h", "-j", job, "-o", "%N").strip()
    cluster("scontrol", "update", f"nodename={node}", "state=down", "reason=test")
    until(lambda: starts(folder)[train] == 4)
    cluster("scontrol", "update", f"nodename={node}", "state=resume")
    finish(cluster, folder, *LONG, "slurm=testbed", "mode=wait")
    manifest = json.loads((folder / "store" / "artifacts" / train / "manifest.json").read_text())
    assert {holder["job"] for holder in manifest["holders"]} == {job} and len(manifest["holders"]) == 4
    finish(cluster, tmp_path, *LONG, f"report={tmp_path / 'report.html'}")
    assert digests(folder)[train] == digests(tmp_path)[train]


def test_what_is_cancelled_or_killed_leaves_the_queue_and_the_same_command_submits_it_again(
    cluster: Cluster, folder: Path
) -> None:
    other = [*LONG, "seed=1", "slurm=testbed"]
    finish(cluster, folder, *other)
    until(lambda: len(cluster.jobs()) == 2)  # the training, and the evaluation that waits for it
    until(lambda: starts(folder)[training(cluster)[0]] == 1)
    assert "2 job(s) cancelled." in finish(cluster, folder, *other, "mode=cancel")
    assert cluster.jobs() == []
    assert ", 2 submitted." in finish(cluster, folder, *other)
    until(lambda: starts(folder)[training(cluster)[0]] == 2)
    log = (folder / "store" / "logs" / "starts.jsonl").read_text().splitlines()
    os.kill(json.loads(log[-1])["pid"], signal.SIGKILL)  # as the kernel does when memory runs out
    said = finish(cluster, folder, *other, "mode=wait", code=3)
    assert ": lost, its process ended without a word (FAILED, NonZeroExitCode)" in said and "1 never began" in said
    assert ", 2 submitted." in finish(cluster, folder, *other)
    finish(cluster, folder, *other, "mode=cancel")


def steps(folder: Path, train: str) -> int:
    """How far a training is."""
    found = [read_progress(held) for held in (folder / "store" / "work" / train).glob("*")]
    return max((progress[0] for progress in found if progress), default=0)


def training(cluster: Cluster) -> tuple[str, str]:
    """The training in the queue, and its job."""
    key, job = cluster("squeue", "-h", "-o", "%j %A").partition("lema-train-")[2].split()[:2]
    return f"train-{key}", job
