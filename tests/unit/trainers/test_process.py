"""What the training process is given, and what is quoted of it."""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import Any

import pytest

from lema.base.protocols import TrainJob
from lema.trainers.finetune import Finetune
from lema.trainers.process import environment, tail, written_since

TRAINER = Finetune(method="full", learning_rate=1e-3, epochs=1.0, batch_size=8)
ELSEWHERE = {"base": None, "examples": "", "chat": False, "seed": 0, "work": "", "output": ""}


def job(trainer: Finetune = TRAINER, **more: Any) -> TrainJob:
    return TrainJob(model={}, trainer=dataclasses.asdict(trainer), **ELSEWHERE, **more)


def test_keys_are_not_handed_on_unless_needed(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("OPENAI_API_KEY", "WANDB_API_KEY", "MY_SECRET", "HF_TOKEN"):
        monkeypatch.setenv(name, "planted-value")
    assert "HF_TOKEN" in environment(job())
    assert not {"OPENAI_API_KEY", "MY_SECRET", "WANDB_API_KEY"} & set(environment(job()))
    assert "WANDB_API_KEY" in environment(job(tracking={"project": "lema"}))


def test_threads_are_as_the_trainer_says_or_as_they_were(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OMP_NUM_THREADS", "3")
    assert environment(job())["OMP_NUM_THREADS"] == "3"
    assert environment(job(dataclasses.replace(TRAINER, threads=2)))["OMP_NUM_THREADS"] == "2"


def test_the_quoted_log_is_of_this_run_and_without_keys(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HF_TOKEN", "planted-value-123")
    log = tmp_path / "worker.log"
    log.write_text("an earlier run\n")
    start = log.stat().st_size
    with log.open("a") as more:
        more.write("401 for token planted-value-123\nValueError: no\n")
    assert tail(written_since(log, start)) == "401 for token <HF_TOKEN>\nValueError: no"
