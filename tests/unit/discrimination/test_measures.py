"""DG-DIFF against discriminators whose behaviour is known, and its interval and tests by simulation."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.stats import binomtest, norm

from lema.base.errors import InputError
from lema.discrimination.measures import (
    INVALID,
    interval,
    largest_p,
    mcnemar_greater,
    mcnemar_mid,
    measure,
    over_questions,
    wilcoxon_greater,
)

SETS = 10_000
QUESTIONS, N = 500, 4


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


def test_one_that_picks_at_random_has_zero_within_its_interval_in_95_percent_of_10_000_data_sets() -> None:
    draw = np.random.default_rng(1)
    covered = 0
    for number in range(SETS):
        values = candidates(draw, QUESTIONS)
        picked = values[np.arange(QUESTIONS), pick_any(draw, values)[:, 0]]
        low, high = interval(picked - values.mean(axis=1), 1.0, seed=number, draws=1000)
        covered += low <= 0 <= high
    print(f"covered {covered / SETS:.4f}")
    assert 0.94 <= covered / SETS <= 0.96


def test_a_true_null_is_rejected_in_5_percent_of_10_000_data_sets() -> None:
    """The exact test is conservative; with 250 of 1,000 questions discordant, as here, it stays above 4 %."""
    draw = np.random.default_rng(2)
    exact, mid, cache = 0, 0, {}
    for _ in range(SETS):
        values = candidates(draw)
        rows = np.arange(len(values))
        against = values[rows, pick_any(draw, values)[:, 0]] - values[rows, pick_any(draw, values)[:, 0]]
        counts = int((against > 0).sum()), int((against < 0).sum())
        if counts not in cache:
            cache[counts] = mcnemar_greater(*counts), mcnemar_mid(*counts)
        exact += cache[counts][0] < 0.05
        mid += cache[counts][1] < 0.05
    print(f"exact {exact / SETS:.4f}, mid-p {mid / SETS:.4f}")
    assert 0.04 <= exact / SETS <= 0.06 and 0.04 <= mid / SETS <= 0.06 and exact < mid


def test_graded_scores_are_tested_at_5_percent_too_with_many_zero_differences() -> None:
    draw = np.random.default_rng(3)
    rejected, sets = 0, 4000
    for _ in range(sets):
        values = draw.integers(11, size=(160, N)).astype(float)
        rows = np.arange(160)
        against = values[rows, pick_any(draw, values)[:, 0]] - values[rows, pick_any(draw, values)[:, 0]]
        rejected += wilcoxon_greater(against) < 0.05
    assert 0.04 <= rejected / sets <= 0.06
    found = measure(values, pick_any(draw, values), scale=(0, 10))
    assert found.test.startswith("Wilcoxon") and "Pratt" in found.test and found.p_mid is None
    assert found.margin == pytest.approx(0.1)


def test_the_oracle_gives_oracle_less_s_gen_and_all_invalid_gives_worst_less_s_gen() -> None:
    values = candidates(np.random.default_rng(4))
    best = measure(values, values.argmax(axis=1)[:, None])
    assert best.difference == pytest.approx(best.oracle - best.gen) and best.disc == best.oracle
    assert best.normalised == pytest.approx(1.0) and best.p < 1e-6
    none = measure(values, np.full((len(values), 1), INVALID))
    assert none.difference == pytest.approx(none.worst - none.gen) and none.disc == none.worst
    assert none.invalid == 1.0 and none.p > 0.999 and none.not_superior and not none.equivalent
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


@pytest.mark.parametrize(("won", "lost"), [(0, 0), (5, 5), (10, 5), (1, 0), (0, 7), (130, 101)])
def test_the_exact_test_is_the_binomial_one(won: int, lost: int) -> None:
    expected = binomtest(won, won + lost, 0.5, alternative="greater").pvalue if won + lost else 1.0
    assert mcnemar_greater(won, lost) == pytest.approx(expected)
    assert mcnemar_mid(won, lost) < mcnemar_greater(won, lost)
    if won == lost:
        assert mcnemar_greater(won, lost) > 0.5 and mcnemar_mid(won, lost) == pytest.approx(0.5)


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
