"""Mixes of stores that are older than lessons are read as the lessons that they came to be."""

from __future__ import annotations

from typing import Any

import pytest

from lema.base.spec import canonical
from lema.lessons.answers import Answers
from lema.lessons.corrections import Corrections
from lema.lessons.cot import Cot
from lema.lessons.cot_from_corrections import CotFromCorrections
from lema.lessons.data_mix import DataMix
from lema.lessons.lesson import Lesson
from lema.lessons.mistake_in_target import MistakeInTarget
from lema.lessons.programs import Programs
from lema.lessons.repairs import Repairs
from lema.report.findings.mix_forms import lessons, mix_name


@pytest.mark.parametrize(
    ("flags", "now"),
    [
        ({"cot": True, "corrections": "none"}, (Cot(),)),
        ({"cot": True, "corrections": "as_corrections"}, (Cot(), Corrections())),
        ({"cot": False, "corrections": "as_corrections"}, (Corrections(),)),
        ({"cot": True, "corrections": "as_cot"}, (Cot(), CotFromCorrections())),
        ({"cot": True, "corrections": "in_target", "loss": "all_but_mistake"}, (Cot(), MistakeInTarget())),
        ({"cot": True, "corrections": "none", "cot_on": "programs"}, (Cot(questions="with_programs"),)),
        (
            {"cot": True, "corrections": "none", "cot_on": "programs", "target": "answer"},
            (Answers(questions="with_programs"),),
        ),
        ({"cot": False, "corrections": "none", "programs": True}, (Programs(),)),
        ({"cot": False, "corrections": "none", "programs": True, "refinements": 1.0}, (Programs(), Repairs())),
    ],
)
def test_a_mix_of_flags_has_the_lessons_that_the_flags_came_to_be(
    flags: dict[str, Any], now: tuple[Lesson, ...]
) -> None:
    before = {"kind": "mix", "blend": {"kind": "blend", "name": "m", **flags}}
    after = {"kind": "mix", "data_mix": canonical(DataMix(name="m", lessons=now))}
    assert lessons(before) == lessons(after) == {lesson.kind for lesson in now}
    assert mix_name(before) == mix_name(after) == "m"


def test_a_training_set_that_is_no_mix_has_no_name_and_no_lessons() -> None:
    for examples in (None, {"kind": "prefixes"}):
        assert mix_name(examples) == "" and lessons(examples) == frozenset()
