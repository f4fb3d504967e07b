"""Every conf/model/*.yaml is a model that is pinned, or says that it is not."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
import yaml
from conftest import ROOT

from lema.base.spec import key
from lema.config.building import Refused
from lema.config.config import build
from lema.lm.model import Model

FILES = sorted((ROOT / "conf" / "model").glob("*.yaml"))
#: No commit of these was found in public code; a made-up one would fail on the hub, or worse, be another model.
UNPINNED = {"wizardmath_7b", "metamath_13b", "metamath_70b", "flan_ul2"}


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_a_model_is_shipped_or_pinned_to_a_commit_or_asks_for_one(path: Path) -> None:
    node = yaml.safe_load(path.read_text())
    if path.stem in UNPINNED:
        with pytest.raises(Refused, match=rf"model\.revision: {node['hub']} needs a pinned revision"):
            build(node, "model")
        node["revision"] = "0" * 40
    model = build(node, "model")
    assert isinstance(model, Model)
    assert model.shipped or re.fullmatch(r"[0-9a-f]{40}", model.revision or "")


def test_no_two_models_are_the_same_and_each_has_a_name_of_its_own() -> None:
    models = [build({**yaml.safe_load(path.read_text())}, "model") for path in FILES if path.stem not in UNPINNED]
    assert len({key(model) for model in models}) == len({model.name for model in models}) == len(models)


def test_the_papers_backbones_are_all_here() -> None:
    named = {path.stem for path in FILES}
    assert named >= {"llama2_7b", "llama2_13b", "llama2_70b", "llama_65b", "codellama_34b", "llemma_34b"}
    assert named >= {"wizardmath_7b", "wizardmath_70b", "metamath_13b", "metamath_70b"}
    assert named >= {"codet5_small", "codet5_base", "codet5_large"}  # of PaD
