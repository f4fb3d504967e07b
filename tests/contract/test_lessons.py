"""What every conf/data_mix/*.yaml promises: examples that lead back to rows, the same each time."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import yaml
from conftest import ROOT
from toys import lab, programs

from lema.base.records import Correction, Example, Question, Solution
from lema.base.spec import key
from lema.config.config import build
from lema.experiment.experiment import Experiment
from lema.experiment.pipeline import pipeline
from lema.lessons.data_budget import Budget
from lema.lessons.data_mix import DataMix
from lema.pad.written import Written
from lema.stages.mix import Mix
from lema.store import Store

FILES = sorted((ROOT / "conf" / "data_mix").glob("*.yaml"))
every_mix = pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)


def made(path: Path) -> DataMix:
    node: dict[str, Any] = yaml.safe_load(path.read_text())
    assert node["name"] == path.stem
    mix = build(node, "data_mix")
    assert isinstance(mix, DataMix)
    return mix


def experiment(mix: DataMix) -> Experiment:
    if "programs" in mix.needs:
        return programs.experiment(mix)
    return lab.experiment("cot", 0, data_mix=mix, data_budget=Budget())


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Store:
    return Store(tmp_path_factory.mktemp("mixes"))


def mixed(store: Store, path: Path) -> Mix:
    stage = pipeline(experiment(made(path))).mix
    lab.run_stage(store, stage)
    return stage


@every_mix
def test_every_example_leads_back_to_rows_of_the_stages_that_made_it(store: Store, path: Path) -> None:
    stage = mixed(store, path)
    known: dict[str, set[str]] = {"path": {"", "reference"}, "correction": {""}, "program": {""}}
    for one in stage.made:
        for artifact in map(store.get, one.stages):
            files = artifact.manifest.files
            known["path"] |= (
                {row.id for row in artifact.rows("paths.jsonl", Solution)} if "paths.jsonl" in files else set()
            )
            if "corrections.jsonl" in files:
                known["correction"] |= {row.id for row in artifact.rows("corrections.jsonl", Correction)}
            if "programs.jsonl" in files:
                known["program"] |= {row.id for row in artifact.rows("programs.jsonl", Written)}
            for needed in map(store.get, one.stages[0].upstream()):
                if "solutions.jsonl" in needed.manifest.files:
                    known["path"] |= {row.id for row in needed.rows("solutions.jsonl", Solution)}
    examples = list(store.get(stage).rows("examples.jsonl", Example))
    assert examples
    for example in examples:
        of = example.made_of
        assert of is not None and of.question == example.question_id
        assert of.path in known["path"] and of.correction in known["correction"] and of.program in known["program"]
        assert of.path or of.correction or of.program
        assert all(0 <= start < end <= len(example.completion) for start, end in example.unlearned)


@every_mix
def test_equal_mixes_are_equal_to_the_byte_and_every_lesson_is_in_them(
    store: Store, path: Path, tmp_path: Path
) -> None:
    stage = mixed(store, path)
    again = Store(tmp_path)
    lab.run_stage(again, stage)
    first, second = (one.get(stage).file("examples.jsonl").read_bytes() for one in (store, again))
    assert first == second and key(stage) == key(mixed(store, path))
    assert len(store.get(stage).summary["sources"]) >= len(stage.data_mix.lessons)


@every_mix
def test_what_is_needed_is_what_runs(path: Path) -> None:
    mix = made(path)
    stages = pipeline(experiment(mix))
    assert set(stages.material) == mix.needs
    assert {one.material for one in stages.mix.made} == mix.needs - {"right_paths"}
    assert (stages.mix.cot_questions is not None) == ("right_paths" in mix.needs)


def test_the_questions_of_a_mix_are_known(store: Store) -> None:
    """A toy's material is not empty, so that the tests above can fail."""
    stage = mixed(store, next(path for path in FILES if path.stem == "cot_and_corrections"))
    (corrections,) = stage.made
    assert list(store.get(corrections.stages[0]).rows("questions.jsonl", Question))
