"""Lessons of corrections: what their targets hold, what of it is learned, and what it was made of."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from toys.lab import Sums
from toys.planted import planted
from toys.store import make

from lema.base.errors import ConfigError
from lema.base.reasoning_steps import number_steps
from lema.base.records import Correction, Example, MadeOf, Question, Solution, Verdict
from lema.config.config import build
from lema.data.formats import Format
from lema.lessons.corrections import Corrections
from lema.lessons.cot import Cot
from lema.lessons.cot_from_corrections import CotFromCorrections
from lema.lessons.data_mix import DataMix
from lema.lessons.lesson import Lesson, Material
from lema.lessons.mistake_in_target import MistakeInTarget
from lema.lessons.programs import Programs
from lema.lessons.repairs import Repairs
from lema.store import Store

QUESTION = Question(id="q", task="toy", text="7 and 5?", answer="12")
WRONG = Solution(
    question_id="q", reasoner="m", sample=0, verdict=Verdict.WRONG, answer="11",
    text=number_steps(["Mia has 7.", "7 + 5 = 11.", "The answer is 11."]),
)  # fmt: skip
MENDED = Correction(
    question_id="q", solution_id=WRONG.id, corrector="c", step=2, explanation="7 + 5 is 12.",
    solution=("7 + 5 = 12.", "The answer is 12."), answer="12",
)  # fmt: skip
CORRECTING = (Corrections(), CotFromCorrections(), MistakeInTarget())


@pytest.fixture(scope="module")
def material(tmp_path_factory: pytest.TempPathFactory) -> Material:
    """One question, its wrong path and the correction of that."""
    folder = tmp_path_factory.mktemp("material")
    held = planted(folder / "held", questions=[QUESTION], paths=[WRONG], corrections=[MENDED])
    return Material(task=Sums(), artifacts={"corrections": [make(Store(folder / "store"), held)]})


Teach = Callable[..., Example]


@pytest.fixture(scope="module")
def taught(material: Material) -> Teach:
    """The example that a lesson makes of it."""

    def teach(lesson: Lesson, wording: str = "brief") -> Example:
        (one,) = lesson.examples(material, Format(wording=wording))  # type: ignore[arg-type]
        return one.example

    return teach


def learned(example: Example) -> str:
    kept, at = [], 0
    for start, end in example.unlearned:
        kept.append(example.completion[at:start])
        at = end
    return "|".join([*kept, example.completion[at:]])


@pytest.mark.parametrize("wording", ["brief", "instruct", "lema_v1"])
def test_parts_that_are_left_out_are_in_neither_input_nor_output(taught: Teach, wording: str) -> None:
    whole = taught(Corrections(), wording)
    for part, said in (("explanation", "7 + 5 is 12."), ("solution", "7 + 5 = 12.")):
        assert said in whole.completion and said not in taught(Corrections(without=(part,)), wording).completion
    bare = taught(Corrections(without=("step",)), wording)
    assert "tep 2.\n" in whole.completion and "tep 2.\n" not in bare.completion
    assert "7 + 5 is 12." in bare.completion


def test_with_loss_on_changed_steps_nothing_else_of_a_correction_is_learned(taught: Teach) -> None:
    example = taught(Corrections(loss="changed_steps"))
    assert learned(example).strip("|") == "Step 2: 7 + 5 = 12.\nStep 3: The answer is 12."
    assert example.completion == taught(Corrections()).completion


def test_a_mistake_in_the_target_is_followed_by_its_correction_and_need_not_be_learned(taught: Teach) -> None:
    example = taught(MistakeInTarget(loss="all_but_mistake"))
    assert example.completion.startswith("Step 1: Mia has 7.\nStep 2: 7 + 5 = 11.\n")
    assert example.completion.endswith("Step 2: 7 + 5 = 12.\nStep 3: The answer is 12.")
    assert "= 11" not in learned(example) and "Mia has 7." in learned(example)
    assert example.source == "mistake_in_target"


def test_the_solution_in_a_correction_is_the_untouched_steps_and_the_corrected_ones(taught: Teach) -> None:
    example = taught(CotFromCorrections())
    assert example.completion == "Step 1: Mia has 7.\nStep 2: 7 + 5 = 12.\nStep 3: The answer is 12."
    assert example.unlearned == ()


@pytest.mark.parametrize("lesson", CORRECTING, ids=lambda lesson: lesson.kind)
def test_what_a_correction_teaches_leads_back_to_it_its_path_and_its_question(taught: Teach, lesson: Lesson) -> None:
    assert taught(lesson).made_of == MadeOf(question=QUESTION.id, path=WRONG.id, correction=MENDED.id)


def test_one_correction_is_the_same_in_whichever_form_it_is_taught(material: Material) -> None:
    same = {tuple(one.same) for lesson in CORRECTING for one in lesson.examples(material, Format())}
    assert len(same) == 1


@pytest.mark.parametrize(
    ("lesson", "said"),
    [
        (Corrections(without=("step", "step")), "two different parts"),
        (Corrections(without=("step", "explanation", "solution")), "two different parts"),
        (Corrections(without=("solution",), loss="changed_steps"), "no corrected steps to learn"),
    ],
)
def test_controls_that_mean_nothing_are_refused(lesson: Corrections, said: str) -> None:
    with pytest.raises(ConfigError, match=said):
        lesson.check()


@pytest.mark.parametrize(
    ("lesson", "setting"),
    [
        ("corrections.Corrections", {"loss": "all_but_mistake"}),
        ("cot_from_corrections.CotFromCorrections", {"loss": "all_but_mistake"}),
        ("cot_from_corrections.CotFromCorrections", {"without": ["step"]}),
        ("mistake_in_target.MistakeInTarget", {"without": ["step"]}),
    ],
)
def test_a_lesson_has_no_setting_of_another(lesson: str, setting: dict[str, object]) -> None:
    target = {"_target_": f"lema.lessons.{lesson}"}
    build(target, "lessons")
    with pytest.raises(ConfigError, match=next(iter(setting))):
        build(target | setting, "lessons")


@pytest.mark.parametrize(
    ("lessons", "said"),
    [
        ((), "empty"),
        ((Cot(), Cot(questions="with_programs")), "each lesson once"),
        ((Cot(), Repairs()), "teaches none"),
        ((Cot(questions="with_programs"), Repairs()), "teaches none"),
    ],
)
def test_a_mix_that_cannot_be_made_is_refused(lessons: tuple[Lesson, ...], said: str) -> None:
    with pytest.raises(ConfigError, match=said):
        DataMix(name="m", lessons=lessons).check()
    DataMix(name="m", lessons=(Cot(), Programs(), Repairs())).check()
