"""Two models side by side: known differences come out, none is found where there is none."""

from __future__ import annotations

import numpy as np
import pytest

from lema.base.errors import InputError
from lema.discrimination.between import Ability, between, exchanged


def abilities(gain: float, questions: int = 400, seed: int = 0, noise: float = 0.2) -> dict[str, Ability]:
    """A model whose picks are better than chance by `gain`, on average."""
    random = np.random.default_rng(seed)
    made = {}
    for number in range(questions):
        gen = random.uniform(0.3, 0.6)
        disc = gen + gain + random.normal(0, noise)
        made[f"q{number}"] = Ability(gen, disc, gen + 0.3, gen + 0.1)
    return made


def test_a_model_that_picks_better_is_better_by_what_it_gains() -> None:
    said = between(abilities(0.0), abilities(0.1, seed=1))
    assert said.questions == 400
    assert said.difference.low < 0.1 < said.difference.high and said.difference.low > 0
    assert said.p < 0.001
    assert said.headroom.value == pytest.approx(0) and said.vote.value == pytest.approx(0)


def test_turned_round_every_difference_changes_its_sign() -> None:
    one, two = abilities(0.0), abilities(0.05, seed=1)
    there, back = between(one, two), between(two, one)
    assert there.difference.value == pytest.approx(-back.difference.value)
    assert there.gen.value == pytest.approx(-back.gen.value)
    assert there.p == pytest.approx(back.p, abs=0.02)


def test_equal_models_do_not_differ_and_only_shared_questions_count() -> None:
    one = abilities(0.1)
    said = between(one, dict(list(one.items())[100:]))
    assert said.questions == 300
    assert said.difference.value == 0 and said.p == 1
    assert -0.02 < said.difference.low <= 0 <= said.difference.high < 0.02


def test_under_the_null_one_in_twenty_is_called_a_difference() -> None:
    random = np.random.default_rng(7)
    hits = sum(exchanged(random.normal(0, 1, 60), seed) < 0.05 for seed in range(400))
    assert 10 <= hits <= 31  # 20 expected; outside of this range once in a hundred


def test_models_without_a_question_in_common_are_refused() -> None:
    with pytest.raises(InputError, match="different questions"):
        between(abilities(0.1, 3), {"other": Ability(0, 0, 0, 0)})
