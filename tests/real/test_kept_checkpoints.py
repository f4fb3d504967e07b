"""Checkpoints that are kept as results: for real, with a toy Llama."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from conftest import package
from processes.training_parent import start_parent, wait_for
from toys.models import toy_examples, toy_job, toy_model, write_examples

from lema.base.protocols import TrainJob
from lema.lm.loading import load_model
from lema.lm.model import Model
from lema.trainers.finetune import Finetune
from lema.trainers.folder import Folder
from lema.trainers.learning import learn

pytestmark = pytest.mark.real
TOY: dict[str, Any] = {"learning_rate": 3e-3, "batch_size": 8, "micro_batch": 4, "threads": 1, "device": "cpu"}


@pytest.fixture(scope="module")
def toy(tmp_path_factory: pytest.TempPathFactory) -> Model:
    return toy_model(tmp_path_factory.mktemp("toy"))


@pytest.fixture(scope="module")
def examples(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_examples(tmp_path_factory.mktemp("examples") / "examples.jsonl", toy_examples(50))


def learned(root: Path, model: Model, trainer: Finetune, examples: Path, base: Path | None = None) -> Path:
    """Train in this process; the folder that holds `model` and, in `work/kept`, the kept checkpoints."""
    job = toy_job(root, model, trainer, examples, base=None if base is None else str(base))
    Path(job.work).mkdir(parents=True)
    learn(job, model, trainer, Folder(Path(job.work)))
    return root


def content(folder: Path) -> dict[str, bytes]:
    files = (path for path in sorted(folder.rglob("*")) if path.is_file() and path.name != "curve.jsonl")
    return {str(path.relative_to(folder)): path.read_bytes() for path in files}


def steps_in(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


@pytest.mark.parametrize(
    ("method", "dtype"), [("full", "float32"), ("full", "bfloat16"), ("lora", "float32"), ("qlora", "float32")]
)
def test_a_kept_checkpoint_is_the_model_of_a_shorter_run_and_keeping_it_changes_nothing(
    toy: Model, examples: Path, tmp_path: Path, method: str, dtype: str
) -> None:
    stored = dataclasses.replace(toy, dtype=dtype)  # type: ignore[type-var]
    given = TOY | {"method": method} | ({} if method == "full" else {"lora_dropout": 0.1})
    kept = learned(tmp_path / "kept", stored, Finetune(**given, max_steps=5, keep_every=2), examples)
    plain = learned(tmp_path / "plain", stored, Finetune(**given, max_steps=5), examples)
    short = learned(tmp_path / "short", stored, Finetune(**given, max_steps=2), examples)
    assert steps_in(kept / "work" / "kept") == ["step-000002", "step-000004", "step-000005"]
    assert content(kept / "work" / "kept" / "step-000002") == content(short / "model")
    assert content(kept / "work" / "kept" / "step-000005") == content(kept / "model") == content(plain / "model")
    assert content(kept / "work" / "kept" / "step-000004") != content(kept / "model")
    assert not (plain / "work" / "kept").exists()


@pytest.mark.parametrize("method", ["full", "lora", "qlora"])
def test_a_kept_checkpoint_loads_with_plain_libraries(toy: Model, examples: Path, tmp_path: Path, method: str) -> None:
    from safetensors import safe_open
    from transformers import AutoModelForCausalLM, AutoTokenizer

    stored = dataclasses.replace(toy, dtype="bfloat16")  # type: ignore[type-var]
    trainer = Finetune(**TOY, method=method, max_steps=2, keep_every=1)
    root = learned(tmp_path, stored, trainer, examples)
    folder = root / "work" / "kept" / "step-000001"
    AutoTokenizer.from_pretrained(str(folder))
    if method == "full":
        loaded = AutoModelForCausalLM.from_pretrained(str(folder))
        assert str(loaded.dtype) == "torch.bfloat16" and loaded.config.use_cache
        with safe_open(folder / "model.safetensors", "pt") as held:
            names = list(held.keys())
            assert {str(held.get_tensor(name).dtype) for name in names} == {"torch.bfloat16"}
            assert "lm_head.weight" not in names  # tied: saved once
    else:
        from peft import PeftModel

        base = AutoModelForCausalLM.from_pretrained(str(toy.folder()))
        PeftModel.from_pretrained(base, str(folder))
        assert not (folder / "model.safetensors").exists()
    load_model(stored, folder)
    assert not {"training_args.bin", "README.md"} & {path.name for path in folder.rglob("*")}


def test_kept_adapters_on_a_trained_model_are_whole_models_too(toy: Model, examples: Path, tmp_path: Path) -> None:
    first = learned(tmp_path / "full", toy, Finetune(**TOY, method="full", max_steps=2), examples)
    given = TOY | {"method": "lora", "lora_dropout": 0.1}
    kept = learned(tmp_path / "kept", toy, Finetune(**given, max_steps=3, keep_every=1), examples, base=first / "model")
    plain = learned(tmp_path / "plain", toy, Finetune(**given, max_steps=3), examples, base=first / "model")
    short = learned(tmp_path / "short", toy, Finetune(**given, max_steps=1), examples, base=first / "model")
    assert content(kept / "work" / "kept" / "step-000001") == content(short / "model")
    assert content(kept / "work" / "kept" / "step-000003") == content(plain / "model")
    assert (short / "model" / "model.safetensors").is_file()


# Killing and resuming


def kill_when(moment: Callable[[], Any], job: TrainJob) -> None:
    parent = start_parent(job)
    wait_for(moment, parent)
    parent.kill()
    parent.wait()


def test_kills_leave_the_same_kept_checkpoints_and_each_step_once(toy: Model, examples: Path, tmp_path: Path) -> None:
    trainer = Finetune(**TOY, method="lora", lora_dropout=0.1, schedule="cosine", max_steps=30, save_every=7)
    trainer = dataclasses.replace(trainer, keep_every=4)  # type: ignore[type-var]
    calm, killed = tmp_path / "calm", tmp_path / "killed"
    trainer.train(toy_job(calm, toy, trainer, examples), lambda *_: None)
    job = toy_job(killed, toy, trainer, examples)
    folder = Folder(Path(job.work))
    kill_when(lambda: list(folder.partial.glob("kept-*/*.safetensors")), job)  # while one is written
    # Kept, and not yet behind a checkpoint to resume from: steps 15 and 16 are done again.
    kill_when(lambda: (folder.kept / "step-000016").exists() and folder.newest() is not None, job)
    parent = start_parent(job)
    said, errors = parent.communicate(timeout=1200)
    assert parent.returncode == 0, errors
    assert json.loads(said)["resumed_from_step"] >= 7
    assert steps_in(calm / "checkpoints") == [f"step-{step:06d}" for step in (4, 8, 12, 16, 20, 24, 28, 30)]
    assert content(killed / "checkpoints") == content(calm / "checkpoints")
    assert content(killed / "model") == content(calm / "model")
    assert not (killed / "work" / "kept").exists()


@pytest.mark.slow
@pytest.mark.parametrize("deepspeed", ["none", "zero2", "zero3"])
def test_two_processes_keep_what_one_keeps(toy: Model, examples: Path, tmp_path: Path, deepspeed: str) -> None:
    import torch

    package("deepspeed")
    given = TOY | {"method": "full", "max_steps": 3, "keep_every": 2}
    single = learned(tmp_path / "single", toy, Finetune(**given), examples)
    together = Finetune(**given | {"processes": 2, "deepspeed": deepspeed})
    trainer_root = tmp_path / "together"
    together.train(toy_job(trainer_root, toy, together, examples), lambda *_: None)
    assert steps_in(trainer_root / "checkpoints") == ["step-000002", "step-000003"]
    for step in ("step-000002", "step-000003"):
        one = load_model(toy, single / "work" / "kept" / step).state_dict()
        other = load_model(toy, trainer_root / "checkpoints" / step).state_dict()
        assert all(torch.allclose(one[name], other[name], atol=1e-4) for name in one)
