"""How far true accuracies of an arm's runs vary (decision 024): what their spread has beyond the noise of questions."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    Floats = NDArray[np.float64]

LENT_DF = 4.0  # of run variance that other arms may add


@dataclass(frozen=True)
class RunVariance:
    """How far the true accuracies of one arm's runs vary, pooled over arms.

    Args:
        excess: variance of a run's true mean score; unbiased, and so negative at times.
        noise: variance of its observed mean that questions explain.
        own: degrees of freedom from the compared arms.
        lent: from other arms.
    """

    excess: Floats | float = 0.0
    noise: Floats | float = 0.0
    own: float = 0.0
    lent: float = 0.0

    @property
    def df(self) -> float:
        """All degrees of freedom."""
        return self.own + self.lent


NOTHING = RunVariance()


def run_variance(arms: Sequence[Floats], *, lenders: Sequence[Floats] = ()) -> RunVariance:
    """Pooled over arms with two runs or more, each counting by its runs less one; lenders with `LENT_DF` at most."""
    excess, noise, own = pooled(arms)
    more, also, df = pooled(lenders)
    lent = min(df, LENT_DF)
    total = max(own + lent, 1)
    return RunVariance((own * excess + lent * more) / total, (own * noise + lent * also) / total, own, lent)


def shortfall(df: float) -> float:
    """By how much a variance is too small whose root is the mean of roots of estimates with `df` degrees of freedom.

    Estimates of few degrees of freedom are right on average, and most of them too small.
    """
    return float(df / 2 * math.exp(2 * (math.lgamma(df / 2) - math.lgamma((df + 1) / 2))))


def pooled(arms: Sequence[Floats]) -> tuple[Floats | float, Floats | float, float]:
    """Excess, noise and degrees of freedom of arms [..., runs, questions]; 0 of each where none has two runs."""
    excess: Floats | float = 0.0
    noise: Floats | float = 0.0
    df = 0
    for scores in arms:
        (runs, questions), means, each = scores.shape[-2:], scores.mean(-1), scores.mean(-2)
        if runs > 1 and questions > 1:
            rest = (scores**2).sum((-1, -2)) - questions * (means**2).sum(-1) - runs * (each**2).sum(-1)
            rest = rest + questions * runs * means.mean(-1) ** 2
            explained = rest / ((questions - 1) * questions)  # (runs - 1) times mean square of runs x questions / n
            excess, noise = excess + (runs - 1) * means.var(-1, ddof=1) - explained, noise + explained
            df += runs - 1
    return excess / max(df, 1), noise / max(df, 1), float(df)
