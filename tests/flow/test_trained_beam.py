"""A beam that is led by a scorer of its own student, from the command line to the answers, at small size."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections import Counter
from pathlib import Path
from statistics import fmean

import pytest

from lema.base.records import Example, Solution, load
from lema.data.formats import Format
from lema.lm.model import Model
from lema.pad.learned import Learned
from lema.pad.stepping import Prefix
from lema.tasks.gsm_synth import GsmSynth
from lema.verifiers.integers import Integers

VALUES = range(1, 13)
#: The student and the beam's lines: programs of one line, of which some are right by luck.
WRITER = f"{{_target_:lema.engines.scripted.Scripted,default:'Answer = {{{'|'.join(map(str, VALUES))}}}'}}"
COMMAND = [
    "experiments=pad_synth",
    "answering=trained_beam",
    "answering.sandbox.workers=1",
    "synthesis.questions.stop=30",
    "answering.beam.scorer.sampling.n=8",
    "~evaluation.engine.model",
    f"evaluation.engine={WRITER}",
    "evaluation.questions.stop=16",
    "evaluation.base=false",
    "checkpoint=last",
    "trainer.epochs=null",
    "trainer.max_steps=3",
    "trainer.batch_size=16",
    "workers=1",
]


def lema(folder: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "lema", f"store={folder / 'store'}", f"report={folder / 'report.html'}", *COMMAND],
        cwd=folder,
        env={**os.environ, "PYTHONUNBUFFERED": "1"},
        capture_output=True,
        text=True,
        timeout=1800,
        check=False,
    )
    assert done.returncode == 0, done.stdout[-2000:] + done.stderr[-4000:]


@pytest.mark.slow
def test_a_student_is_sampled_its_scorer_trained_and_the_beam_takes_what_that_finds_best(tmp_path: Path) -> None:
    lema(tmp_path)
    artifacts = tmp_path / "store" / "artifacts"
    made = {kind: sorted(artifacts.glob(f"{kind}-*")) for kind in ("prefixes", "train", "evaluate", "generate")}
    assert {kind: len(held) for kind, held in made.items()} == {
        "prefixes": 1,
        "train": 2,  # the arm, which is the student as well, and the scorer
        "evaluate": 1,
        "generate": 1,
    }
    examples = list(load(made["prefixes"][0] / "examples.jsonl", Example))
    words = Counter((one.question_id, one.completion) for one in examples)
    assert len(words) > 4 and all(words[id_, " right"] == words[id_, " wrong"] for id_, _ in words)
    manifest = json.loads((made["evaluate"][0] / "manifest.json").read_text())
    (scorer,) = [folder for folder in made["train"] if "prefixes" in (folder / "manifest.json").read_text()]
    assert scorer.name in manifest["inputs"]

    questions = GsmSynth(verifier=Integers()).questions("test", 0, 16)
    chosen = {one.question_id: one.text for one in load(made["evaluate"][0] / "solutions.jsonl", Solution)}
    learned = Learned(model=Model(name="tiny", shipped="tiny", dtype="float32"), device="cpu")
    lines = [f"Answer = {value}" for value in VALUES]
    better = []
    with learned.open("body", lambda _: [], format_=Format(), checkpoint=scorer / "model") as score:
        for question in questions:
            worth = dict(zip(lines, score([Prefix(question=question.text, line=line) for line in lines]), strict=True))
            better.append(fmean(worth[line] <= worth[chosen[question.id]] for line in lines))
    assert fmean(better) > 0.65, better  # the best of up to five that were drawn; one of them would come to 0.54
