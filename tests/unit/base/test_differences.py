"""The difference of two arms: by hand where that can be done, and against what the method promises of itself."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.stats import norm, t, ttest_rel

from lema.base.differences import (
    ALPHA,
    NOTHING,
    Difference,
    difference,
)
from lema.base.errors import InputError
from lema.base.run_variance import LENT_DF, RunVariance, run_variance, shortfall

RIGHT = np.array([[1.0, 1.0, 0.0, 0.0, 1.0, 1.0, 0.0, 1.0]])
OTHER = np.array([[1.0, 0.0, 0.0, 0.0, 1.0, 0.0, 1.0, 1.0]])


def made(draw: np.random.Generator, runs: int, n: int = 400, sd: float = 0.0, mean: float = 0.5) -> np.ndarray:
    """Runs whose true scores spread by `sd`."""
    chance = np.clip(draw.beta(1, 1, n) + mean - 0.5, 0, 1) + sd * draw.normal(size=(runs, 1))
    return (draw.random((runs, n)) < chance).astype(float)


def test_two_single_models_by_hand() -> None:
    one = difference(RIGHT, OTHER, drawn=(False, False))
    assert one.value == pytest.approx(1 / 8) and one.size == 1 and one.share == 0
    # d is +1, +1, -1 and five times 0; a pseudo-question at each end adds 2.
    variance = (3 - 8 / 64 + 2) / 64
    assert one.of_questions() == pytest.approx(variance)
    assert one.half_width() == pytest.approx(t.isf(0.025, 7) * variance**0.5)
    assert one.p == pytest.approx(2 * t.sf(0.125 / variance**0.5, 7))


def test_with_many_questions_it_is_the_paired_t_test() -> None:
    draw = np.random.default_rng(1)
    a, b = made(draw, 1, 5000, mean=0.52), made(draw, 1, 5000)
    one = difference(a, b, drawn=(False, False))
    assert one.p == pytest.approx(ttest_rel(a[0], b[0]).pvalue, rel=0.05)


def test_the_variance_of_runs_is_that_of_the_two_way_layout() -> None:
    draw = np.random.default_rng(2)
    x = made(draw, 3, 50)
    found = run_variance([x])
    rest = x - x.mean(1, keepdims=True) - x.mean(0, keepdims=True) + x.mean()
    noise = (rest**2).sum() / (2 * 49) / 50
    assert found.noise == pytest.approx(noise) and found.excess == pytest.approx(x.mean(1).var(ddof=1) - noise)
    assert (found.own, found.lent, found.df) == (2, 0, 2)


def test_the_variance_of_runs_comes_out_on_average() -> None:
    draw = np.random.default_rng(3)
    found = run_variance([np.stack([made(draw, 3, 300, sd=0.04) for _ in range(3000)])])
    assert np.mean(found.excess) == pytest.approx(0.04**2, rel=0.1)


def test_other_arms_lend_four_degrees_of_freedom_and_no_more() -> None:
    draw = np.random.default_rng(4)
    own, few, many = made(draw, 3), [made(draw, 2)], [made(draw, 5) for _ in range(9)]
    assert run_variance([own], lenders=few).lent == 1
    helped = run_variance([own], lenders=many)
    assert (helped.own, helped.lent) == (2, LENT_DF)
    lent = run_variance(many)
    assert helped.excess == pytest.approx((2 * run_variance([own]).excess + 4 * lent.excess) / 6)


def test_arms_of_one_run_have_nothing_to_say_of_runs_but_what_is_lent() -> None:
    draw = np.random.default_rng(5)
    a, b = made(draw, 1), made(draw, 1)
    assert run_variance([a, b]) == RunVariance()
    assert difference(a, b).share == 0, "these models"
    assert difference(a, b, lenders=[made(draw, 2)]).share == 0, "one degree of freedom is too few"
    assert difference(a, b, lenders=[made(draw, 3)]).share == 2
    assert difference(made(draw, 2), b).share == 0 and difference(made(draw, 3), b).share == pytest.approx(4 / 3)


def test_a_model_before_training_is_no_draw_of_runs() -> None:
    draw = np.random.default_rng(6)
    one = difference(made(draw, 3), made(draw, 1), drawn=(True, False))
    assert one.share == pytest.approx(1 / 3) and one.runs.own == 2
    assert difference(made(draw, 3), drawn=(False, False)).runs is NOTHING


def test_runs_that_spread_make_it_less_sure() -> None:
    draw = np.random.default_rng(7)
    still, moved = (difference(made(draw, 5, sd=sd), made(draw, 5, sd=sd)) for sd in (0.0, 0.08))
    assert moved.half_width() > 1.5 * still.half_width()


@pytest.mark.parametrize("runs", [1, 2, 3])
def test_p_is_below_alpha_exactly_where_the_interval_leaves_out_zero(runs: int) -> None:
    draw = np.random.default_rng(8)
    a = np.stack([made(draw, runs, 60, 0.02, 0.5 + 0.4 * draw.random()) for _ in range(400)])
    b = np.stack([made(draw, runs, 60, 0.02) for _ in range(400)])
    lenders = [np.stack([made(draw, 3, 60, 0.02) for _ in range(400)])]
    for one in (difference(a, b), difference(a, b, lenders=lenders)):
        for alpha in (0.05, 0.05 / 6, 0.3):
            assert ((one.p < alpha) == (np.abs(one.value) > one.half_width(alpha))).all()
        assert 0.1 < (one.p < ALPHA).mean() < 0.9


def test_with_few_degrees_of_freedom_the_interval_is_that_of_the_largest_credible_spread() -> None:
    one = Difference(
        np.array(0.1),
        np.array(0.3),
        np.array(1.0),
        1000,
        1.0,
        RunVariance(1e-4, 1e-4, 2.0),
        np.array(1.0),
        np.array(0.0),
    )
    assert one.half_width() <= norm.isf(0.025) * (one.of_questions() + 0.03**2) ** 0.5


def test_the_smallest_difference_has_the_power_that_it_promises_and_that_of_a_family_is_larger() -> None:
    draw = np.random.default_rng(9)
    one = difference(made(draw, 3), made(draw, 3))
    assert one.power(one.smallest()) == pytest.approx(0.8, abs=0.01)
    assert one.smallest(ALPHA / 6) > one.smallest()
    assert difference(made(draw, 1, 2), drawn=(False, False)).smallest() > 0.99


def test_a_gain_near_the_ceiling_is_found_as_often_as_one_at_the_middle() -> None:
    """The variance that the power takes for a gain is that of answers after such a gain."""
    draw = np.random.default_rng(11)
    for accuracy in (0.1, 0.5, 0.8, 0.95):
        like = draw.beta(accuracy, 1 - accuracy, (400, 1, 1000))
        arm, other = (draw.random((400, 3, 1000)) < like for _ in range(2))
        gain = 0.4 * (1 - accuracy)
        after = arm | (draw.random(arm.shape) < gain / (1 - accuracy))
        expected = difference(after, other).of_questions().mean()
        assert difference(arm, other).of_questions(np.full(400, gain)).mean() == pytest.approx(expected, rel=0.06)


def test_the_spread_that_would_make_these_models_no_different_does_so() -> None:
    draw = np.random.default_rng(10)
    one = difference(made(draw, 1, mean=0.7), made(draw, 1))
    sd = one.run_sd_to_doubt(2.0)
    assert abs(one.value) == pytest.approx(norm.isf(0.025) * (one.of_questions() + 2 * sd**2) ** 0.5)
    alike = difference(RIGHT, RIGHT, drawn=(False, False))
    assert alike.run_sd_to_doubt(2.0) == 0 and alike.p == 1


def test_several_data_sets_at_once_come_to_what_each_does() -> None:
    draw = np.random.default_rng(11)
    a, b = (np.stack([made(draw, 3, 50, 0.03) for _ in range(7)]) for _ in range(2))
    together = difference(a, b)
    for i in range(7):
        alone = difference(a[i], b[i])
        assert together.p[i] == pytest.approx(alone.p) and together.smallest()[i] == pytest.approx(alone.smallest())


def test_a_single_question_says_nothing() -> None:
    one = difference(np.ones((1, 1)), np.zeros((1, 1)))
    assert one.value == 1 and one.p > 0.3 and one.half_width() > 1


@pytest.mark.parametrize(("a", "b"), [((2, 3), (2, 4)), ((1, 0), (1, 0))])
def test_scores_of_different_questions_are_refused(a: tuple[int, int], b: tuple[int, int]) -> None:
    with pytest.raises(InputError, match="both need the same questions, and at least one"):
        difference(np.zeros(a), np.zeros(b))


def test_the_spread_of_runs_is_not_taken_for_too_small_because_few_were_seen() -> None:
    draw = np.random.default_rng(12)
    for df in (2, 3, 8):
        roots = np.sqrt(draw.chisquare(df, 200_000) / df)
        assert shortfall(df) == pytest.approx(1 / roots.mean() ** 2, rel=0.01)
