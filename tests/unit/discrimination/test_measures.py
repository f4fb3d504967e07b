"""DG-DIFF against discriminators whose behaviour is known, and its interval and tests by simulation."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.stats import norm

from lema.base.errors import InputError
from lema.discrimination.measures import INVALID, gains, largest_p, measure, over_questions

N = 4


def candidates(draw: np.random.Generator, rows: int = 1000, n: int = N) -> np.ndarray:
    """Right and wrong candidates of questions that are easy, hard, or in between."""
    return (draw.random((rows, n)) < draw.beta(0.7, 0.9, (rows, 1))).astype(float)


def pick_any(draw: np.random.Generator, values: np.ndarray, orders: int = 1) -> np.ndarray:
    return draw.integers(values.shape[1], size=(len(values), orders))


def test_by_hand() -> None:
    values = [[1, 0, 0, 0], [1, 1, 1, 1], [0, 0, 0, 0], [1, 1, 0, 0]]
    found = measure(values, [[0], [2], [1], [INVALID]], majority=[0.25, 1, 0, 0.5])
    assert (found.questions, found.rows, found.orders) == (4, 4, 1)
    assert found.gen == (0.25 + 1 + 0 + 0.5) / 4 and found.disc == 2 / 4
    assert found.difference == pytest.approx(0.5 - 1.75 / 4)
    assert (found.oracle, found.worst, found.invalid) == (0.75, 0.25, 0.25)
    assert found.headroom == pytest.approx(0.75 - 1.75 / 4)
    assert found.normalised == pytest.approx(0.0625 / 0.3125)
    assert found.majority == 1.75 / 4 and found.over_majority == pytest.approx(0.0625)
    assert found.mixed is not None
    assert (found.mixed.questions, found.mixed.gen, found.mixed.disc) == (2, 0.375, 0.5)


def test_graded_scores_have_the_margin_and_the_interval_of_their_scale() -> None:
    draw = np.random.default_rng(3)
    values = draw.integers(11, size=(160, N)).astype(float)
    picks = pick_any(draw, values)
    found, shares = measure(values, picks, scale=(0, 10)), measure(values / 10, picks)
    assert found.margin == pytest.approx(0.1) and found.p == pytest.approx(shares.p)
    for name in ("difference", "low", "high", "lower", "upper", "smallest"):
        assert getattr(found, name) == pytest.approx(10 * getattr(shares, name)), name


def test_all_orders_of_a_picker_that_takes_one_place_are_no_difference_at_all() -> None:
    values = candidates(np.random.default_rng(9))
    found = measure(values, np.tile(np.arange(N), (len(values), 1)))
    assert found.difference == pytest.approx(0) and found.p == pytest.approx(1) and found.equivalent


def test_gains_are_what_the_difference_is_the_mean_of() -> None:
    draw = np.random.default_rng(10)
    values, names = candidates(draw, 60), [f"q{number // 2}" for number in range(60)]
    picks = pick_any(draw, values, 4)
    assert gains(values, picks, names).mean() == pytest.approx(measure(values, picks, questions=names).difference)
    assert len(gains(values, picks, names)) == 30


def test_the_oracle_gives_oracle_less_s_gen_and_all_invalid_gives_worst_less_s_gen() -> None:
    values = candidates(np.random.default_rng(4))
    best = measure(values, values.argmax(axis=1)[:, None])
    assert best.difference == pytest.approx(best.oracle - best.gen) and best.disc == best.oracle
    assert best.normalised == pytest.approx(1.0) and best.p < 1e-6
    none = measure(values, np.full((len(values), 1), INVALID))
    assert none.difference == pytest.approx(none.worst - none.gen) and none.disc == none.worst
    assert none.invalid == 1.0 and none.p < 1e-6 and none.not_superior and not none.equivalent
    for found in (best, none):
        assert found.worst - found.gen - 1e-9 <= found.difference <= found.oracle - found.gen + 1e-9


def test_an_order_blind_discriminator_is_invariant_to_the_order_of_candidates() -> None:
    draw = np.random.default_rng(5)
    values = candidates(draw)
    hunches = values + draw.normal(0, 1, values.shape)  # sees something, wherever it stands
    shuffled = draw.permuted(np.tile(np.arange(N), (len(values), 1)), axis=1)
    one = measure(values, hunches.argmax(axis=1)[:, None])
    moved, seen = np.take_along_axis(values, shuffled, 1), np.take_along_axis(hunches, shuffled, 1)
    other = measure(moved, seen.argmax(axis=1)[:, None])
    for name in ("gen", "disc", "difference", "low", "high", "upper", "oracle", "worst", "normalised", "mixed"):
        assert getattr(one, name) == getattr(other, name), name


def test_s_gen_is_the_same_however_often_and_by_whom_it_is_discriminated() -> None:
    draw = np.random.default_rng(6)
    values = candidates(draw)
    assert measure(values, pick_any(draw, values)).gen == measure(values, pick_any(draw, values, 4)).gen


def test_seeds_of_one_question_are_one_cluster() -> None:
    draw = np.random.default_rng(7)
    values = candidates(draw, 300)
    picks = pick_any(draw, values)
    names = [f"q{number}" for number in range(300)]
    once = measure(values, picks, questions=names)
    thrice = measure(np.tile(values, (3, 1)), np.tile(picks, (3, 1)), questions=names * 3)
    assert (thrice.questions, thrice.rows) == (300, 900)
    assert (thrice.difference, thrice.low, thrice.high) == pytest.approx((once.difference, once.low, once.high))
    apart = measure(np.tile(values, (3, 1)), np.tile(picks, (3, 1)))
    assert apart.high - apart.low < 0.7 * (thrice.high - thrice.low), "copies are no further questions"


def test_only_a_bound_below_the_margin_says_that_picking_is_not_better() -> None:
    draw = np.random.default_rng(8)
    few, many = candidates(draw, 60), candidates(draw, 40_000)
    assert not measure(few, pick_any(draw, few)).not_superior
    found = measure(many, pick_any(draw, many))
    assert found.not_superior and found.equivalent and found.lower < found.difference < found.upper < 0.01


def test_unanimous_candidates_leave_nothing_to_say() -> None:
    found = measure([[1, 1], [0, 0]], [[0], [1]])
    assert found.mixed is None and found.normalised is None and found.difference == 0 and found.p == 1.0


@pytest.mark.parametrize(
    ("gen", "disc", "n", "printed"),
    [(93.6, 94.3, 1319, 0.265), (75.3, 76.4, 1319, 0.300), (59.6, 60.9, 1319, 0.312), (45.2, 46.6, 17944, 0.034)],
)
def test_printed_scores_bound_the_p_that_they_can_have(gen: float, disc: float, n: int, printed: float) -> None:
    """Bounds worked out before by another program, at a rounding of half a tenth of a percent each."""
    assert largest_p(gen / 100, disc / 100, n, rounding=0.0005) == pytest.approx(printed, abs=0.0015)


def test_the_bound_on_p_is_reached_and_never_passed() -> None:
    """All ways in which 20 questions can have 12 right candidates and 14 right picks."""
    found = [norm.sf(2 / np.sqrt(won + lost)) for won, lost in ((14 - both, 12 - both) for both in range(6, 13))]
    assert largest_p(0.6, 0.7, 20) == pytest.approx(max(found))
    assert largest_p(0.5, 0.5, 100) == 0.5 and largest_p(0.5, 0.4, 100) == 0.5


@pytest.mark.parametrize(
    ("values", "picks", "message"),
    [
        ([[1, 0]], [[2]], "number from 0 to 1"),
        ([[1, 0]], [[-2]], "number from 0 to 1"),
        ([[1, 0]], [0], "rows x orders"),
        ([[1, 0], [0, 1]], [[0]], "rows x orders"),
    ],
)
def test_what_does_not_fit_is_refused(values: list[list[int]], picks: list[list[int]], message: str) -> None:
    with pytest.raises(InputError, match=message):
        measure(values, picks)


def test_questions_that_have_no_rows_of_a_kind_are_passed_over() -> None:
    assert over_questions(np.array([1.0, 0.0, 1.0]), np.array([0, 2, 2])).tolist() == [1.0, 0.5]
