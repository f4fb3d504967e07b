"""What picks among sampled candidates show: DG-DIFF with its interval and tests, and the bounds that it lies between.

Policy, in one place (decisions 019 and 024):

- A row is one set of n candidates of one question. Rows of one question (several generation seeds) are one cluster: the
  unit is the question, its value the mean over its rows and orders.
- S_gen is the mean score of a question's candidates: what a candidate drawn at random scores in expectation. The paper
  draws one and pairs its pick with that one; this adds the noise of the draw to one side alone, and with several orders
  of a question compares a mean of picks with a single draw, so nothing here is tested against a drawn candidate.
- An invalid pick scores as the worst candidate of its row (paper, section 3.3), and the share of them is reported.
- The difference, its interval and its p are those of `lema.base.differences`, for this model on new questions.
- Not finding a difference is no sign of none: `upper` is a one-sided 95 % bound, and only a bound below the margin
  says that picking is not better by that margin.
"""

from __future__ import annotations

import math
from collections.abc import Hashable, Sequence
from typing import TYPE_CHECKING

import msgspec

from lema.base.differences import ALPHA, Difference, difference
from lema.base.errors import InputError
from lema.base.stats import DRAWS, bounds_of

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import ArrayLike, NDArray

    Floats = NDArray[np.float64]
    Ints = NDArray[np.int64]

MARGIN = 0.01  # of the scale: one point of accuracy
INVALID = -1  # in place of the number of a candidate
CELLS = 20_000_000  # numbers that a bootstrap holds at once


class Mixed(msgspec.Struct, frozen=True, kw_only=True):
    """The same on rows whose candidates differ in score: others have nothing to choose between. Shares of the scale."""

    questions: int
    gen: float
    disc: float
    difference: float
    low: float
    high: float


class Measured(msgspec.Struct, frozen=True, kw_only=True):
    """What a model's picks show. Scores are in the metric's own unit, shares of 1 for accuracies."""

    questions: int
    rows: int  # questions x generation seeds
    orders: int
    gen: float
    gen_random: float
    disc: float
    difference: float  # DG-DIFF
    low: float
    high: float
    upper: float  # one-sided 95 % bounds
    lower: float
    margin: float
    p: float  # two-sided
    smallest: float  # true gain that would be found with 80 % power
    invalid: float  # share of picks
    oracle: float
    worst: float
    majority: float | None
    over_majority: float | None  # picks less the majority's vote, with its interval
    over_majority_low: float | None
    over_majority_high: float | None
    normalised: float | None  # DG-DIFF as a share of oracle - S_gen; None when all candidates are alike
    normalised_low: float | None
    normalised_high: float | None
    mixed: Mixed | None  # None when there are no such rows

    @property
    def headroom(self) -> float:
        """How much better a perfect discriminator would be than a random one."""
        return self.oracle - self.gen

    @property
    def not_superior(self) -> bool:
        """Whether picking is shown not to be better by the margin."""
        return self.upper < self.margin

    @property
    def equivalent(self) -> bool:
        """Whether picking is shown to be within the margin of drawing at random (two one-sided tests)."""
        return self.upper < self.margin and self.lower > -self.margin


def measure(
    values: ArrayLike,
    picks: ArrayLike,
    *,
    questions: Sequence[Hashable] | None = None,
    majority: ArrayLike | None = None,
    scale: tuple[float, float] = (0.0, 1.0),
    margin: float = MARGIN,
    seed: int = 0,
) -> Measured:
    """Everything about one discriminator.

    Args:
        values: [rows x n], the score of each candidate.
        picks: [rows x orders], the number of the candidate that was picked, or INVALID.
        questions: what question each row is of; by default each is one of its own.
        majority: [rows], what a vote among the candidates scores.
        scale: the least and the greatest score that there can be.
        margin: of non-superiority, as a share of the scale.

    Raises:
        InputError: shapes do not fit, or a pick is no candidate.
    """
    import numpy as np

    scores, chosen = checked(values, picks)
    groups = grouping(questions, len(scores))
    picked = picked_scores(scores, chosen)
    means = scores.mean(axis=1)
    drawn = scores[np.arange(len(scores)), np.random.default_rng([seed, 3]).integers(scores.shape[1], size=len(scores))]
    gen, disc, oracle = (over_questions(held, groups) for held in (means, picked.mean(axis=1), scores.max(axis=1)))
    span = scale[1] - scale[0]
    gain = over_zero(disc - gen, span)
    low, high = around(gain, span, ALPHA)
    lower, upper = around(gain, span, 2 * ALPHA)
    shared = share_of_headroom(disc - gen, oracle - gen, seed)
    voted = None if majority is None else over_questions(np.asarray(majority, dtype=np.float64), groups)
    beyond = None if voted is None else interval(disc - voted, span)
    differs = scores.max(axis=1) > scores.min(axis=1)
    return Measured(
        questions=len(gen),
        rows=len(scores),
        orders=chosen.shape[1],
        gen=float(gen.mean()),
        gen_random=float(over_questions(drawn, groups).mean()),
        disc=float(disc.mean()),
        difference=float((disc - gen).mean()),
        low=low,
        high=high,
        upper=upper,
        lower=lower,
        margin=margin * span,
        p=float(gain.p),
        smallest=span * float(gain.smallest()),
        invalid=float((chosen == INVALID).mean()),
        oracle=float(oracle.mean()),
        worst=float(over_questions(scores.min(axis=1), groups).mean()),
        majority=None if voted is None else float(voted.mean()),
        over_majority=None if voted is None else float((disc - voted).mean()),
        over_majority_low=None if beyond is None else beyond[0],
        over_majority_high=None if beyond is None else beyond[1],
        normalised=None if shared is None else shared[0],
        normalised_low=None if shared is None else shared[1],
        normalised_high=None if shared is None else shared[2],
        mixed=mixed(means[differs], picked.mean(axis=1)[differs], groups[differs], span),
    )


def gains(values: ArrayLike, picks: ArrayLike, questions: Sequence[Hashable] | None = None) -> Floats:
    """Score of the picks less that of the mean candidate, a question; arguments as in `measure`."""
    scores, chosen = checked(values, picks)
    return over_questions(picked_scores(scores, chosen).mean(axis=1) - scores.mean(axis=1),
                          grouping(questions, len(scores)))  # fmt: skip


def checked(values: ArrayLike, picks: ArrayLike) -> tuple[Floats, Ints]:
    """Both as arrays, [rows x n] and [rows x orders]."""
    import numpy as np

    scores, chosen = np.asarray(values, dtype=np.float64), np.asarray(picks, dtype=np.int64)
    if scores.ndim != 2 or chosen.ndim != 2 or len(scores) != len(chosen) or not scores.size or not chosen.size:
        raise InputError(f"expected scores [rows x candidates] and picks [rows x orders], got {scores.shape} and "
                         f"{chosen.shape}")  # fmt: skip
    if chosen.min() < INVALID or chosen.max() >= scores.shape[1]:
        raise InputError(f"a pick is a number from 0 to {scores.shape[1] - 1}, or {INVALID} for none that can be read")
    return scores, chosen


def picked_scores(scores: Floats, chosen: Ints) -> Floats:
    """The score of each pick, [rows x orders]; of an invalid one that of the row's worst candidate."""
    import numpy as np

    held = np.take_along_axis(scores, np.maximum(chosen, 0), axis=1)
    return np.where(chosen == INVALID, scores.min(axis=1, keepdims=True), held)


def grouping(questions: Sequence[Hashable] | None, rows: int) -> Ints:
    """The number of each row's question, in order of appearance."""
    import numpy as np

    if questions is None:
        return np.arange(rows)
    if len(questions) != rows:
        raise InputError(f"{len(questions)} questions for {rows} rows of candidates")
    numbers = {question: number for number, question in enumerate(dict.fromkeys(questions))}
    return np.array([numbers[question] for question in questions], dtype=np.int64)


def over_questions(held: Floats, groups: Ints) -> Floats:
    """Mean of each question's rows, in order of the questions' numbers; numbers without a row are passed over."""
    import numpy as np

    counts = np.bincount(groups)
    sums = np.bincount(groups, weights=held).astype(np.float64)
    means: Floats = sums[counts > 0] / counts[counts > 0]
    return means


def over_zero(differences: Floats, span: float = 1.0) -> Difference:
    """The mean of differences that lie within the span, in spans, of one model on new questions."""
    return difference(differences[None, :] / span, drawn=(False, False))


def around(gain: Difference, span: float, alpha: float) -> tuple[float, float]:
    """The interval that leaves out alpha, in the unit of the span."""
    value, half = float(gain.value), float(gain.half_width(alpha))
    return span * max(-1.0, value - half), span * min(1.0, value + half)


def interval(differences: Floats, span: float) -> tuple[float, float]:
    """The 95 % interval of a mean of differences that lie within the span."""
    return around(over_zero(differences, span), span, ALPHA)


def mixed(gen: Floats, disc: Floats, groups: Ints, span: float) -> Mixed | None:
    """The measure on the rows that have something to choose between."""
    if not len(gen):
        return None
    own, picked = over_questions(gen, groups), over_questions(disc, groups)
    low, high = interval(picked - own, span)
    return Mixed(
        questions=len(own),
        gen=float(own.mean()),
        disc=float(picked.mean()),
        difference=float((picked - own).mean()),
        low=low,
        high=high,
    )


def share_of_headroom(differences: Floats, headrooms: Floats, seed: int) -> tuple[float, float, float] | None:
    """Ratio of the two means with its bootstrap interval; None where nothing could be gained.

    Draws without any headroom, which few questions can have, are left out.
    """
    import numpy as np

    if headrooms.mean() <= 1e-12:
        return None
    pairs, counts = np.unique(np.round(np.stack([differences, headrooms], axis=1), 12), axis=0, return_counts=True)
    random = np.random.default_rng([seed, 4])
    at_once = max(1, CELLS // len(pairs))
    ratios = []
    for start in range(0, DRAWS, at_once):
        size = min(at_once, DRAWS - start)
        sums = random.multinomial(len(differences), counts / counts.sum(), size=size) @ pairs
        kept = sums[sums[:, 1] > 1e-9]
        ratios.append(kept[:, 0] / kept[:, 1])
    return float(differences.mean() / headrooms.mean()), *bounds_of(np.concatenate(ratios))


def largest_p(gen: float, disc: float, n: int, rounding: float = 0.0) -> float:
    """The largest p that a one-sided McNemar test (normal approximation) can have, given both shares right.

    With D more right picks than right candidates, at most min(gen, 1 - disc) n questions can have been lost, so that at
    most D + 2 min(gen, 1 - disc) n are discordant; p falls with D and rises with them.

    Args:
        rounding: how far each printed share may be off, such as 0.0005 for a tenth of a percent.
    """
    from scipy.stats import norm

    gain = max(0.0, (disc - rounding) - (gen + rounding)) * n
    if gain == 0:
        return 0.5
    discordant = gain + 2 * min(gen + rounding, 1 - (disc - rounding)) * n
    return float(norm.sf(gain / math.sqrt(discordant)))
