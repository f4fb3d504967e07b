"""A real model that learned a few corrections by heart gives them back: what cannot come back was not learned."""

from __future__ import annotations

from pathlib import Path

import pytest
from toys.lab import experiment, run_stage

from lema.base.protocols import Sampling
from lema.base.question_slice import Slice
from lema.correctors.symbolic import Symbolic
from lema.engines.transformers import Transformers
from lema.experiment.analysis import Analysis
from lema.experiment.correction_skill import AskedToCorrect
from lema.experiment.pipeline import pipeline
from lema.experiment.sections import Evaluation, Generation
from lema.lessons.corrections import Corrections
from lema.lessons.data_budget import Budget
from lema.lessons.data_mix import DataMix
from lema.lm.model import Model
from lema.stages.corrected_replies import Corrected
from lema.stages.correction_skill import CorrectionSkill
from lema.store import Store
from lema.tasks.gsm_synth import GsmSynth
from lema.trainers.finetune import Finetune
from lema.verifiers.integers import Integers

TINY = Model(name="tiny", shipped="tiny", dtype="float32")
ENGINE = Transformers(model=TINY, device="cpu", threads=1)


@pytest.mark.real
def test_corrections_that_were_learned_by_heart_come_back_and_held_out_ones_do_not(tmp_path: Path) -> None:
    point = experiment(
        "cot",
        0,
        model=TINY,
        task=GsmSynth(verifier=Integers()),
        reasoner=ENGINE,
        corrector=Symbolic(),
        generation=Generation(
            questions=Slice(split="train", stop=12), sampling=Sampling(temperature=1.0, max_tokens=80)
        ),
        data_mix=DataMix(name="by_heart", lessons=(Corrections(),)),
        data_budget=Budget(examples=4),
        trainer=Finetune(
            method="full", learning_rate=1e-3, max_steps=80, batch_size=4, schedule="constant", device="cpu", threads=1
        ),
        evaluation=Evaluation(
            questions=Slice(split="test", stop=24), engine=ENGINE, sampling=Sampling(max_tokens=80), base=True
        ),
        analysis=Analysis(correction_skill=AskedToCorrect(at_most=8)),
    )
    (stage,) = pipeline(point).measures(CorrectionSkill)
    store = Store(tmp_path / "store")
    run_stage(store, stage)
    rows = list(store.get(stage).rows("corrected.jsonl", Corrected))
    taught = [row for row in rows if row.of == "taught"]
    held_out = [row for row in rows if row.of == "held_out"]
    assert len(taught) == 4 and all(row.as_taught and row.step_right and row.right and row.sound for row in taught)
    assert len(held_out) == 8 and sum(bool(row.sound) for row in held_out) < 4
