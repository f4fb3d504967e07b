"""The configuration of training: what is identity, and what is refused."""

from __future__ import annotations

import subprocess
import sys
from typing import Any

import pytest
from pydantic import ValidationError

from lema.base.errors import ConfigError
from lema.base.spec import key
from lema.lm.loading import nf4
from lema.lm.model import Model
from lema.trainers.finetune import Finetune
from lema.trainers.learning import deepspeed_settings

PLAIN: dict[str, Any] = {"method": "full", "learning_rate": 1e-4, "epochs": 1.0, "batch_size": 8}


def test_how_it_runs_is_not_what_it_is() -> None:
    running = {"micro_batch": 2, "processes": 2, "deepspeed": "zero2", "gradient_checkpointing": True, "threads": 3}
    running["offload"] = "optimizer"
    assert key(Finetune(**PLAIN)) == key(Finetune(**PLAIN, **running, device="cpu", save_every=7))


@pytest.mark.parametrize(
    "change", [{"batch_size": 16}, {"learning_rate": 2e-4}, {"packing": True}, {"beta2": 0.9}, {"keep_every": 5}]
)
def test_what_decides_the_result_is_identity(change: dict[str, Any]) -> None:
    assert key(Finetune(**PLAIN)) != key(Finetune(**{**PLAIN, **change}))


@pytest.mark.parametrize(
    "wrong",
    [
        {"learning_rate": -5.0},
        {"learning_rate": 0.0},
        {"epochs": 0.0},
        {"batch_size": 0},
        {"warmup": 1.0},
        {"over_long": 1.5},
        {"method": "lora2"},
        {"deepspeed": "zero1"},
        {"lora_dropout": -0.1},
        {"max_length": "long"},
        {"keep_every": 0},
        {"learning_rat": 1e-3},
    ],
)
def test_values_out_of_range_are_refused(wrong: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        Finetune(**{**PLAIN, **wrong})


def test_every_so_many_steps_and_the_last_are_kept() -> None:
    trainer = Finetune(**PLAIN, keep_every=4)
    assert [step for step in range(1, 11) if trainer.keeps(step, last=10)] == [4, 8, 10]
    assert not Finetune(**PLAIN).keeps(10, last=10)


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        ({"max_steps": 5}, "not both"),
        ({"epochs": None}, "not neither"),
        ({"batch_size": 12, "micro_batch": 8, "processes": 1}, "does not divide"),
        ({"batch_size": 8, "micro_batch": 4, "processes": 3}, "does not divide"),
        ({"lora_rank": 8}, "lora_rank means nothing"),
        ({"offload": "optimizer"}, "offload=optimizer is DeepSpeed's"),
        ({"offload": "parameters", "deepspeed": "zero2"}, "offload=parameters needs .*deepspeed=zero3"),
    ],
)
def test_impossible_combinations_are_refused(wrong: dict[str, Any], said: str) -> None:
    with pytest.raises(ConfigError, match=said):
        Finetune(**{**PLAIN, **wrong}).check()


@pytest.mark.parametrize(
    ("batch_size", "most", "job", "split"),
    [
        (12, 8, (1, None), (1, 6)),  # this machine
        (8, 8, (2, 2), (4, 2)),
        (96, 6, (1, 4), (4, 6)),
        (96, 6, (4, 8), (32, 3)),
        (14, 5, (1, 2), (2, 1)),
    ],
)
def test_a_job_gives_the_ranks_and_rows_at_once_become_the_most_that_split_the_batch_evenly(
    batch_size: int, most: int, job: tuple[int, int | None], split: tuple[int, int]
) -> None:
    trainer = Finetune(**{**PLAIN, "batch_size": batch_size, "micro_batch": most})
    placed = trainer.placed(*job)
    assert (placed.processes, placed.micro_batch) == split
    placed.check()
    assert key(placed) == key(trainer) and placed.placed(*job) == placed


@pytest.mark.parametrize(
    ("given", "job", "said"),
    [
        ({"batch_size": 6}, (2, 2), r"batch_size is 6, which the job's 4 processes \(2 node\(s\) x 2\) do not divide"),
        ({"processes": 4}, (1, 2), r"processes is 4, and the job has 1 node\(s\) for 2 process\(es\) each"),
        ({"processes": 1}, (2, None), r"processes is 1, and the job has 2 node\(s\): leave trainer.processes out"),
    ],
)
def test_a_training_that_a_job_cannot_split_is_refused(
    given: dict[str, Any], job: tuple[int, int | None], said: str
) -> None:
    with pytest.raises(ConfigError, match=said):
        Finetune(**{**PLAIN, **given}).placed(*job)


def test_processes_that_are_asked_for_are_kept_where_the_job_has_room() -> None:
    assert Finetune(**PLAIN, processes=2, micro_batch=4).placed().processes == 2  # this machine: nobody counts
    assert Finetune(**PLAIN, processes=2, micro_batch=4).placed(2, 4).processes == 2


@pytest.mark.parametrize("method", ["lora", "qlora"])
def test_an_adapter_on_random_weights_is_refused(method: str) -> None:
    trainer = Finetune(**{**PLAIN, "method": method})
    with pytest.raises(ConfigError, match="random"):
        trainer.check_model(Model(name="new", shipped="tiny", fresh=True), from_checkpoint=False)


@pytest.mark.parametrize(
    ("said", "stage", "moved"),
    [
        ({"deepspeed": "zero2"}, 2, set()),
        ({"deepspeed": "zero2", "offload": "optimizer"}, 2, {"optimizer"}),
        ({"deepspeed": "zero3", "offload": "optimizer"}, 3, {"optimizer"}),
        ({"deepspeed": "zero3", "offload": "parameters"}, 3, {"optimizer", "param"}),
    ],
)
def test_deepspeed_is_told_what_the_spec_says(said: dict[str, Any], stage: int, moved: set[str]) -> None:
    trainer = Finetune(**PLAIN, **said, processes=2, micro_batch=2, max_grad_norm=0.3)
    told = deepspeed_settings(trainer, 2, "bfloat16")
    assert told is not None
    zero = told["zero_optimization"]
    assert (zero["stage"], told["gradient_accumulation_steps"], told["gradient_clipping"]) == (stage, 2, 0.3)
    assert told["bf16"] == {"enabled": True} and told["fp16"] == {"enabled": False}
    assert {name.removeprefix("offload_") for name in zero if name.startswith("offload_")} == moved
    assert all(zero[f"offload_{what}"] == {"device": "cpu", "pin_memory": True} for what in moved)
    assert deepspeed_settings(Finetune(**PLAIN), 1, "bfloat16") is None


def test_four_bit_weights_pose_as_what_zero3_splits() -> None:
    """As bfloat16 on a GPU, where all other weights are; tests/real/test_ranks.py trains with float32."""
    assert str(nf4("bfloat16", "bfloat16").bnb_4bit_quant_storage) == "torch.bfloat16"
    assert str(nf4("bfloat16", None).bnb_4bit_quant_storage) == "torch.uint8"
    both = [nf4("bfloat16", storage) for storage in ("bfloat16", None)]
    assert {(made.bnb_4bit_quant_type, made.bnb_4bit_use_double_quant) for made in both} == {("nf4", True)}


def test_planning_a_training_imports_no_torch() -> None:
    code = "import lema.trainers.finetune, sys; sys.exit('torch' in sys.modules or 'transformers' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
