"""A real SLURM whose partition is down: nothing runs, so that what is in the queue can be looked at in peace."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from conftest import missing, package
from servers.slurm import Cluster, Unavailable

pytestmark = [pytest.mark.slow, pytest.mark.timeout(300)]
SWEEP = ["-m", "data_mix=cot,cot_and_corrections", "seed=0,1,2", "slurm=testbed", "store=store"]


@pytest.fixture(scope="module")
def held() -> Iterator[Cluster]:
    package("submitit")
    try:
        with Cluster().running() as made:
            made("scontrol", "update", "partitionname=normal", "state=down")
            yield made
    except Unavailable as fault:
        missing(str(fault))


def lema(cluster: Cluster, folder: Path, *words: str, code: int = 0, **environment: str) -> str:
    done = subprocess.run(
        [sys.executable, "-m", "lema", *words],
        cwd=folder,
        env={**os.environ, **cluster.environment, **environment},
        capture_output=True,
        text=True,
        check=False,
        timeout=200,
    )
    assert done.returncode == code, done.stdout + done.stderr
    return done.stdout


def stages(said: str) -> dict[str, dict[str, Any]]:
    """The stages by key; why a job waits changes while it does."""
    return {stage["key"]: {**stage, "where": None} for stage in json.loads(said)["stages"]}


def test_a_sweep_is_looked_after_without_composing_it_and_its_documents_are_those_of_one_composed_anew(
    held: Cluster, tmp_path: Path
) -> None:
    lema(held, tmp_path, *SWEEP)
    recalled = lema(held, tmp_path, *SWEEP, "mode=status", "json=true")
    composed = lema(held, tmp_path, *SWEEP, "report=other.html", "mode=status", "json=true")
    assert stages(recalled) == stages(composed)
    assert stages(lema(held, tmp_path, "slurm=testbed", "mode=status", "json=true", "submission=last")) == stages(
        recalled
    )
    listed = stages(recalled)
    assert {stage["state"] for stage in listed.values()} == {"waiting"}
    assert len({stage["job"] for stage in listed.values()}) == len(listed)
    planned = stages(lema(held, tmp_path, *SWEEP, "mode=plan", "json=true"))
    assert {key: stage["experiments"] for key, stage in planned.items()} == {
        key: stage["experiments"] for key, stage in listed.items()
    }
    one = next(key for key, stage in listed.items() if stage["kind"] == "evaluate" and not stage["upstream"])
    held("scancel", listed[one]["job"])
    assert Counter(s["state"] for s in stages(lema(held, tmp_path, *SWEEP, "mode=status", "json=true")).values()) == {
        "waiting": len(listed) - 1,
        "missing": 1,
    }
    gone = json.loads(lema(held, tmp_path, *SWEEP, "mode=cancel", "json=true"))
    assert len(gone["cancelled"]) == len(listed) - 1 and gone["ending"] == 0 and held.jobs() == []
    waited = lema(held, tmp_path, *SWEEP, "mode=wait", "json=true", code=3)
    assert json.loads(waited)["counts"] == {"missing": len(listed)} and json.loads(waited)["mode"] == "wait"


def test_looking_after_a_sweep_imports_nothing_that_composes(held: Cluster, tmp_path: Path) -> None:
    lema(held, tmp_path, *SWEEP)
    (tmp_path / "sitecustomize.py").write_text(
        "import sys\n"
        "class Refuses:\n"
        "    def find_spec(self, name, *_):\n"
        "        if name.partition('.')[0] in ('hydra', 'omegaconf', 'torch', 'scipy'):\n"
        "            raise AssertionError(name)\n"
        "sys.meta_path.insert(0, Refuses())\n"
    )
    path = os.pathsep.join([str(tmp_path), *filter(None, [os.environ.get("PYTHONPATH")])])
    assert " waiting" in lema(held, tmp_path, *SWEEP, "mode=status", PYTHONPATH=path)
    lema(held, tmp_path, *SWEEP, "mode=cancel", PYTHONPATH=path)
    lema(held, tmp_path, *SWEEP, "report=other.html", "mode=status", code=1, PYTHONPATH=path)  # which composes
