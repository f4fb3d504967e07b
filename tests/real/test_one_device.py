"""A rank trains on one device, whatever it sees; several GPUs of a machine are as many ranks."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from toys.models import toy_examples, toy_job, toy_model, write_examples

from lema.lm.model import Model
from lema.trainers import devices, finetune, learning
from lema.trainers.devices import one_visible
from lema.trainers.finetune import Finetune
from lema.trainers.folder import Folder
from lema.trainers.learning import arrange, make_loop
from lema.trainers.process import environment

TOY: dict[str, Any] = {"learning_rate": 3e-3, "batch_size": 4, "micro_batch": 2, "max_steps": 2, "threads": 1}


@pytest.fixture(scope="module")
def toy(tmp_path_factory: pytest.TempPathFactory) -> Model:
    return toy_model(tmp_path_factory.mktemp("toy"))


@pytest.fixture(scope="module")
def examples(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_examples(tmp_path_factory.mktemp("examples") / "examples.jsonl", toy_examples(12))


def losses(folder: Path, toy: Model, examples: Path, method: str) -> list[float]:
    """Loss and gradient norm of each step in turn, in this process."""
    trainer = Finetune(method=method, device="cpu", **TOY)  # type: ignore[arg-type]
    job = toy_job(folder, toy, trainer, examples)
    plan, _ = arrange(job, toy, trainer, None)
    loop = make_loop(job, toy, trainer, Folder(Path(job.work)), plan, None)
    loop.train()
    assert type(loop.model_wrapped).__name__ != "DataParallel"
    return [row[name] for row in loop.state.log_history if "loss" in row for name in ("loss", "grad_norm")]


@pytest.mark.real
@pytest.mark.parametrize("method", ["full", "lora", "qlora"])
def test_one_process_that_sees_eight_gpus_has_the_loss_of_one(
    toy: Model, examples: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, method: str
) -> None:
    import torch

    given = learning.settings
    monkeypatch.setattr(learning, "settings", lambda *of: {**given(*of), "use_cpu": False})  # as where there are GPUs
    alone = losses(tmp_path / "alone", toy, examples, method)
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 8)
    assert losses(tmp_path / "eight", toy, examples, method) == pytest.approx(alone) and len(alone) == 4


@pytest.mark.real
def test_two_gpus_of_a_machine_are_two_ranks_with_the_curve_of_one(
    toy: Model, examples: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    trainer = Finetune(method="full", **TOY)
    curves = []
    for count in (0, 2):
        monkeypatch.setattr(finetune, "gpus", lambda count=count: count)
        said = trainer.train(toy_job(tmp_path / str(count), toy, trainer, examples), lambda _done, _total: None)
        assert (said["ranks"], said["micro_batch"]) == (max(1, count), 2)
        lines = (tmp_path / str(count) / "model" / "curve.jsonl").read_text().splitlines()
        curves.append([json.loads(line)["loss"] for line in lines])
    assert curves[1] == pytest.approx(curves[0], rel=1e-4)


def test_a_single_process_sees_the_first_of_the_visible_gpus(
    toy: Model, examples: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert [one_visible({"CUDA_VISIBLE_DEVICES": said}) for said in ("3,5", "GPU-a1,GPU-b2", "", "7")] == [
        {"CUDA_VISIBLE_DEVICES": kept} for kept in ("3", "GPU-a1", "", "7")
    ]
    assert one_visible({}) == {"CUDA_VISIBLE_DEVICES": "0"}
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "2,4")
    for processes, seen in ((None, "2"), (1, "2"), (2, "2,4")):
        trainer = Finetune(method="full", processes=processes, **TOY)
        assert environment(toy_job(tmp_path, toy, trainer, examples))["CUDA_VISIBLE_DEVICES"] == seen


def test_a_machine_without_devices_is_not_asked_for_them(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(devices, "DEVICES", tmp_path)
    monkeypatch.setattr(devices.subprocess, "run", lambda *_, **__: pytest.fail("it asked"))
    assert devices.gpus() == 0
    (tmp_path / "nvidia0").touch()
    monkeypatch.undo()
    monkeypatch.setattr(devices, "DEVICES", tmp_path)
    assert devices.gpus() == 0, "torch itself counts"
