from __future__ import annotations

from collections import Counter

import pytest
from material.planted_slips import PLANTS, plant

from lema.base.errors import InputError
from lema.base.reasoning_steps import number_steps
from lema.base.records import Correction, Question, Solution, Verdict
from lema.correctors.symbolic import Symbolic
from lema.synth.difficulty import LEVELS
from lema.synth.exact import flaw
from lema.synth.problem import read_trace
from lema.synth.reading import read_path
from lema.verifiers.integers import Integers


def correct(corrector: Symbolic, pairs: list[tuple[Question, Solution]]) -> list[Correction]:
    with corrector.open() as run:
        return run(pairs)


@pytest.mark.parametrize("level", LEVELS)
@pytest.mark.parametrize("fault", PLANTS)
def test_a_correction_names_the_step_and_ends_in_the_right_answer(fault: str, level: str) -> None:
    cases = list(plant(fault, 150, level))
    corrections = correct(Symbolic(), [(case.question, case.solution) for case in cases])
    for case, correction in zip(cases, corrections, strict=True):
        assert (correction.step, correction.error, correction.reject) == (case.step, fault, "")
        assert correction.solution_id == case.solution.id
        verdict = Integers().judge(number_steps(correction.solution, correction.step or 1), case.question).verdict
        assert verdict is Verdict.RIGHT
        assert flaw(correction, case.steps, case.problem) == ""


@pytest.mark.parametrize("fault", PLANTS)
def test_a_correction_repeats_no_quantity_that_was_right(fault: str) -> None:
    cases = list(plant(fault, 150))
    for case, correction in zip(cases, correct(Symbolic(), [(c.question, c.solution) for c in cases]), strict=True):
        known = {str(case.problem.nodes[i].name) for i in read_path(case.steps, case.problem).derived}
        assert not [step for step in correction.solution for name in known if step.startswith(f"{name} are")]


@pytest.mark.parametrize("fault", PLANTS)
def test_explanations_of_a_class_are_many_and_finished(fault: str) -> None:
    cases = list(plant(fault, 150))
    said = [c.explanation for c in correct(Symbolic(), [(c.question, c.solution) for c in cases])]
    assert all("{" not in text and text.endswith(".") and text[0] == text[0].upper() for text in said)
    assert len(set(said)) >= 5


def test_equal_seeds_give_equal_corrections_and_other_seeds_other_words() -> None:
    pairs = [(case.question, case.solution) for case in plant("wrong_operand", 100)]
    assert correct(Symbolic(seed=1), pairs) == correct(Symbolic(seed=1), pairs)
    assert correct(Symbolic(seed=1), pairs[::-1]) == correct(Symbolic(seed=1), pairs)[::-1]
    assert correct(Symbolic(seed=1), pairs) != correct(Symbolic(seed=2), pairs)


@pytest.mark.parametrize("strength", [0.0, 0.5, 0.8])
def test_corrections_are_unsound_at_the_stated_rate_and_the_exact_filter_finds_them(strength: float) -> None:
    cases = [case for fault in PLANTS for case in plant(fault, 150)]
    corrections = correct(Symbolic(strength=strength), [(case.question, case.solution) for case in cases])
    flaws = Counter(flaw(c, case.steps, case.problem) for case, c in zip(cases, corrections, strict=True))
    assert abs(flaws[""] / len(cases) - strength) < 0.05
    unsound = len(cases) - flaws[""]
    assert all(flaws[kind] / unsound > 0.2 for kind in ("wrong_step", "wrong_class", "wrong_solution"))


def test_an_answer_filter_lets_unsound_corrections_through_that_the_exact_filter_stops() -> None:
    cases = [case for fault in PLANTS for case in plant(fault, 50)]
    corrections = correct(Symbolic(strength=0.0), [(case.question, case.solution) for case in cases])
    by_answer = [
        Integers().judge(number_steps(c.solution), case.question).verdict is Verdict.RIGHT
        for case, c in zip(cases, corrections, strict=True)
    ]
    exact = [flaw(c, case.steps, case.problem) == "" for case, c in zip(cases, corrections, strict=True)]
    assert 0.4 < sum(by_answer) / len(cases) < 0.9
    assert not any(exact)


def test_a_path_without_a_mistake_comes_back_rejected() -> None:
    case = next(plant("wrong_final", 1))
    right = Solution(
        question_id=case.question.id, reasoner="gold", sample=0, text=case.question.solution, verdict=Verdict.RIGHT
    )
    assert [c.reject for c in correct(Symbolic(), [(case.question, right)])] == ["no_mistake"]


def test_a_question_without_a_trace_is_refused_with_the_reason() -> None:
    question = Question(id="q", task="gsm8k", text="How many?", answer="2")
    solution = Solution(question_id="q", reasoner="r", sample=0, text="The answer is 3.", verdict=Verdict.WRONG)
    with pytest.raises(InputError, match="gsm_synth"):
        correct(Symbolic(), [(question, solution)])


def test_a_trace_that_is_not_of_this_laboratory_is_refused() -> None:
    with pytest.raises(InputError, match="gsm_synth"):
        read_trace({"nodes": [{"name": "x"}]})
