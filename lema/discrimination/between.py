"""Two models side by side: does one tell its own right answers from its wrong ones better than the other?

Each model picks among candidates of its own, so that no candidate is shared; the questions are. Everything is first a
mean over the samplings of a question, and then compared question by question.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

import msgspec

from lema.base.errors import InputError
from lema.discrimination.measures import interval

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

DRAWS = 9_999  # sign flips of the test


class Ability(msgspec.Struct, frozen=True):
    """One model on one question, as means over its samplings: scores of 0 to 1."""

    gen: float  # of a candidate drawn at random
    disc: float  # of the candidate that is picked
    oracle: float  # of the best candidate
    vote: float  # of the majority's answer


class Gap(msgspec.Struct, frozen=True):
    """A difference of means, the second model's less the first's, with its 95 % interval."""

    value: float
    low: float
    high: float


class Between(msgspec.Struct, frozen=True, kw_only=True):
    """What changes from one model to another, over the questions that both have."""

    questions: int
    gen: Gap
    difference: Gap  # of DG-DIFF
    headroom: Gap  # of oracle less S_gen
    vote: Gap  # of the majority's gain over S_gen
    p: float  # two-sided, of the difference of DG-DIFF: sign flips over questions


def between(first: Mapping[str, Ability], second: Mapping[str, Ability], *, seed: int = 0) -> Between:
    """Compare two models on the questions that both have, by id.

    Intervals are bootstraps over questions; the p is that of a permutation test whose null is that the two
    could be exchanged on each question.

    Raises:
        InputError: they have no question in common.
    """
    import numpy as np

    shared = [id_ for id_ in first if id_ in second]
    if not shared:
        raise InputError("the two models have picked among answers to different questions")
    one, two = (
        np.array([[held[id_].gen, held[id_].disc, held[id_].oracle, held[id_].vote] for id_ in shared])
        for held in (first, second)
    )

    def gap(left: NDArray[np.float64], right: NDArray[np.float64], span: float) -> Gap:
        return Gap(float((right - left).mean()), *interval(right - left, span, seed))

    over_gen = [(held[:, 1:] - held[:, :1]) for held in (one, two)]  # picked, oracle, vote: each less S_gen
    return Between(
        questions=len(shared),
        gen=gap(one[:, 0], two[:, 0], 1.0),
        difference=gap(over_gen[0][:, 0], over_gen[1][:, 0], 2.0),
        headroom=gap(over_gen[0][:, 1], over_gen[1][:, 1], 1.0),
        vote=gap(over_gen[0][:, 2], over_gen[1][:, 2], 2.0),
        p=exchanged(over_gen[1][:, 0] - over_gen[0][:, 0], seed),
    )


def exchanged(differences: NDArray[np.float64], seed: int) -> float:
    """Two-sided p of a mean of paired differences, by flipping signs at random; 1 when nothing differs."""
    import numpy as np
    from scipy.stats import permutation_test

    if not differences.any():
        return 1.0
    found = permutation_test(
        (differences,),
        np.mean,
        permutation_type="samples",
        vectorized=True,
        n_resamples=DRAWS,
        batch=max(1, 2_000_000 // len(differences)),
        rng=np.random.default_rng([seed, 5]),
    )
    return float(found.pvalue)
