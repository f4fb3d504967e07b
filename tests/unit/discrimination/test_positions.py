"""Position bias, consistency over orders, and the vote."""

from __future__ import annotations

import random

import pytest

from lema.base.errors import InputError
from lema.discrimination.positions import consistency, positions
from lema.discrimination.voting import classes, plurality

CYCLE = [[0, 1, 2, 3], [1, 2, 3, 0], [2, 3, 0, 1], [3, 0, 1, 2]]


def test_one_that_always_takes_the_first_is_seen_to() -> None:
    picks = [[order[0] for order in CYCLE] for _ in range(30)]
    found = positions([CYCLE] * 30, picks, [[True, False, False, False]] * 30)
    assert found.chosen == (1, 0, 0, 0) and found.right == (0.25,) * 4
    assert found.found == (1, 0, 0, 0)
    assert found.p is not None and found.p < 1e-3 and consistency(picks) == 0


def test_one_that_is_blind_to_order_is_seen_to() -> None:
    draw = random.Random(0)
    favourites = [draw.randrange(4) for _ in range(400)]
    picks = [[one] * 4 for one in favourites]
    found = positions([CYCLE] * 400, picks, [[True, True, False, False]] * 400)
    assert found.chosen == (0.25,) * 4 and consistency(picks) == 1
    assert found.p is not None and found.p > 0.01 and found.found == (None,) * 4


def test_a_random_one_agrees_with_itself_in_one_of_n() -> None:
    draw = random.Random(1)
    picks = [[draw.randrange(4) for _ in range(4)] for _ in range(2000)]
    assert consistency(picks) == pytest.approx(0.25, abs=0.02)


def test_invalid_picks_stand_nowhere_and_agree_with_nothing() -> None:
    found = positions([CYCLE[:2]], [[-1, -1]], [[False] * 4])
    assert found.chosen == (0,) * 4 and found.right == (0,) * 4 and found.p is None
    assert consistency([[-1, -1]]) == 0 and consistency([[2]]) is None
    with pytest.raises(InputError, match="no picks"):
        positions([], [], [])


def same(one: str, other: str) -> bool:
    return float(one) == float(other)


def test_the_vote_is_of_the_answer_that_most_have_however_it_is_written() -> None:
    assert classes(["12", None, "12.0", "7"], same) == [[0, 2], [3]]
    assert plurality(["12", None, "12.0", "7"], [1, 0, 1, 0], same) == 1
    assert plurality(["7", "7", "12", None], [0, 0, 1, 0], same) == 0


def test_ties_are_broken_at_random_and_silence_wins_nothing() -> None:
    assert plurality(["12", "7", "12", "7"], [1, 0, 1, 0], same) == 0.5
    assert plurality(["12", "7", "8", None], [1, 0, 0, 0], same) == pytest.approx(1 / 3)
    assert plurality([None, None], [0, 0], same) == 0
