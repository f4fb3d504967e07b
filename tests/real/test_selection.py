"""Choosing among real checkpoints of the shipped model."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import pytest
from toys.lab import experiment, run_stage

from lema.base.protocols import Sampling
from lema.base.question_slice import Slice
from lema.base.records import Solution
from lema.engines.transformers import Transformers
from lema.experiment.pipeline import pipeline
from lema.experiment.sections import Evaluation
from lema.lessons.data_budget import Budget
from lema.lm.model import Model
from lema.stages.sampling import solving
from lema.stages.select import CheckpointScore, Select
from lema.store import Store
from lema.tasks.gsm_synth import GsmSynth
from lema.trainers.finetune import Finetune
from lema.verifiers.integers import Integers

pytestmark = pytest.mark.real
TINY = Model(name="tiny", shipped="tiny", dtype="float32")
ENGINE = Transformers(model=TINY, device="cpu", threads=1)


@pytest.mark.parametrize(("method", "rate"), [("full", 2e-3), ("lora", 1e-2)])
def test_evaluating_a_selection_is_evaluating_the_chosen_checkpoint(tmp_path: Path, method: str, rate: float) -> None:
    trainer = Finetune(
        method=method,
        learning_rate=rate,  # ruins the model step by step, so that checkpoints differ
        max_steps=3,
        batch_size=8,
        keep_every=1,
        device="cpu",
        threads=1,
    )
    scored = Evaluation(
        questions=Slice(split="test", stop=12), engine=ENGINE, sampling=Sampling(max_tokens=80), base=False
    )
    stages = pipeline(
        experiment(
            "cot",
            0,
            model=TINY,
            task=GsmSynth(verifier=Integers()),
            trainer=trainer,
            cot_questions=Slice(split="train", stop=24),
            data_budget=Budget(),
            evaluation=scored,
        )
    )
    (evaluate,) = stages.evaluate
    select = Select(
        trained=stages.train,
        by="best_on_dev",
        task=evaluate.task,
        questions=Slice(split="dev", stop=30),
        engine=ENGINE,
        format=evaluate.format,
        sampling=scored.sampling,
    )
    evaluate = dataclasses.replace(evaluate, trained=select)  # type: ignore[type-var]
    store = Store(tmp_path / "store")
    run_stage(store, evaluate)

    scores = list(store.get(select).rows("scores.jsonl", CheckpointScore))
    assert [row.step for row in scores] == [1, 2, 3]
    assert len({row.right for row in scores}) > 1
    top = max(row.right for row in scores)
    chosen = next(row.step for row in scores if row.right == top)
    folder = store.get(stages.train).path / "checkpoints" / f"step-{chosen:06d}"
    questions = evaluate.task.questions("test", 0, 12)
    if method == "full":  # the folder as a model in its own right, which knows nothing of selections
        own = Transformers(model=dataclasses.replace(TINY, shipped=None, path=str(folder)), device="cpu", threads=1)  # type: ignore[type-var]
        opened = own.open()
    else:
        opened = ENGINE.open(checkpoint=folder)
    with opened as complete, solving(evaluate, complete) as solve:
        expected = solve(questions)
    assert list(store.get(evaluate).rows("solutions.jsonl", Solution)) == expected
    assert store.get(evaluate).manifest.inputs.keys() == {store.address(select), store.address(stages.train)}
