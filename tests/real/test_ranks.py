"""One, two and four ranks on a real SLURM of two nodes: equal curves, and models that plain libraries load."""

from __future__ import annotations

import itertools
import json
import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import msgspec
import pytest
from conftest import ROOT, package
from servers.slurm import Cluster, ports
from toys.models import toy_examples, toy_job, write_examples

from lema.base.protocols import TrainJob
from lema.lm.model import Model
from lema.trainers.finetune import Finetune
from lema.trainers.nodes import MEETING, NODES, RENDEZVOUS

pytestmark = [pytest.mark.real, pytest.mark.slow]
TINY = Model(name="tiny", shipped="tiny", dtype="float32")
#: method, deepspeed, offload
KINDS = [
    (method, split, "none")
    for method, split in itertools.product(("full", "lora", "qlora"), ("none", "zero2", "zero3"))
]
OFFLOADED = [("full", "zero2", "optimizer"), ("lora", "zero3", "parameters")]
SMOL = ("lora", "zero2", "smollm2")
#: Begun by one rank, and gone on with by two.
MOVED = ("full", "none", "moved")
MERGED = ("lora", "zero3", "merged")
ON_TWO = [*KINDS, SMOL, *OFFLOADED, MOVED, MERGED]
#: Each method, and each way to split.
ON_FOUR = [("full", "none", "none"), ("lora", "zero2", "none"), ("qlora", "zero3", "none"), SMOL]
EVERY = [(kind, 2) for kind in ON_TWO] + [(kind, 4) for kind in ON_FOUR]


@pytest.fixture(scope="module", autouse=True)
def parts() -> None:
    package("deepspeed")
    package("bitsandbytes")


def job(root: Path, kind: tuple[str, str, str], ranks: int, smol: Path) -> TrainJob:
    method, split, rest = kind
    small = rest == "smollm2"
    trainer = Finetune(
        method=method,
        learning_rate=3e-3,
        batch_size=4 if small else 8,
        # One rank accumulates, and so do those of plain full fine-tuning.
        micro_batch=1 if small else 2 if ranks == 1 or kind == KINDS[0] else 8 // ranks,
        max_steps=3 if small else 4,
        processes=ranks,
        deepspeed="none" if ranks == 1 else split,
        offload="none" if small or kind in (MOVED, MERGED) else rest,
        merge=kind == MERGED,
        save_every=2 if ranks == 1 else 100,
        threads=1,
        device="cpu",
        **({} if method == "full" else {"lora_rank": 8}),
    )
    model = Model(name="smollm2", path=str(smol), dtype="float32") if small else TINY
    return toy_job(folder(root, kind, ranks), model, trainer, root / "examples.jsonl")


def folder(root: Path, kind: tuple[str, str, str], ranks: int) -> Path:
    return root / f"{'-'.join(kind)}-{ranks}"


@pytest.fixture(scope="module")
def trained(cluster: Cluster, smollm2_dir: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """All trainings: in one process; in one on each node; in two on each."""
    root = tmp_path_factory.mktemp("ranks")
    write_examples(root / "examples.jsonl", toy_examples(24))
    alone = [(method, "none", "none") for method in ("full", "lora", "qlora")]
    for ranks, kinds in ((1, [*alone, SMOL]), (2, ON_TWO), (4, ON_FOUR)):
        jobs = root / f"jobs-{ranks}.json"
        jobs.write_bytes(msgspec.json.encode([job(root, kind, ranks, smollm2_dir) for kind in kinds]))
        words = [sys.executable, str(ROOT / "tests" / "processes" / "several_trainings.py"), str(jobs), str(ranks)]
        told = {"OMP_NUM_THREADS": "1", "PYTHONWARNINGS": "ignore"}
        if ranks > 1:
            (port,) = ports(1)
            words = ["srun", "-N2", "--ntasks-per-node=1", *words]
            told |= cluster.environment | {NODES: "2", MEETING: str(root), RENDEZVOUS: f"127.0.0.1:{port}"}
        done = subprocess.run(
            words, env={**os.environ, **told}, capture_output=True, text=True, timeout=1200, check=False
        )
        assert done.returncode == 0, done.stderr[-5000:]
        if ranks == 1:
            half = Path("work", "checkpoints", "plain", "step-00000002")
            shutil.copytree(folder(root, alone[0], 1) / half, folder(root, MOVED, 2) / half)
    return root


def curve(root: Path, kind: tuple[str, str, str], ranks: int) -> list[dict[str, float]]:
    return [json.loads(line) for line in (folder(root, kind, ranks) / "model" / "curve.jsonl").read_text().splitlines()]


def single(kind: tuple[str, str, str]) -> tuple[str, str, str]:
    """The same training in one process."""
    return kind if kind == SMOL else (kind[0], "none", "none")


@pytest.mark.parametrize(("kind", "ranks"), EVERY, ids=str)
def test_equal_batches_have_equal_curves(trained: Path, kind: tuple[str, str, str], ranks: int) -> None:
    together, alone = curve(trained, kind, ranks), curve(trained, single(kind), 1)
    assert len(together) == len(alone) >= 3 and alone[-1]["loss"] < alone[0]["loss"] - 0.1
    for one, other in zip(together, alone, strict=True):
        assert abs(one["loss"] - other["loss"]) < 1e-4
        assert one["target_tokens"] == other["target_tokens"]
    summary = json.loads((folder(trained, kind, ranks) / "work" / "summary.json").read_text())
    assert summary["ranks"] == ranks
    assert summary["resumed_from_step"] == (2 if kind == MOVED else None)


@pytest.mark.parametrize(("kind", "ranks"), EVERY, ids=str)
def test_what_ranks_leave_loads_with_plain_libraries_and_computes_the_same(
    trained: Path, smollm2_dir: Path, kind: tuple[str, str, str], ranks: int
) -> None:
    import torch

    probe = torch.tensor([[5, 9, 33, 7, 21, 40, 11, 3]])
    base = smollm2_dir if kind == SMOL else TINY.folder()

    def outputs(place: Path) -> Any:
        with torch.no_grad():
            return load(place / "model", base)(input_ids=probe).logits.log_softmax(-1)

    whole = kind[0] == "full" or kind == MERGED
    assert (folder(trained, kind, ranks) / "model" / "model.safetensors").exists() == whole
    assert torch.allclose(outputs(folder(trained, kind, ranks)), outputs(folder(trained, single(kind), 1)), atol=0.02)


def load(model: Path, base: Path) -> Any:
    from peft import PeftModel
    from transformers import AutoModelForCausalLM

    if not (model / "adapter_config.json").exists():
        return AutoModelForCausalLM.from_pretrained(str(model)).float().eval()
    return PeftModel.from_pretrained(AutoModelForCausalLM.from_pretrained(str(base)).float(), str(model)).eval()
