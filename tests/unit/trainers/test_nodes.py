"""What the first node and its helpers tell each other."""

from __future__ import annotations

import dataclasses
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import msgspec
import pytest

from lema.base.errors import StageFailed
from lema.base.protocols import TrainJob
from lema.lm.model import Model
from lema.trainers.finetune import Finetune
from lema.trainers.folder import Folder
from lema.trainers.nodes import MEETING, NODES, PER_NODE, RENDEZVOUS, Place, place, torchrun
from lema.trainers.process import _settle

TRAINER = Finetune(method="full", learning_rate=1e-3, epochs=1.0, batch_size=8, processes=4)


@pytest.fixture
def helper(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> subprocess.Popen[bytes]:
    """What srun starts on the second of two nodes."""
    for name, held in {MEETING: str(tmp_path / "meeting"), NODES: "2", "SLURM_PROCID": "1"}.items():
        monkeypatch.setenv(name, held)
    assert place() == Place(2, 1, None, tmp_path / "meeting")
    return subprocess.Popen([sys.executable, "-m", "lema.running.worker", "job.json"], stderr=subprocess.DEVNULL)


def until(holds: Callable[[], object]) -> None:
    end = time.monotonic() + 300
    while not holds():
        assert time.monotonic() < end
        time.sleep(0.05)


def ignores(process: subprocess.Popen[bytes], number: int) -> bool:
    status = Path(f"/proc/{process.pid}/status").read_text()
    mask = int(status.partition("SigIgn:")[2].split()[0], 16)
    return bool(mask >> (number - 1) & 1)


def test_without_a_word_of_a_batch_script_there_is_one_node(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in (MEETING, NODES, PER_NODE):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("SLURM_PROCID", "0")
    assert place() == Place()
    assert Place().call(Path("job.json")) == "" and not Place().lost()
    monkeypatch.setenv(PER_NODE, "4")
    assert place() == Place(per_node=4)


def test_on_one_node_nobody_else_is_to_reach_the_ranks(monkeypatch: pytest.MonkeyPatch) -> None:
    alone = torchrun(Place(), 2)
    assert "--nproc-per-node=2" in alone and "--rdzv-endpoint=127.0.0.1:0" in alone
    monkeypatch.setenv(RENDEZVOUS, "first.cluster:29500")
    second = torchrun(Place(nodes=2, node=1), 4)
    assert {"--nproc-per-node=2", "--nnodes=2", "--node-rank=1", "--master-addr=first.cluster"} <= set(second)
    assert "--master-port=29500" in second and not [word for word in second if "127.0.0.1" in word]


@pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")
def test_a_helper_leaves_requests_to_stop_to_the_first_node_and_ends_with_it(
    helper: subprocess.Popen[bytes], tmp_path: Path
) -> None:
    until(lambda: ignores(helper, signal.SIGTERM) and ignores(helper, signal.SIGUSR2))
    helper.send_signal(signal.SIGTERM)
    helper.send_signal(signal.SIGUSR2)
    time.sleep(0.5)
    assert helper.poll() is None
    Place(2, 0, None, tmp_path / "meeting").end(75)
    assert helper.wait(300) == 0
    assert (tmp_path / "meeting" / "ended").read_text() == "75"


def test_a_node_whose_ranks_fail_is_named_in_the_error(helper: subprocess.Popen[bytes], tmp_path: Path) -> None:
    first = Place(2, 0, None, tmp_path / "meeting")
    alone = dataclasses.replace(TRAINER, processes=1)  # so that no rank waits for the others
    job = TrainJob(
        model=dataclasses.asdict(Model(name="m", shipped="tiny")),
        trainer=dataclasses.asdict(alone),
        base=None,
        examples=str(tmp_path / "nowhere.jsonl"),
        chat=False,
        seed=0,
        work=str(tmp_path / "work"),
        output=str(tmp_path / "model"),
    )
    (tmp_path / "work").mkdir()
    (tmp_path / "work" / "job.json").write_bytes(msgspec.json.encode(job))
    try:
        assert first.call(tmp_path / "work" / "job.json").rpartition(":")[2].isdigit()
        until(first.lost)
        first.dismiss()
        folder = Folder(tmp_path / "other")
        folder.root.mkdir()
        folder.log.write_text("the last word\n")
        with pytest.raises(StageFailed, match=r"killed by signal 9 \(on other nodes: node 1 \(.*exit code 1\)"):
            _settle(folder, -9, 0, first.lost())
    finally:
        first.end(1)
    assert helper.wait(300) == 0
