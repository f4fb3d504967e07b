"""Statistics: against published and hand-computed values, and by simulation where only that can tell."""

from __future__ import annotations

import numpy as np
import pytest

from lema.base import stats
from lema.base.errors import InputError

Answers = list[list[float]]


def simulated(
    draw: np.random.Generator, n: int, win: float, lose: float, seeds: int = 1, shift: float = 0.0
) -> tuple[Answers, Answers]:
    """Answers of two arms whose true difference is win - lose, moved by `shift` (sd) from seed to seed."""
    arm, baseline = np.zeros((seeds, n)), np.zeros((seeds, n))
    hard = draw.random(n)
    for s in range(seeds):
        moved = draw.normal(0, shift) / 2 if shift else 0.0
        u = draw.random(n)
        change = np.where(u < win + moved, 1, np.where(u > 1 - lose + moved, -1, 0))
        same = (draw.random(n) < hard).astype(float)
        baseline[s] = np.where(change == 0, same, change == -1)
        arm[s] = baseline[s] + change
    return arm.tolist(), baseline.tolist()


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


def test_holm_steps_down_in_the_order_of_the_p_values() -> None:
    assert stats.holm([0.01, 0.04, 0.03]) == pytest.approx([0.03, 0.06, 0.06])
    assert stats.holm([0.6, 0.9]) == pytest.approx([1.0, 1.0])
    assert stats.holm([]) == []


@pytest.mark.parametrize(("n", "win", "lose"), [(30, 0.2, 0.1), (50, 0.15, 0.05), (100, 0.05, 0.05), (300, 0.04, 0.02)])
def test_the_paired_interval_covers_the_true_difference_as_often_as_it_says(n: int, win: float, lose: float) -> None:
    draw = np.random.default_rng(1)
    hits = 0
    for trial in range(500):
        paired = stats.paired_difference(*simulated(draw, n, win, lose), seed=trial)
        hits += paired.low <= win - lose <= paired.high
    assert 0.93 <= hits / 500 <= 0.97


def test_with_next_to_no_discordant_questions_the_interval_is_too_long_and_never_too_short() -> None:
    draw = np.random.default_rng(2)
    trials = [stats.paired_difference(*simulated(draw, 100, 0.02, 0.01), seed=trial) for trial in range(300)]
    assert np.mean([t.low <= 0.01 <= t.high for t in trials]) >= 0.95
    none = stats.paired_difference([[1, 0] * 100], [[1, 0] * 100])
    assert none.low < 0 < none.high and none.p == 1.0


def test_the_clustered_accuracy_interval_covers_where_pooled_trials_would_not() -> None:
    draw = np.random.default_rng(3)
    clustered = pooled = 0
    for trial in range(400):
        chance = draw.beta(0.4, 0.3, size=150)  # questions that nearly all seeds answer, or nearly none
        answers = (draw.random((3, 150)) < chance).astype(float)
        interval = stats.clustered_accuracy(answers.tolist(), seed=trial)
        clustered += interval.low <= 4 / 7 <= interval.high
        wrong = stats.wilson(int(answers.sum()), answers.size)
        pooled += wrong.low <= 4 / 7 <= wrong.high
    assert 0.93 <= clustered / 400 <= 0.97
    assert pooled / 400 < 0.85


def test_seeds_that_disagree_widen_the_interval_and_seeds_that_agree_do_not() -> None:
    draw = np.random.default_rng(4)
    narrow = wide = 0
    for trial in range(200):
        paired = stats.paired_difference(*simulated(draw, 1000, 0.1, 0.1, seeds=3, shift=0.04), seed=trial)
        narrow += paired.low <= 0 <= paired.high
        wide += paired.seeds_low <= 0 <= paired.seeds_high
    assert narrow / 200 < 0.65 and wide / 200 > 0.8
    arm, baseline = simulated(draw, 1000, 0.1, 0.1)
    twice = stats.paired_difference(arm * 2, baseline * 2)
    assert (twice.seeds_low, twice.seeds_high) == (twice.low, twice.high)


def test_equal_arms_are_called_different_no_more_often_than_alpha() -> None:
    draw = np.random.default_rng(5)
    called = 0
    for trial in range(400):
        p = stats.paired_difference(*simulated(draw, 200, 0.08, 0.08, seeds=2), seed=trial)
        said = stats.verdict(low=p.seeds_low, high=p.seeds_high, by_seed=p.by_seed, p=p.p)
        called += said is not stats.Verdict.CANNOT_TELL
    assert called / 400 <= 0.05


def test_the_smallest_detectable_difference_is_found_with_the_power_that_it_promises() -> None:
    assert stats.smallest_detectable(1319, 0.15) == pytest.approx(0.0298, abs=1e-4)
    d = stats.smallest_detectable(1000, 0.15)
    draw = np.random.default_rng(6)
    counts = draw.multinomial(1000, [(0.15 + d) / 2, (0.15 - d) / 2, 0.85], size=2000)
    power = np.mean([stats.mcnemar(int(won), int(lost)) < 0.05 for won, lost, _ in counts])
    assert 0.76 <= power <= 0.84
    assert stats.smallest_detectable(3, 0.1) == 1.0


def test_a_bootstrap_repeats_with_its_seed_and_matches_one_that_draws_questions_one_by_one() -> None:
    arm, baseline = simulated(np.random.default_rng(7), 400, 0.12, 0.06)
    first, again = stats.paired_difference(arm, baseline), stats.paired_difference(arm, baseline)
    assert first == again
    each = np.asarray(arm[0]) - np.asarray(baseline[0])
    chosen = np.random.default_rng(0).integers(0, 400, size=(10_000, 400))
    low, high = np.quantile(each[chosen].mean(axis=1), [0.025, 0.975])
    assert first.low == pytest.approx(low, abs=0.004) and first.high == pytest.approx(high, abs=0.004)


def test_a_single_model_stands_against_every_seed_of_an_arm() -> None:
    paired = stats.paired_difference([[1, 1, 0, 0], [1, 0, 1, 0]], [[0, 0, 0, 0]])
    assert paired.by_seed == (0.5, 0.5) and paired.difference == 0.5 and (paired.won, paired.lost) == (3, 0)


def test_shapes_that_do_not_pair_are_refused() -> None:
    with pytest.raises(InputError, match="2 seeds x 2 questions with 3 x 2"):
        stats.paired_difference([[1, 0]] * 2, [[1, 0]] * 3)
    with pytest.raises(InputError, match="rows of one length"):
        stats.paired_difference([[1, 0], [1]], [[1, 0]])


@pytest.mark.parametrize(
    ("low", "high", "by_seed", "p", "said"),
    [
        (0.01, 0.05, (0.02, 0.04), 0.01, "better"),
        (-0.05, -0.01, (-0.02, -0.04), 0.01, "worse"),
        (0.01, 0.05, (0.02, 0.04), 0.06, "cannot tell"),
        (-0.01, 0.05, (0.02, 0.04), 0.01, "cannot tell"),
        (0.01, 0.05, (-0.02, 0.08), 0.01, "cannot tell"),
    ],
)
def test_a_verdict_needs_interval_test_and_every_seed_to_agree(
    low: float, high: float, by_seed: tuple[float, ...], p: float, said: str
) -> None:
    assert stats.verdict(low=low, high=high, by_seed=by_seed, p=p) == said


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
