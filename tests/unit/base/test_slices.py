"""Slices that share questions, of one split and of a split that is part of another."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
from toys.lab import ToyModel, experiment

from lema.base.errors import ConfigError
from lema.base.protocols import Sampling
from lema.base.question_slice import Slice
from lema.experiment.sections import Evaluation, Generation
from lema.tasks.math import Math
from lema.verifiers.numbers import Numbers

PARTS = {"few": "test", "other": "test"}


@pytest.mark.parametrize(
    ("one", "two", "shared"),
    [
        (Slice(split="test", stop=5), Slice(split="test", start=5), False),
        (Slice(split="test", stop=6), Slice(split="test", start=5), True),
        (Slice(split="few", stop=5), Slice(split="few", start=5), False),
        (Slice(split="few", stop=5), Slice(split="test", start=4000), True),
        (Slice(split="few"), Slice(split="other"), True),
        (Slice(split="few"), Slice(split="train"), False),
        (Slice(split="test"), Slice(split="train"), False),
    ],
)
def test_a_part_shares_questions_with_any_slice_of_its_whole(one: Slice, two: Slice, shared: bool) -> None:
    assert one.overlaps(two, PARTS) is two.overlaps(one, PARTS) is shared


@pytest.mark.parametrize(("learned", "scored"), [("test", "math500"), ("math500", "test")])
def test_learning_from_a_part_and_scoring_on_the_whole_is_refused_and_so_is_the_reverse(
    tmp_path: Path, learned: str, scored: str
) -> None:
    task = Math(verifier=Numbers(), path=str(tmp_path))
    where, tested = Slice(split=learned, stop=100), Slice(split=scored, start=100, stop=200)
    generation = Generation(questions=replace(where, split="train"), sampling=Sampling())
    evaluation = Evaluation(questions=tested, engine=ToyModel(), sampling=Sampling())
    given = {"task": task, "generation": generation, "evaluation": evaluation}
    with pytest.raises(ConfigError, match=r"cot_questions .*overlap.*math500 is a part of test"):
        experiment("cot", 0, cot_questions=where, **given).check()
    experiment("cot", 0, cot_questions=replace(where, split="train"), **given).check()
