"""A sweep on a real SLURM of two nodes: each stage is done once, whoever is killed, and equals a run on one machine."""

from __future__ import annotations

import os
import signal
from collections import Counter
from pathlib import Path

import pytest
from commands.submitting import TINY, digests, finish, start, starts, submitted, until
from servers.slurm import Cluster

from lema.cluster.watch import last_result
from lema.running.jobs import Result

pytestmark = [pytest.mark.slow]
#: Four points: two mixes with two seeds.
SWEEP = ["-m", "data_mix=cot,corrections", "seed=0,1", *TINY]
#: Generation and what follows it draw by the seed; the base model is scored once.
STAGES = {"generate": 1, "correct": 1, "mix": 4, "train": 4, "evaluate": 5}
#: One seed of them, submitted first.
PART = ["-m", "data_mix=cot,corrections", "seed=0", *TINY]
FIRST = {"generate": 1, "correct": 1, "mix": 2, "train": 2, "evaluate": 3}


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where all tests of this file submit from: later ones find what earlier ones made."""
    return tmp_path_factory.mktemp("submitted")


def test_a_sweep_whose_submitting_process_is_killed_is_done_once_and_equals_a_local_run(
    cluster: Cluster, folder: Path, tmp_path: Path
) -> None:
    shared = ["slurm=testbed", "+slurm.stages={generate: {shards: 2}}"]
    first = start(cluster, folder, *PART, *shared)
    until(lambda: bool(cluster.jobs()))
    os.killpg(first.pid, signal.SIGKILL)
    first.wait()
    finish(cluster, folder, *PART, *shared)
    whole = set(cluster.jobs())
    both = [start(cluster, folder, *PART, *shared) for _ in range(2)]
    assert all(", 0 submitted." in process.communicate(timeout=1800)[0] for process in both)
    assert set(cluster.jobs()) <= whole

    more = finish(cluster, folder, *SWEEP, "slurm=testbed")  # the larger sweep: what it has more than the first
    assert f", {sum(STAGES.values()) - sum(FIRST.values())} submitted." in more

    def waits_and_runs() -> bool:
        status = finish(cluster, folder, *SWEEP, "slurm=testbed", "mode=status")
        return "waiting" in status and "running" in status

    until(waits_and_runs)
    ended = finish(cluster, folder, *SWEEP, "slurm=testbed", "mode=wait")
    assert f"{sum(STAGES.values())} stage(s), all in the store" in ended
    jobs = submitted(folder)
    for name in [name for name in jobs if name.startswith("generate-")]:
        assert jobs.pop(name) <= 2  # what the killed process had come to
    assert set(jobs.values()) == {1}
    assert set(starts(folder).values()) == {1}
    assert Counter(name.partition("-")[0] for name in starts(folder)) == STAGES
    finish(None, tmp_path, *SWEEP, f"report={tmp_path / 'report.html'}")
    assert set(starts(tmp_path).values()) == {1}
    assert Counter(name.partition("-")[0] for name in starts(tmp_path)) == STAGES
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
