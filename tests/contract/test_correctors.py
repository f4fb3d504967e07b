"""What every conf/corrector/*.yaml promises."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import yaml
from conftest import ROOT
from toys.canned import Canned

from lema.base.protocols import Corrector, Task
from lema.base.reasoning_steps import number_steps
from lema.base.records import Question, Solution, Verdict
from lema.base.spec import Spec, key
from lema.config.config import build

FILES = sorted((ROOT / "conf" / "corrector").glob("*.yaml"))
REPLY = (
    "Step 1.\nExplanation: It does not add up.\nCorrect Solution:\n{\nStep 1: 3 + 4 = 7.\nStep 2: The answer is 7.\n}"
)


def made(path: Path) -> Corrector:
    """The corrector of a file; one that asks a teacher asks a canned one."""
    held: dict[str, Any] = yaml.safe_load(path.read_text())
    if held.get("engine") == "${teacher}":
        held["engine"] = Canned(replies=(REPLY,))
    corrector = build(held, "corrector")
    assert isinstance(corrector, Corrector)
    return corrector


@pytest.fixture(params=FILES, ids=lambda path: path.stem)
def corrector(request: pytest.FixtureRequest) -> Corrector:
    return made(request.param)


@pytest.fixture(scope="module")
def pairs() -> list[tuple[Question, Solution]]:
    """Generated problems with wrong last lines, in free and in numbered form."""
    task: Task = build(yaml.safe_load((ROOT / "conf" / "task" / "gsm_synth.yaml").read_text()), "task")
    made = []
    for sample, question in enumerate(task.questions("train", 0, 20)):
        steps = task.steps(question)
        wrong = str(int(question.answer) + 1)
        steps = [*steps[:-1], f"The answer is {wrong}."]
        path = Solution(
            question_id=question.id,
            reasoner="toy",
            sample=sample,
            text=number_steps(steps),
            verdict=Verdict.WRONG,
            answer=wrong,
        )
        made.append((question, path))
    return made


def test_a_corrector_is_a_spec_with_a_name(corrector: Corrector) -> None:
    assert isinstance(corrector, Spec)
    assert corrector.name
    assert len(key(corrector)) == 16


def test_each_path_gets_one_correction_in_order(corrector: Corrector, pairs: list[tuple[Question, Solution]]) -> None:
    with corrector.open() as correct:
        corrections = correct(pairs)
        again = correct(pairs[5:9])
    assert [c.solution_id for c in corrections] == [path.id for _, path in pairs]
    assert [c.question_id for c in corrections] == [question.id for question, _ in pairs]
    assert {c.corrector for c in corrections} == {corrector.name}
    assert again == corrections[5:9]  # whatever else is in the batch


def test_what_is_not_rejected_can_be_an_example(corrector: Corrector, pairs: list[tuple[Question, Solution]]) -> None:
    with corrector.open() as correct:
        kept = [(c, path) for c, (_, path) in zip(correct(pairs), pairs, strict=True) if not c.reject]
    assert kept
    for correction, path in kept:
        assert correction.step is not None and 1 <= correction.step <= len(path.text.split("\n"))
        assert correction.explanation.strip()
        assert correction.solution[-1].startswith("The answer is ")


def test_nothing_in_nothing_out(corrector: Corrector) -> None:
    with corrector.open() as correct:
        assert correct([]) == []


def test_opening_twice_gives_the_same(corrector: Corrector, pairs: list[tuple[Question, Solution]]) -> None:
    with corrector.open() as correct:
        first = correct(pairs[:5])
    with corrector.open() as correct:
        assert correct(pairs[:5]) == first
