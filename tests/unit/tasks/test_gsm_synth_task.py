from __future__ import annotations

import subprocess
import sys

import pytest
from pydantic import ValidationError

from lema.base.protocols import Task
from lema.base.records import Verdict
from lema.base.spec import key
from lema.synth.difficulty import LEVELS
from lema.tasks.gsm_synth import GsmSynth
from lema.verifiers.integers import Integers

TASK = GsmSynth(verifier=Integers())


def test_it_is_a_task() -> None:
    assert isinstance(TASK, Task)


@pytest.mark.parametrize("split", TASK.splits)
def test_every_reference_path_is_judged_right(split: str) -> None:
    for question in TASK.questions(split, 0, 200):
        judgement = TASK.verifier.judge(question.solution, question)
        assert (judgement.verdict, judgement.answer) == (Verdict.RIGHT, question.answer)
        assert TASK.steps(question)[-1] == f"The answer is {question.answer}."


def test_slices_are_of_one_fixed_order() -> None:
    assert TASK.questions("dev", 5, 9) == TASK.questions("dev", 0, 20)[5:9]
    assert TASK.questions("dev", 3, 3) == []


def test_without_an_end_a_split_has_its_usual_size() -> None:
    assert len(TASK.questions("dev")) == 1000


def test_a_level_and_its_dials_give_the_same_questions() -> None:
    spelt_out = GsmSynth(verifier=Integers(), difficulty=LEVELS["easy"])
    named = GsmSynth(verifier=Integers(), difficulty="easy")
    assert spelt_out.questions("train", 0, 20) == named.questions("train", 0, 20)


def test_seed_and_difficulty_are_part_of_the_key() -> None:
    others = [GsmSynth(verifier=Integers(), seed=1), GsmSynth(verifier=Integers(), difficulty="hard")]
    assert len({key(task) for task in (TASK, *others)}) == 3


def test_an_unknown_level_is_refused() -> None:
    with pytest.raises(ValidationError, match="difficulty"):
        GsmSynth(verifier=Integers(), difficulty="medium")


def test_questions_need_no_heavy_import() -> None:
    code = (
        "import sys; from lema.tasks.gsm_synth import GsmSynth; from lema.verifiers.integers import Integers; "
        "from lema.correctors.symbolic import Symbolic; Symbolic(); "
        "GsmSynth(verifier=Integers()).questions('dev', 0, 2); "
        "print([m for m in ('torch', 'numpy', 'transformers', 'tokenizers') if m in sys.modules])"
    )
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout == "[]\n"
