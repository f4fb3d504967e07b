"""`hydra/launcher=submitit_slurm`: each point of a sweep as a job of its own on a real SLURM, into one store."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections import Counter
from pathlib import Path

import pytest
from commands.submitting import TINY
from commands.typed import Command
from conftest import package
from servers.slurm import Cluster

pytestmark = [pytest.mark.slow]
STOCK = "hydra/launcher=submitit_slurm"


@pytest.fixture(scope="module", autouse=True)
def launcher() -> None:
    package("hydra_plugins.hydra_submitit_launcher.config")


def test_two_points_are_two_jobs_that_make_shared_stages_once(cluster: Cluster, tmp_path: Path) -> None:
    words = ["-m", "data_mix=cot,cot_and_corrections", *TINY, "store=store", STOCK]
    words += ["hydra.launcher.partition=normal", "hydra.launcher.timeout_min=30", "hydra.launcher.cpus_per_task=1"]
    done = subprocess.run(
        [sys.executable, "-m", "lema", *words],
        cwd=tmp_path,
        env={**os.environ, **cluster.environment, "OMP_NUM_THREADS": "1"},
        capture_output=True,
        text=True,
        check=False,
        timeout=350,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert "2 experiment(s) done, each as a job of its own" in done.stdout
    starts = (tmp_path / "store" / "logs" / "starts.jsonl").read_text().splitlines()
    begun = Counter(json.loads(line)["stage"] for line in starts)
    assert set(begun.values()) == {1}
    assert Counter(name.partition("-")[0] for name in begun) == {
        **{"generate": 1, "correct": 1},
        **{"mix": 2, "train": 2, "evaluate": 3},
    }
    manifests = [json.loads(path.read_text()) for path in (tmp_path / "store" / "artifacts").glob("*/manifest.json")]
    assert len({m["job"] for m in manifests}) == 2
    assert all((tmp_path / f"report.{number}.html").is_file() for number in range(2))


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ("mode=plan", "hydra/launcher: it only runs experiments; type mode=plan without it"),
        ("slurm=testbed", "hydra/launcher: slurm= submits the stages itself; give one of the two"),
        ("trainer.learning_rate=-1", "trainer.learning_rate"),
    ],
)
def test_what_no_job_could_do_is_refused_before_any_is_submitted(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, line: str, said: str
) -> None:
    outcome = Command(tmp_path, monkeypatch)(f"-m seed=0,1 {STOCK} {line}")
    assert outcome.code == 2 and said in outcome.err
    assert not (Path.cwd() / ".submitit").exists()
