"""Corrections as training examples: what their targets hold, and what of it is learned."""

from __future__ import annotations

import pytest

from lema.base.errors import ConfigError
from lema.base.records import Correction, Example, Question
from lema.data.formats import Format
from lema.lessons.data_mix import Blend
from lema.lessons.examples import correction_example

QUESTION = Question(id="q", task="toy", text="7 and 5?", answer="12")
WRONG = ["Mia has 7.", "7 + 5 = 11.", "The answer is 11."]
MENDED = Correction(
    question_id="q", solution_id="q#m#0", corrector="c", step=2, explanation="7 + 5 is 12.",
    solution=("7 + 5 = 12.", "The answer is 12."), answer="12",
)  # fmt: skip


def made(wording: str = "brief", **blend: object) -> Example:
    mix = Blend(**{"name": "m", "cot": True, "corrections": "as_corrections"} | blend)  # type: ignore[arg-type]
    return correction_example(Format(wording=wording), mix, QUESTION, WRONG, MENDED)  # type: ignore[arg-type]


def learned(example: Example) -> str:
    kept, at = [], 0
    for start, end in example.unlearned:
        kept.append(example.completion[at:start])
        at = end
    return "|".join([*kept, example.completion[at:]])


@pytest.mark.parametrize("wording", ["brief", "instruct", "lema_v1"])
def test_parts_that_are_left_out_are_in_neither_input_nor_output(wording: str) -> None:
    whole = made(wording)
    for part, said in (("explanation", "7 + 5 is 12."), ("solution", "7 + 5 = 12.")):
        assert said in whole.completion and said not in made(wording, without=(part,)).completion
    bare = made(wording, without=("step",))
    assert "tep 2.\n" in whole.completion and "tep 2.\n" not in bare.completion
    assert "7 + 5 is 12." in bare.completion


def test_with_loss_on_changed_steps_nothing_else_of_a_correction_is_learned() -> None:
    example = made(loss="changed_steps")
    assert learned(example).strip("|") == "Step 2: 7 + 5 = 12.\nStep 3: The answer is 12."
    assert example.completion == made().completion


def test_a_mistake_in_the_target_is_followed_by_its_correction_and_need_not_be_learned() -> None:
    example = made(corrections="in_target", loss="all_but_mistake")
    assert example.completion.startswith("Step 1: Mia has 7.\nStep 2: 7 + 5 = 11.\n")
    assert example.completion.endswith("Step 2: 7 + 5 = 12.\nStep 3: The answer is 12.")
    assert "= 11" not in learned(example) and "Mia has 7." in learned(example)
    assert example.source == "mistake_in_target"


def test_the_solution_in_a_correction_is_the_untouched_steps_and_the_corrected_ones() -> None:
    example = made(corrections="as_cot")
    assert example.completion == "Step 1: Mia has 7.\nStep 2: 7 + 5 = 12.\nStep 3: The answer is 12."
    assert example.unlearned == ()


def test_controls_that_mean_nothing_are_refused() -> None:
    for blend in (
        {"corrections": "as_cot", "without": ("step",)},
        {"without": ("step", "step")},
        {"without": ("step", "explanation", "solution")},
        {"loss": "all_but_mistake"},
        {"without": ("solution",), "loss": "changed_steps"},
    ):
        with pytest.raises(ConfigError):
            Blend(**{"name": "m", "cot": True, "corrections": "as_corrections"} | blend).check()  # type: ignore[arg-type]
