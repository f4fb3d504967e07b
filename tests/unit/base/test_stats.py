"""Statistics: against published and hand-computed values, and by simulation where only that can tell."""

from __future__ import annotations

import numpy as np
import pytest

from lema.base import stats
from lema.base.errors import InputError


@pytest.mark.parametrize(
    ("right", "n", "low", "high"),
    [(81, 263, 0.2553, 0.3662), (15, 148, 0.0624, 0.1605), (0, 20, 0.0, 0.1611), (1, 29, 0.0061, 0.1718)],
)
def test_wilson_gives_the_published_intervals(right: int, n: int, low: float, high: float) -> None:
    """Table I of Newcombe (1998), Statistics in Medicine 17."""
    interval = stats.wilson(right, n)
    assert (round(interval.low, 4), round(interval.high, 4)) == (low, high)
    assert interval.estimate == right / n


def test_a_share_of_nothing_is_refused() -> None:
    with pytest.raises(InputError, match="0 right of 0"):
        stats.wilson(0, 0)


@pytest.mark.parametrize(
    ("won", "lost", "p"), [(1, 9, 22 / 1024), (9, 1, 22 / 1024), (0, 5, 2 / 32), (5, 5, 1.0), (0, 0, 1.0)]
)
def test_mcnemar_is_the_exact_binomial_test(won: int, lost: int, p: float) -> None:
    assert stats.mcnemar(won, lost) == pytest.approx(p, abs=1e-12)


def test_the_interval_of_an_accuracy_covers_where_pooled_trials_would_not() -> None:
    draw = np.random.default_rng(3)
    clustered = pooled = 0
    for _ in range(400):
        chance = draw.beta(0.4, 0.3, size=150)  # questions that nearly all rows answer, or nearly none
        answers = (draw.random((3, 150)) < chance).astype(float)
        interval = stats.clustered_accuracy(answers.tolist())
        clustered += interval.low <= 4 / 7 <= interval.high
        wrong = stats.wilson(int(answers.sum()), answers.size)
        pooled += wrong.low <= 4 / 7 <= wrong.high
    assert 0.93 <= clustered / 400 <= 0.98
    assert pooled / 400 < 0.85


def test_answers_of_different_lengths_are_refused() -> None:
    with pytest.raises(InputError, match="rows of one length"):
        stats.clustered_accuracy([[1, 0], [1]])


def test_the_interval_of_a_mean_is_the_textbook_one_for_single_values() -> None:
    values = np.random.default_rng(5).normal(3.0, 2.0, size=400)
    found = stats.clustered_mean([[float(value)] for value in values])
    margin = 1.96 * values.std(ddof=1) / 20
    assert found.estimate == pytest.approx(values.mean())
    assert (found.low, found.high) == pytest.approx((values.mean() - margin, values.mean() + margin), abs=0.02)


def test_values_of_one_cluster_are_not_counted_as_independent() -> None:
    values = np.random.default_rng(6).normal(size=100)
    single = stats.clustered_mean([[float(value)] for value in values])
    repeated = stats.clustered_mean([[float(value)] * 9 for value in values])
    assert (repeated.low, repeated.high) == pytest.approx((single.low, single.high))


def test_the_mean_is_over_values_and_not_over_clusters() -> None:
    assert stats.clustered_mean([[1.0, 1.0, 1.0], [5.0]]).estimate == 2.0


@pytest.mark.parametrize("values", [[], [[1.0, 2.0]], [[1.0], []]])
def test_one_cluster_has_no_interval(values: list[list[float]]) -> None:
    with pytest.raises(InputError, match="two clusters"):
        stats.clustered_mean(values)
