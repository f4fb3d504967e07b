"""An experiment with an encoder-decoder student by the real command: trained, chosen, scored, and picking."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from toys.models import fresh_t5

from lema.base.records import Solution, load
from lema.stages.select import CheckpointScore

COMMAND = [
    *("experiments=pad_synth", "evaluation_engine=seq2seq", "reasoner=seq2seq", "discrimination=own"),
    *("model.name=small-t5", "model.shipped=null", "model.fresh=true", "evaluation.base=false"),
    *("discrimination.read_outs=[label_logprob]", "discrimination.sampling.max_tokens=16"),
    *("synthesis.questions.stop=16", "cot_questions.stop=16", "evaluation.questions.stop=6"),
    *("evaluation.sampling.max_tokens=16", "checkpoint=best_on_dev", "checkpoint.questions.stop=6"),
    *(
        "trainer.epochs=null",
        "trainer.max_steps=4",
        "trainer.batch_size=8",
        "trainer.micro_batch=8",
        "trainer.keep_every=2",
    ),
]


@pytest.mark.slow
def test_a_whole_experiment_trains_chooses_scores_samples_and_picks(tmp_path: Path) -> None:
    model = fresh_t5(tmp_path / "t5")
    done = subprocess.run(
        [sys.executable, "-m", "lema", *COMMAND, f"model.path={model.path}", f"store={tmp_path / 'store'}"],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        timeout=1800,
        check=False,
        env={**os.environ, "OMP_NUM_THREADS": "1"},
    )
    assert done.returncode == 0, done.stderr[-3000:]
    found: dict[str, list[tuple[Path, dict[str, Any]]]] = {}
    for path in sorted((tmp_path / "store" / "artifacts").glob("*/manifest.json")):
        stage = path.parent.name.split("-")[0]
        found.setdefault(stage, []).append((path.parent, json.loads(path.read_text())["summary"]))
    assert found.keys() == {"synthesise", "mix", "train", "select", "evaluate", "generate", "discriminate"}
    ((_, trained),) = found["train"]
    assert trained["steps"] == 4 and trained["parameters"] < 100_000
    ((select, _),) = found["select"]
    assert [row.step for row in load(select / "scores.jsonl", CheckpointScore)] == [2, 4]
    ((scored, _),) = found["evaluate"]
    solutions = list(load(scored / "solutions.jsonl", Solution))
    assert len(solutions) == 6 and all(row.reasoner.startswith("small-t5+") and row.rung for row in solutions)
    ((_, picked),) = found["discriminate"]
    assert (picked["questions"], picked["invalid"]) == (6, 0)
    assert (tmp_path / "report.html").exists()
