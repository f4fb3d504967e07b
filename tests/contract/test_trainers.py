"""Every conf/trainer/*.yaml is a trainer."""

from __future__ import annotations

import importlib
import json
from pathlib import Path
from typing import Any

import pytest
import yaml
from pydantic import TypeAdapter

from lema.base.protocols import Trainer
from lema.base.spec import Spec, key

FILES = sorted((Path(__file__).parents[2] / "conf" / "trainer").glob("*.yaml"))


def build(path: Path) -> Any:
    fields = yaml.safe_load(path.read_text())
    module, _, name = fields.pop("_target_").rpartition(".")
    cls = getattr(importlib.import_module(module), name)
    return TypeAdapter(cls).validate_json(json.dumps(fields))


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_a_trainer_is_a_valid_spec_with_an_identity(path: Path) -> None:
    trainer = build(path)
    assert isinstance(trainer, Spec)
    assert isinstance(trainer, Trainer)
    trainer.check()
    assert key(trainer) == key(build(path))


def test_no_two_trainers_are_the_same_training() -> None:
    keys = [key(build(path)) for path in FILES]
    assert len(set(keys)) == len(FILES) >= 6
