"""Objectives: another loss is one file, and reaches the training process; likelihood is what was there before."""

from __future__ import annotations

import dataclasses
import json
from pathlib import Path
from typing import Any

import pytest
from toys.models import toy_examples, toy_job, toy_model, write_examples

from lema.base.errors import ConfigError, InputError
from lema.base.protocols import Trainer
from lema.base.spec import key
from lema.config.config import build
from lema.trainers.finetune import Finetune
from lema.trainers.likelihood import Likelihood
from lema.trainers.objective import restored, told

pytestmark = pytest.mark.real
TOY: dict[str, Any] = {"learning_rate": 1e-9, "batch_size": 8, "micro_batch": 4, "threads": 1, "device": "cpu"}
TIMES = """
from lema.base.errors import InputError
from lema.base.spec import spec
from lema.trainers.likelihood import LIKELIHOOD
from lema.trainers.objective import Objective

@spec
class Times(Objective):
    kind = "times"
    factor: float = 1.0
    shortest: int = 0

    def check_examples(self, examples):
        if any(len(example.completion) < self.shortest for example in examples):
            raise InputError(f"trainer.objective: completions of fewer than {self.shortest} characters teach nothing")

    def loss(self, outputs, labels, num_items_in_batch=None):
        return self.factor * LIKELIHOOD.loss(outputs, labels, num_items_in_batch)
"""


@pytest.fixture
def own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """An objective of a user's own package, which the training process can import too."""
    folder = tmp_path / "own" / "lema_plugins"
    folder.mkdir(parents=True)
    (folder / "times.py").write_text(TIMES)
    monkeypatch.syspath_prepend(str(folder.parent))
    monkeypatch.setenv("PYTHONPATH", str(folder.parent))


def trainer(**objective: Any) -> Finetune:
    node = {"_target_": "lema_plugins.times.Times", **objective}
    made = build(
        {"_target_": "lema.trainers.finetune.Finetune", "method": "full", "max_steps": 3, "objective": node, **TOY}
    )
    assert isinstance(made, Finetune) and isinstance(made, Trainer)
    return made


def losses(root: Path, taught: Finetune, folder: Path) -> list[float]:
    """The loss curve of a training in a process of its own."""
    model = toy_model(folder / "toy")
    examples = write_examples(folder / "examples.jsonl", toy_examples(24))
    taught.train(toy_job(root, model, taught, examples), lambda *_: None)
    return [json.loads(line)["loss"] for line in (root / "model" / "curve.jsonl").read_text().splitlines()]


@pytest.mark.usefixtures("own")
def test_an_objective_of_ones_own_decides_the_loss_in_the_training_process(tmp_path: Path) -> None:
    likelihood = Finetune(method="full", max_steps=3, **TOY)
    usual = losses(tmp_path / "usual", likelihood, tmp_path)
    threefold = losses(tmp_path / "threefold", trainer(factor=3.0), tmp_path)
    assert len(usual) == 3 and threefold == pytest.approx([3 * loss for loss in usual], rel=1e-4)


@pytest.mark.usefixtures("own")
def test_examples_that_an_objective_cannot_learn_from_are_refused_in_its_words(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="fewer than 1000 characters"):
        losses(tmp_path / "short", trainer(shortest=1000), tmp_path)


@pytest.mark.usefixtures("own")
def test_an_objective_is_part_of_a_training_s_identity_and_the_usual_one_is_as_before() -> None:
    usual = Finetune(method="full", max_steps=3, **TOY)
    assert key(usual) == key(dataclasses.replace(usual, objective=Likelihood()))
    assert len({key(usual), key(trainer(factor=2.0)), key(trainer(factor=3.0))}) == 3
    assert restored(told(trainer(factor=2.0).objective)) == trainer(factor=2.0).objective


def test_a_class_from_elsewhere_is_no_objective() -> None:
    with pytest.raises(ConfigError, match=r"os\.system"):
        restored({"class": "os.system", "fields": {}})
