"""Judging several differences: one p, one interval, one verdict, which agree."""

from __future__ import annotations

import numpy as np
import pytest

from lema.base.differences import difference
from lema.base.family import About, Judged, Verdict, holm, judge

CALLED = {Verdict.BETTER: 1, Verdict.ABOVE: 1, Verdict.WORSE: -1, Verdict.BELOW: -1, Verdict.CANNOT_TELL: 0}


def family(draw: np.random.Generator, m: int, runs: int) -> list[Judged]:
    """Arms that are better by up to ten points, or worse, against one baseline."""
    like = draw.beta(1, 1, 300)

    def arm(shift: float) -> np.ndarray:
        return (draw.random((runs, 300)) < like + shift).astype(float)

    base = arm(0.0)
    return judge([difference(arm(shift), base) for shift in draw.uniform(-0.1, 0.1, m)])


def test_holm_steps_down_in_the_order_of_the_p_values() -> None:
    assert holm([0.01, 0.04, 0.03]) == pytest.approx([0.03, 0.06, 0.06])
    assert holm([0.6, 0.9]) == pytest.approx([1.0, 1.0])
    assert not len(holm([]))
    assert holm([[0.01, 0.04], [0.9, 0.02]]).tolist() == [[0.02, 0.04], [0.9, 0.04]]


@pytest.mark.parametrize("runs", [1, 3])
@pytest.mark.parametrize("m", [1, 2, 7])
def test_interval_p_and_verdict_never_disagree(m: int, runs: int) -> None:
    draw = np.random.default_rng([m, runs])
    at_zero = 0
    for one in (one for _ in range(40) for one in family(draw, m, runs)):
        outside = (one.low >= 0) - (one.high <= 0)
        assert CALLED[one.verdict] == outside, one
        assert (one.p_adjusted < 0.05) == (outside != 0)
        assert outside in (0, np.sign(one.difference)) and one.family == m
        assert one.low <= one.difference <= one.high
        assert one.about is (About.RUNS if runs > 1 else About.MODELS)
        assert one.verdict in (
            (Verdict.BETTER, Verdict.WORSE, Verdict.CANNOT_TELL)
            if runs > 1
            else (Verdict.ABOVE, Verdict.BELOW, Verdict.CANNOT_TELL)
        )
        at_zero += one.low == 0 or one.high == 0
    assert (at_zero > 0) == (m > 1), "where Holm calls what the interval of all m does not, its bound is 0"


def test_what_is_known_of_runs_is_said() -> None:
    draw = np.random.default_rng(3)
    one = family(draw, 1, 3)[0]
    assert one.run_sd is not None and one.run_df == 4 and one.lent_df == 0
    single = family(draw, 1, 1)[0]
    assert single.run_sd is None and single.run_df == 0


def test_no_family_is_judged_as_none() -> None:
    assert judge([]) == []
