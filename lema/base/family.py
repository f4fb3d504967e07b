"""Differences that are judged together: one p, one interval and one verdict for each, which never disagree.

p is adjusted by Holm (1979) over the family. The interval of a difference is simultaneous, D +- h(alpha / m) for m
differences; where Holm calls a difference that this interval does not, the bound that faces 0 stands at 0, which is
to be read as «more (or less) than 0». So a difference is called exactly where its interval leaves out 0.
"""

from __future__ import annotations

from collections.abc import Sequence
from enum import StrEnum
from typing import TYPE_CHECKING

import msgspec

from lema.base.differences import ALPHA, Difference

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import ArrayLike, NDArray

    Floats = NDArray[np.float64]
    Truths = NDArray[np.bool_]


class Verdict(StrEnum):
    """What a comparison may say."""

    BETTER = "better"  # new runs would be, on new questions
    WORSE = "worse"
    ABOVE = "above"  # this very model scores above that one, on new questions
    BELOW = "below"
    CANNOT_TELL = "cannot tell"


class About(StrEnum):
    """What a difference says something of, beside new questions."""

    RUNS = "runs"  # new runs of both arms
    MODELS = "these models"  # the very models that were compared


class Judged(msgspec.Struct, frozen=True, kw_only=True):
    """One difference of a family; shares of 1."""

    difference: float
    low: float  # simultaneous 95 % over the family
    high: float
    about: About
    p: float  # two-sided
    p_adjusted: float
    family: int  # how many are judged together
    smallest: float  # true gain that would be found with 80 % power, at alpha / m
    run_sd: float | None  # standard deviation of a run's true score; None where nothing is known of runs
    run_df: float  # degrees of freedom of it, from the compared arms
    lent_df: float  # and from others
    verdict: Verdict


def judge(family: Sequence[Difference]) -> list[Judged]:
    """Judge differences of one data set each, in the order given."""
    import numpy as np

    m = max(len(family), 1)
    adjusted = holm([float(one.p) for one in family])
    found = []
    for one, p in zip(family, adjusted.tolist(), strict=True):
        value, half = float(one.value), float(one.half_width(ALPHA / m))
        low, high = bounds(np.asarray(value), np.asarray(half), np.asarray(p < ALPHA))
        about = About.RUNS if one.share else About.MODELS
        excess = float(np.maximum(one.runs.excess, 0.0))
        found.append(
            Judged(
                difference=value,
                low=max(-1.0, float(low)),
                high=min(1.0, float(high)),
                about=about,
                p=float(one.p),
                p_adjusted=p,
                family=m,
                smallest=float(one.smallest(ALPHA / m)),
                run_sd=excess**0.5 if one.runs.df else None,
                run_df=one.runs.own,
                lent_df=one.runs.lent,
                verdict=called(value, about) if p < ALPHA else Verdict.CANNOT_TELL,
            )
        )
    return found


def called(value: float, about: About) -> Verdict:
    """What a difference that is called may be called."""
    if about is About.RUNS:
        return Verdict.BETTER if value > 0 else Verdict.WORSE
    return Verdict.ABOVE if value > 0 else Verdict.BELOW


def holm(p_values: ArrayLike) -> Floats:
    """Holm's step-down adjustment over the last axis, in the order given."""
    import numpy as np

    p = np.asarray(p_values, dtype=np.float64)
    order = np.argsort(p, -1, kind="stable")
    steps = np.take_along_axis(p, order, -1) * np.arange(p.shape[-1], 0, -1)
    reached = np.minimum(1.0, np.maximum.accumulate(steps, -1))
    adjusted: Floats = np.take_along_axis(reached, np.argsort(order, -1, kind="stable"), -1)
    return adjusted


def bounds(value: Floats, half: Floats, called: Truths) -> tuple[Floats, Floats]:
    """Bounds from half widths at alpha / m; where a difference is called, the one that faces 0 stops there."""
    import numpy as np

    low, high = value - half, value + half
    return np.where(called & (value > 0), np.maximum(low, 0.0), low), np.where(
        called & (value < 0), np.minimum(high, 0.0), high
    )
