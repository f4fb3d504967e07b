"""Paths of which DeltaPPL takes the difference are worded as training words them, of questions with candidates too."""

from __future__ import annotations

from pathlib import Path
from typing import get_args

import pytest
from toys.lab import Sums
from toys.planted import planted
from toys.store import make

from lema.base.records import Correction, Question, Solution, Verdict
from lema.data.correction_wording import Wording
from lema.data.formats import Format
from lema.lessons.cot_from_corrections import CotFromCorrections
from lema.lessons.lesson import Material
from lema.lm.model import Model
from lema.stages.delta_ppl import DeltaPerplexity
from lema.store import Store

CHOICES = ("the freezer", "the oven", "a pan")
CASES = [
    (
        Question(id="c", task="csqa", text="Where does ice melt?", answer="the oven", choices=CHOICES),
        "A freezer is cold.\nAn oven is hot.\nThe answer is (A).",
        Correction(
            question_id="c",
            solution_id="c#m#0",
            corrector="t",
            explanation="A freezer keeps ice.",
            solution=("A freezer keeps ice.", "An oven is hot.", "The answer is (B)."),
        ),
    ),
    (
        Question(id="n", task="sums", text="What is 1 + 2 + 3?", answer="6"),
        "Step 1: 1 + 2 = 3.\nStep 2: 3 + 3 = 5.\nStep 3: The answer is 5.",
        Correction(
            question_id="n",
            solution_id="n#m#0",
            corrector="t",
            step=2,
            explanation="3 + 3 is 6.",
            solution=("3 + 3 = 6.", "The answer is 6."),
        ),
    ),
]


@pytest.mark.parametrize("wording", get_args(Wording))
@pytest.mark.parametrize("number", [0, 1], ids=["candidates", "steps"])
def test_both_paths_are_those_that_a_model_learns(tmp_path: Path, wording: Wording, number: int) -> None:
    question, text, correction = CASES[number]
    path = Solution(question_id=question.id, reasoner="m", sample=0, text=text, verdict=Verdict.WRONG, answer="A")
    source = planted(tmp_path / "made", questions=[question], paths=[path], corrections=[correction])
    store, format_ = Store(tmp_path / "store"), Format(wording=wording)
    material = Material(task=Sums(), artifacts={"corrections": (make(store, source),)})
    (taught,) = [one.example for one in CotFromCorrections().examples(material, format_)]
    (pair,) = DeltaPerplexity(
        corrections=source, model=Model(name="m", hub="m/m", revision="0" * 40), format=format_
    ).pairs(store.get)
    assert (pair.prompt, pair.right) == (taught.prompt, taught.completion)
    between = "\n" if question.choices or not wording.startswith("lema_v1") else " "
    assert len(pair.wrong.split(between)) >= 3 and pair.wrong != pair.right
    if number == 0:
        assert [line.split(": ")[-1] for line in pair.wrong.split("\n")] == text.split("\n")
