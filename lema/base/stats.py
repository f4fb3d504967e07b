"""Statistics of shares and of means over clusters: what one number can tell (differences: `lema.base.differences`).

- One run on n questions has a Wilson interval (Wilson 1927).
- Values that come in clusters (several a question) are not independent trials: the unit is the cluster, and the
  interval of a mean or of a ratio of sums a bootstrap over clusters. Nothing is judged by these intervals.
- McNemar's exact test stands beside the comparison of two single models, and does not decide (decision 024).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import msgspec

from lema.base.differences import ALPHA, difference
from lema.base.errors import InputError

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    Matrix = NDArray[np.float64]

DRAWS = 10_000


class Interval(msgspec.Struct, frozen=True, kw_only=True):
    """An estimate with its 95 % interval; accuracies and other shares are shares of 1."""

    estimate: float
    low: float
    high: float


def wilson(right: int, n: int) -> Interval:
    """Wilson's score interval of a share of independent trials.

    Raises:
        InputError: there are no trials, or more right than trials.
    """
    if not 0 <= right <= n or n == 0:
        raise InputError(f"{right} right of {n}: not a share")
    from scipy.stats import binomtest

    bounds = binomtest(right, n).proportion_ci(1 - ALPHA, method="wilson")
    return Interval(estimate=right / n, low=float(bounds.low), high=float(bounds.high))


def clustered_accuracy(answers: Sequence[Sequence[float]]) -> Interval:
    """Accuracy over answers to the same questions, for these answers on new questions.

    Args:
        answers: [rows x questions] of 0 to 1; column j is one question, which is one cluster.

    Raises:
        InputError: rows differ in length, or there is no answer.
    """
    import numpy as np

    if len({len(row) for row in answers}) != 1 or not len(answers[0]):
        raise InputError("answers must be [rows x questions]: rows of one length, at least one of each")
    mean = difference(np.asarray(answers, dtype=np.float64), drawn=(False, False))
    value, half = float(mean.value), float(mean.half_width())
    return Interval(estimate=value, low=max(0.0, value - half), high=min(1.0, value + half))


def clustered_mean(values: Sequence[Sequence[float]], seed: int = 0) -> Interval:
    """Mean of values that come in clusters (several a question), with a bootstrap interval over clusters.

    A cluster is drawn with all of its values. Nothing is added at the ends of the scale: these values have none.

    Args:
        values: [clusters][values of each], at least one value a cluster; in any unit, which the result has too.

    Raises:
        InputError: fewer than two clusters, of which no interval can be drawn.
    """
    import numpy as np

    if len(values) < 2 or not all(values):
        raise InputError(f"an interval needs two clusters of values or more, got {sum(map(bool, values))}")
    columns = np.array([[sum(cluster) for cluster in values], [len(cluster) for cluster in values]], dtype=np.float64)
    sums, counts = resampled_sums(columns, seed)
    low, high = bounds_of(sums / counts)
    return Interval(estimate=float(columns[0].sum() / columns[1].sum()), low=low, high=high)


def resampled_sums(columns: Matrix, seed: int = 0) -> Matrix:
    """Sums of quantities over bootstrap samples of clusters, [quantities x draws]: for ratios of sums, and for
    differences of what was measured on the same clusters.

    Args:
        columns: [quantities x clusters], each the sum over a cluster, which is drawn as a whole.
    """
    import numpy as np

    count = columns.shape[1]
    draw = np.random.default_rng([seed, 2])
    sums = np.empty((len(columns), DRAWS))
    for number in range(DRAWS):  # one by one: all draws at once would take gigabytes for the questions of MATH
        sums[:, number] = columns[:, draw.integers(count, size=count)].sum(axis=1)
    return sums


def mcnemar(won: int, lost: int) -> float:
    """Exact two-sided p of McNemar's test from the two discordant counts; 1 when there are none."""
    if won + lost == 0:
        return 1.0
    from scipy.stats import binomtest

    return float(binomtest(won, won + lost, 0.5).pvalue)


def bounds_of(draws: Matrix) -> tuple[float, float]:
    """The central 95 % of bootstrap draws."""
    import numpy as np

    low, high = np.quantile(draws, [ALPHA / 2, 1 - ALPHA / 2])
    return float(low), float(high)
