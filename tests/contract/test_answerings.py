"""What every conf/answering/*.yaml promises: one answer a question, measures that are shares, and nothing unlearned."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from conftest import ROOT
from hydra import compose, initialize_config_dir
from omegaconf import OmegaConf
from toys.lab import ToyModel, points, run

from lema.answering.answering import Answering, Measured
from lema.answering.program import running_programs
from lema.base.errors import ConfigError
from lema.base.protocols import Sampling
from lema.base.records import Question, Solution
from lema.config.config import build
from lema.experiment.pipeline import pipeline
from lema.store import Store

FILES = sorted((ROOT / "conf" / "answering").glob("*.yaml"))
MORE = {"faithful_beam": ["+answering.beam.scorer.model.path=."]}
MODEL = {"_target_": "lema.lm.model.Model", "name": "toy", "shipped": "tiny"}
every_answering = pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)


def made(path: Path) -> Answering:
    """The answering of a file, with what it starts from."""
    with initialize_config_dir(str(ROOT / "conf"), version_base=None):
        more = [line.replace("+", "++") for line in MORE.get(path.stem, [])]
        composed = compose(overrides=[f"+answering={path.stem}", *more])
    OmegaConf.set_struct(composed, False)
    composed.model = MODEL
    node: Any = OmegaConf.to_container(composed.answering, resolve=True)
    answering = build(node, "answering")
    assert isinstance(answering, Answering)
    return answering


@every_answering
def test_a_question_has_one_answer_and_measures_are_shares(path: Path, tmp_path: Path) -> None:
    answering = made(path).learned("path")
    store = Store(tmp_path)
    sweep = points(["cot"], [0], answering=answering)
    run(store, sweep)
    artifact = store.get(pipeline(sweep[0].experiment).evaluate[0])
    asked = [question.id for question in artifact.rows("questions.jsonl", Question)]
    assert [solution.question_id for solution in artifact.rows("solutions.jsonl", Solution)] == asked
    if "measures.jsonl" in artifact.manifest.files:
        rows = list(artifact.rows("measures.jsonl", Measured))
        assert [row.question_id for row in rows] == asked
        assert all(row.measures and all(0 <= value <= 1 for value in row.measures.values()) for row in rows)
        assert set(artifact.summary["measures"]) == {name for row in rows for name in row.measures}


@every_answering
def test_what_a_model_was_not_taught_it_does_not_answer_with(path: Path) -> None:
    answering = made(path)
    assert running_programs(answering.learned("path")) is None and running_programs(answering.learned("answer")) is None
    if running_programs(answering) is None:
        with pytest.raises(ConfigError, match="answering=body"):
            answering.learned("program")
    else:
        assert running_programs(answering.learned("program")) == running_programs(answering)


@every_answering
def test_once_is_cheap_and_the_same_whatever_was_asked_for(path: Path) -> None:
    once = made(path).once()
    assert once.once() == once
    assert once.draws(Sampling()) == Sampling() and once.draws(Sampling(n=3, temperature=1.0)).n == 3
    once.check_engine(ToyModel())
