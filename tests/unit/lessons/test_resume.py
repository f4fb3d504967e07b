"""Resuming: what goes in, what comes out, and what of it is learned."""

from __future__ import annotations

from pathlib import Path

import pytest
from toys.lab import Sums
from toys.planted import planted
from toys.store import make

from lema.base.reasoning_steps import number_steps
from lema.base.records import Correction, Example, MadeOf, Question, Solution, Verdict
from lema.data.formats import Format
from lema.lessons.lesson import Material
from lema.lessons.resume import Resume
from lema.store import Store

QUESTION = Question(id="q", task="toy", text="7 and 5, and 1?", answer="13")


def taught(folder: Path, step: int | None, solution: tuple[str, ...], *, chat: bool = False) -> Example:
    """The example of a path of three steps and its correction from one of them on."""
    text = number_steps(["Mia has 7.", "7 + 5 = 11.", "The answer is 12."])
    wrong = Solution(question_id="q", reasoner="m", sample=0, verdict=Verdict.WRONG, answer="12", text=text)
    mended = Correction(question_id="q", solution_id=wrong.id, corrector="c", step=step, solution=solution, answer="13")
    held = planted(folder / "held", questions=[QUESTION], paths=[wrong], corrections=[mended])
    material = Material(task=Sums(), artifacts={"corrections": [make(Store(folder / "store"), held)]})
    (one,) = Resume().examples(material, Format(chat=chat))
    assert one.example.made_of == MadeOf(question="q", path=wrong.id, correction=mended.id)
    return one.example


def test_the_right_steps_go_in_and_the_corrected_ones_come_out(tmp_path: Path) -> None:
    example = taught(tmp_path, 2, ("7 + 5 = 12.", "12 + 1 = 13.", "The answer is 13."))
    assert example.prompt == "Question: 7 and 5, and 1?\nAnswer:\nStep 1: Mia has 7."
    assert example.completion == "\nStep 2: 7 + 5 = 12.\nStep 3: 12 + 1 = 13.\nStep 4: The answer is 13."
    assert example.unlearned == ()
    assert "7 + 5 = 11" not in example.prompt + example.completion


def test_in_a_chat_the_right_steps_begin_the_answer_and_are_not_learned(tmp_path: Path) -> None:
    plain = taught(tmp_path / "plain", 2, ("7 + 5 = 12.", "The answer is 12."))
    chat = taught(tmp_path / "chat", 2, ("7 + 5 = 12.", "The answer is 12."), chat=True)
    assert plain.prompt + plain.completion == chat.prompt + chat.completion
    (stretch,) = chat.unlearned
    assert chat.completion[stretch[1] :] == plain.completion and stretch[0] == 0


@pytest.mark.parametrize("step", [1, None])
def test_a_path_that_is_wrong_from_the_start_is_answered_anew(tmp_path: Path, step: int | None) -> None:
    example = taught(tmp_path, step, ("7 + 5 + 1 = 13.", "The answer is 13."))
    assert example.prompt == "Question: 7 and 5, and 1?\nAnswer:\n"
    assert example.completion == "Step 1: 7 + 5 + 1 = 13.\nStep 2: The answer is 13."
