"""A real SLURM whose partition is down: nothing runs, so that what is in the queue can be looked at in peace.

The last test brings it up, and looks at arrays whose tasks fail, are told to stop and are cancelled.
"""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from servers.slurm import Cluster

pytestmark = [pytest.mark.slow]
SWEEP = ["-m", "data_mix=cot,cot_and_corrections", "seed=0,1,2", "slurm=testbed", "store=store"]
SMALL = [
    "debug=small",
    "decontamination=none",
    "cot_questions.stop=16",
    "evaluation.questions.stop=8",
    "evaluation.part=4",
    "evaluation.sampling.max_tokens=32",
    "trainer.epochs=120",  # longer than it takes to look at it and to stop it
    "trainer.save_every=20",
]
#: Three trainings of one training set, of which the first cannot be.
THREE = ["-m", "data_mix=cot", "trainer.max_length=8,200,201", *SMALL, "slurm=testbed", "store=store"]


@pytest.fixture(scope="module")
def held(cluster: Cluster) -> Cluster:
    cluster("scontrol", "update", "partitionname=normal", "state=down")
    return cluster


def lema(cluster: Cluster, folder: Path, *words: str, code: int = 0, **environment: str) -> str:
    done = subprocess.run(
        [sys.executable, "-m", "lema", *words],
        cwd=folder,
        env={**os.environ, **cluster.environment, **environment},
        capture_output=True,
        text=True,
        check=False,
        timeout=1800,
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


@pytest.mark.parametrize("arrays", [True, False])
def test_stages_that_differ_in_their_inputs_only_are_one_call_of_sbatch_unless_the_profile_says_no(
    held: Cluster, tmp_path: Path, arrays: bool
) -> None:
    words = [*SWEEP, f"slurm.arrays={str(arrays).lower()}"]
    lema(held, tmp_path, *words)
    listed = stages(lema(held, tmp_path, *words, "mode=status", "json=true"))
    assert {stage["state"] for stage in listed.values()} == {"waiting"}
    calls = {stage["job"].partition("_")[0] for stage in listed.values()}
    assert len(calls) == (11 if arrays else len(listed))
    names = held("squeue", "--noheader", "--array", "--format=%j").split()
    assert len(names) == len(listed) and any("-array." in name for name in names) == arrays
    for stage in listed.values():
        for above in stage["upstream"]:
            waits = held("squeue", "--noheader", "--array", f"--jobs={stage['job']}", "--format=%E")
            whole, _, task = listed[above]["job"].partition("_")
            assert (f"aftercorr:{whole}_" if task else f"afterok:{whole}(") in waits
            assert not task or task == stage["job"].partition("_")[2]
    assert ", 0 submitted." in lema(held, tmp_path, *words)
    lema(held, tmp_path, *words, "mode=cancel")


def test_a_task_of_an_array_fails_stops_and_is_cancelled_alone(held: Cluster, tmp_path: Path) -> None:
    killed = subprocess.Popen(
        [sys.executable, "-m", "lema", *THREE],
        cwd=tmp_path,
        env={**os.environ, **held.environment},
        stdout=subprocess.DEVNULL,
        start_new_session=True,
    )
    until(lambda: "-array." in held("squeue", "--noheader", "--format=%j"))
    os.killpg(killed.pid, signal.SIGKILL)
    killed.wait()
    lema(held, tmp_path, *THREE)
    listed = stages(lema(held, tmp_path, *THREE, "mode=status", "json=true"))
    assert {stage["state"] for stage in listed.values()} == {"waiting"}
    assert Counter(stage["kind"] for stage in listed.values()) == {"mix": 1, "train": 3, "evaluate": 4}
    assert len(held("squeue", "--noheader", "--array", "--format=%i").split()) == len(listed)
    chains = {
        stage["upstream"][0]: stage for stage in listed.values() if stage["kind"] == "evaluate" and stage["upstream"]
    }
    trained = sorted(
        (s for s in listed.values() if s["kind"] == "train"), key=lambda s: int(s["job"].partition("_")[2])
    )
    broken, stopped, other = trained
    held("scontrol", "update", "partitionname=normal", "state=up")
    until(lambda: seen(held, tmp_path)[stopped["key"]]["state"] == "running" and starts(tmp_path, stopped) == 1)
    until(lambda: (seen(held, tmp_path)[stopped["key"]]["done"] or 0) >= 2)
    held("scancel", "--signal=USR2", stopped["job"])
    held("scancel", chains[other["key"]]["job"])
    ended = stages(lema(held, tmp_path, *THREE, "mode=wait", "json=true", code=3))
    states = {stage["key"]: stage["state"] for stage in ended.values()}
    assert states == {
        **dict.fromkeys(listed, "have"),
        broken["key"]: "failed",
        chains[broken["key"]]["key"]: "missing",
        chains[other["key"]]["key"]: "missing",
    }
    assert [starts(tmp_path, stage) for stage in trained] == [1, 2, 1]
    assert ended[broken["key"]]["job"] == broken["job"] and "8" in ended[broken["key"]]["error"]
    assert Path(ended[broken["key"]]["log"]).is_file()
    (artifact,) = (tmp_path / "store" / "artifacts").glob(f"train-{stopped['key']}")
    holders = json.loads((artifact / "manifest.json").read_text())["holders"]
    assert [holder["job"] for holder in holders] == [stopped["job"]] * 2


def seen(cluster: Cluster, folder: Path) -> dict[str, dict[str, Any]]:
    return stages(lema(cluster, folder, *THREE, "mode=status", "json=true"))


def starts(folder: Path, stage: dict[str, Any]) -> int:
    """How often a stage was begun."""
    log = (folder / "store" / "logs" / "starts.jsonl").read_text()
    return log.count(f"{stage['kind']}-{stage['key']}")


def until(holds: Callable[[], bool], seconds: float = 600) -> None:
    end = time.monotonic() + seconds
    while not holds():
        assert time.monotonic() < end, "it did not come to that"
        time.sleep(0.2)
