"""The paper's hyper-parameters, flag by flag: methods, section 4 (4.1 QLoRA: paper §3.3; 4.2 full: its App. C.4)."""

from __future__ import annotations

from typing import Any

import pytest
import yaml
from conftest import ROOT

from lema.config.config import build
from lema.trainers.finetune import Finetune

#: 4.1, what all QLoRA runs have in common. Quantisation (NF4, twice) and loss on completions are fixed in the trainer.
QLORA = {
    "method": "qlora",
    "lora_rank": 64,
    "lora_alpha": 16.0,
    "lora_dropout": 0.05,
    "lora_targets": (),  # all linear layers but the output layer
    "schedule": "constant",
    "warmup": 0.0,
    "optimizer": "paged_adamw_32bit",
    "weight_decay": 0.01,
    "beta2": 0.999,
    "max_grad_norm": 0.3,
    "batch_size": 96,
    "max_steps": 2000,
    "epochs": None,
    "save_every": 100,
    "keep_every": 100,  # checkpoints, among which one is chosen
    "packing": False,
    "gradient_checkpointing": True,
    "deepspeed": "none",  # data parallel: each of the four GPUs holds all 4-bit weights
}
GSM8K = {"max_length": 512 + 512, "micro_batch": 6}  # 6 rows x 4 accumulated x 4 GPUs
MATH = {"max_length": 768 + 768, "micro_batch": 3}  # 3 rows x 8 accumulated x 4 GPUs
UNDER_34B, FROM_34B = {"learning_rate": 2e-4}, {"learning_rate": 1e-4}
#: 4.2; "everything else as above". The optimizer is DeepSpeed's business there, which splits its state over GPUs.
FULL = {
    "method": "full",
    "learning_rate": 1e-5,
    "batch_size": 128,
    "max_steps": None,
    "schedule": "constant",
    "warmup": 0.0,
    "weight_decay": 0.01,
    "beta2": 0.999,
    "max_grad_norm": 0.3,
    "max_length": 768 + 768,
    "keep_every": None,  # the last one is reported
    "packing": False,
    "gradient_checkpointing": True,
}
PRESETS: dict[str, dict[str, Any]] = {
    "lema_qlora": QLORA | GSM8K | UNDER_34B,
    "lema_qlora_large": QLORA | GSM8K | FROM_34B,
    "lema_qlora_math": QLORA | MATH | UNDER_34B,
    "lema_qlora_math_large": QLORA | MATH | FROM_34B,
    "lema_full": FULL | {"epochs": 3.0},  # 70B
    "lema_full_34b": FULL | {"epochs": 2.0},
}

#: PaD, its code: the defaults of its Trainer but for the rate. It stops early; checkpoint=best_on_dev stands for that.
PAD = {
    "method": "full",
    "learning_rate": 6e-5,
    "batch_size": 8,
    "max_steps": None,
    "schedule": "linear",
    "warmup": 0.0,
    "weight_decay": 0.0,
    "beta2": 0.999,
    "max_grad_norm": 1.0,
    "optimizer": "adamw_torch",
    "packing": False,
}


def preset(name: str) -> Finetune:
    made = build(yaml.safe_load((ROOT / "conf" / "trainer" / f"{name}.yaml").read_text()), "trainer")
    assert isinstance(made, Finetune)
    return made


@pytest.mark.parametrize(("name", "flag"), [(name, flag) for name, flags in PRESETS.items() for flag in flags])
def test_a_flag_is_the_papers(name: str, flag: str) -> None:
    assert getattr(preset(name), flag) == PRESETS[name][flag]


@pytest.mark.parametrize("flag", PAD)
def test_students_of_programs_are_trained_as_pads_are(flag: str) -> None:
    assert getattr(preset("pad_codet5"), flag) == PAD[flag]
    assert preset("pad_codet5").keep_every is not None


@pytest.mark.parametrize(("name", "accumulated"), [("lema_qlora", 4), ("lema_qlora_math", 8)])
@pytest.mark.parametrize("size", ["", "_large"])
def test_the_papers_split_over_four_gpus_makes_its_batch(name: str, size: str, accumulated: int) -> None:
    made = preset(name + size)
    split = made.placed(1, 4)
    assert (split.processes, split.micro_batch) == (4, made.micro_batch)
    assert split.micro_batch * accumulated * 4 == made.batch_size


def test_nothing_is_cut_or_left_out_in_silence() -> None:
    assert {preset(name).over_long for name in PRESETS} == {0.0}
