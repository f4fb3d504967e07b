"""Two arms of pickers side by side: known differences come out, none is found where there is none."""

from __future__ import annotations

import numpy as np
import pytest

from lema.base.errors import InputError
from lema.discrimination.between import Ability, Arm, between


def run(gain: float, questions: int = 400, seed: int = 0, noise: float = 0.2) -> dict[str, Ability]:
    """A run whose picks are better than chance by `gain`, on average."""
    random = np.random.default_rng(seed)
    made = {}
    for number in range(questions):
        gen = random.uniform(0.3, 0.6)
        disc = gen + gain + random.normal(0, noise)
        made[f"q{number}"] = Ability(gen, disc, gen + 0.3, gen + 0.1)
    return made


def arm(*runs: dict[str, Ability], drawn: bool = True) -> Arm:
    return Arm(runs=runs, drawn=drawn)


def test_a_model_that_picks_better_is_better_by_what_it_gains() -> None:
    said = between(arm(run(0.0)), arm(run(0.1, seed=1)))
    assert said.questions == 400 and said.difference.share == 0, "one run each: about these models"
    assert abs(said.difference.value - 0.1) < said.difference.half_width() < said.difference.value
    assert said.difference.p < 0.001
    assert said.headroom.value == pytest.approx(0) and said.vote.value == pytest.approx(0)


def test_turned_round_every_difference_changes_its_sign() -> None:
    one, two = arm(run(0.0)), arm(run(0.05, seed=1))
    there, back = between(one, two), between(two, one)
    assert there.difference.value == pytest.approx(-back.difference.value)
    assert there.gen.value == pytest.approx(-back.gen.value) and there.difference.p == pytest.approx(back.difference.p)


def test_equal_models_do_not_differ_and_only_shared_questions_count() -> None:
    one = run(0.1)
    said = between(arm(one), arm(dict(list(one.items())[100:])))
    assert said.questions == 300
    assert said.difference.value == 0 and said.difference.p == 1 and said.difference.half_width() < 0.02


def test_runs_that_differ_widen_it_and_are_not_pooled() -> None:
    first = arm(*(run(0.1 * number, seed=number) for number in range(3)))
    second = arm(*(run(0.1 * number, seed=9 + number) for number in range(3)))
    said = between(first, second)
    assert said.difference.share == pytest.approx(2 / 3) and said.difference.runs.own == 4
    assert said.difference.runs.excess == pytest.approx(0.01, rel=0.3)
    pooled = between(arm(first.runs[1]), arm(second.runs[1]))
    assert said.difference.half_width() > 3 * pooled.difference.half_width()


def test_a_model_before_training_is_one_fixed_model_and_other_arms_lend() -> None:
    base, trained = arm(run(0.0), drawn=False), arm(run(0.1, seed=1))
    lender = arm(*(run(0.1, seed=number) for number in (5, 6, 7)))
    assert between(base, trained).difference.share == 0
    helped = between(base, trained, [lender, base, trained]).difference
    assert helped.share == 1 and (helped.runs.own, helped.runs.lent) == (0, 2)


def test_models_without_a_question_in_common_are_refused() -> None:
    with pytest.raises(InputError, match="different questions"):
        between(arm(run(0.1, 3)), arm({"other": Ability(0, 0, 0, 0)}))
