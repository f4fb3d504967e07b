"""The difference of two arms' mean scores, with questions and runs as crossed random factors (decision 024).

Scores are arrays [..., runs, questions] with values in [-1, 1], such as 1 for right and 0 for not right; column j is
the same question in both arms, a row one run (a training with a seed of its own). Runs do not pair. Leading axes are
data sets of their own, so that a simulation computes many at once by the very code that judges a report. Pieces:

- **Questions.** The variance of the mean of the questions' differences, with one pseudo-question at each end of the
  scale (Bonett and Price 2012), scaled to the size that differences have. It holds what is left within run x question
  too.
- **Runs.** The variance between the mean scores of an arm's runs, less what the noise of questions explains in it
  (two-way layout without replication, method of moments). Few runs estimate it poorly, so other arms of the same kind
  of training lend theirs with the weight of at most `LENT_DF` degrees of freedom (a moderated variance, Smyth 2004).
- **Both.** Degrees of freedom by Satterthwaite (1946). The interval is no longer than one of a normal distribution
  with runs that spread by `LARGEST_RUN_SD`; this matters below four degrees of freedom.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from lema.base.errors import InputError
from lema.base.run_variance import NOTHING, RunVariance, run_variance, shortfall

if TYPE_CHECKING:
    from collections.abc import Sequence

    import numpy as np
    from numpy.typing import NDArray

    Floats = NDArray[np.float64]

ALPHA = 0.05
POWER = 0.8
LEAST_DF = 2.0  # of run variance, below which nothing is said about runs
LARGEST_RUN_SD = 0.03  # of a run's accuracy: more is not credible without evidence of it
NODES = 20  # quantiles of a chi-square distribution, over which power is averaged
HALVINGS = 14  # of the interval in which the smallest difference is looked for


@dataclass(frozen=True)
class Difference:
    """A difference of two arms' means, whose p, interval and smallest difference belong to one test.

    Args:
        value: the difference.
        square: mean over questions of d^2, where d is the difference of the two arms' means over runs.
        size: typical size of a d that is not 0: 1 for two single runs of right-or-wrong.
        questions: how many.
        share: how often the variance of runs counts: 1/k for each arm of k runs, 0 for a fixed model. 0 in all: the
            difference is about these models.
        runs: the variance of runs; without meaning where `share` is 0.
        slope, curve: by how much `square` grows with a true gain x: slope x + curve x^2 (`growth`).
    """

    value: Floats
    square: Floats
    size: Floats
    questions: int
    share: float
    runs: RunVariance
    slope: Floats
    curve: Floats

    def of_questions(self, true: Floats | None = None) -> Floats:
        """Variance over questions; as it would be if `true` were the difference, where given."""
        import numpy as np

        mean = np.abs(self.value) if true is None else true
        gain = mean - np.abs(self.value)
        square = np.maximum(self.square + gain * self.slope + np.maximum(gain, 0) ** 2 * self.curve, mean * self.size)
        found: Floats = (np.maximum(square - mean**2, 0) * self.questions + 2 * self.size**2) / self.questions**2
        return found

    def errors(self, part: Floats, runs: RunVariance) -> tuple[Floats, Floats | float, Floats | float]:
        """Standard error, its degrees of freedom, and the largest standard error that is credible (infinite: none)."""
        import numpy as np

        if not self.share:
            return np.sqrt(part), max(self.questions - 1.0, 1.0), np.inf
        excess = np.maximum(runs.excess, 0)
        unsure = self.share * (excess + runs.noise)  # with the noise also where it is all: two lucky runs prove nothing
        rest = np.maximum(part - self.share * runs.noise, 0)
        total, widest = part + self.share * excess, part + self.share * LARGEST_RUN_SD**2
        df = total**2 / (unsure**2 / runs.df + rest**2 / max(self.questions - 1, 1))
        return np.sqrt(total), df, np.where(excess < LARGEST_RUN_SD**2, np.sqrt(widest), np.inf)

    @property
    def p(self) -> Floats:
        """Two-sided; below alpha exactly where `half_width(alpha)` is smaller than the difference."""
        import numpy as np
        from scipy.stats import norm, t

        se, df, widest = self.errors(self.of_questions(), self.runs)
        size = np.abs(self.value)
        found: Floats = np.minimum(2 * t.sf(size / se, df), 2 * norm.sf(size / widest))
        return found

    def half_width(self, alpha: float = ALPHA, part: Floats | None = None, runs: RunVariance | None = None) -> Floats:
        """Half of the interval that leaves out alpha."""
        import numpy as np
        from scipy.stats import norm, t

        se, df, widest = self.errors(self.of_questions() if part is None else part, runs or self.runs)
        found: Floats = np.minimum(t.isf(alpha / 2, df) * se, norm.isf(alpha / 2) * widest)
        return found

    def power(self, true: Floats, alpha: float = ALPHA) -> Floats:
        """How often p < alpha if `true` were the difference; the variance of runs is estimated anew each time."""
        import numpy as np
        from scipy.stats import chi2, norm

        part, runs, added = self.of_questions(true)[..., None], self.runs, np.zeros(1)
        if self.share:
            noise = (runs.noise / self.of_questions())[..., None] * part  # grows as the rest of the noise does
            excess = np.maximum(runs.excess, 0)[..., None] * shortfall(runs.df)
            seen = chi2.ppf((np.arange(NODES) + 0.5) / NODES, runs.df) / runs.df
            runs = RunVariance((excess + noise) * seen - noise, noise, runs.own, runs.lent)
            added = self.share * excess
        found: Floats = norm.cdf((true[..., None] - self.half_width(alpha, part, runs)) / np.sqrt(part + added)).mean(
            -1
        )
        return found

    def smallest(self, alpha: float = ALPHA) -> Floats:
        """The smallest true gain for which p < alpha in 80 % of such data; 1 where there is none."""
        import numpy as np

        low, high = np.zeros_like(self.value), np.ones_like(self.value)
        for _ in range(HALVINGS):
            middle = (low + high) / 2
            enough = self.power(middle, alpha) >= POWER
            low, high = np.where(enough, low, middle), np.where(enough, middle, high)
        return high

    def run_sd_to_doubt(self, share: float) -> Floats:
        """The standard deviation of runs at which the interval of a difference about these models would reach 0.

        Args:
            share: how often the variance of runs would count.
        """
        import numpy as np
        from scipy.stats import norm

        spare = (self.value / norm.isf(ALPHA / 2)) ** 2 - self.of_questions()
        found: Floats = np.sqrt(np.maximum(spare, 0) / share)
        return found


def difference(
    arm: Floats, other: Floats | None = None, *, drawn: tuple[bool, bool] = (True, True), lenders: Sequence[Floats] = ()
) -> Difference:
    """One arm less another, or less 0.

    It is about runs where their variance has `LEAST_DF` degrees of freedom, else about these models on new questions.

    Args:
        arm: [..., runs, questions].
        other: the same of the other arm; None for 0.
        drawn: which of the two is a draw of runs. A model before training is one fixed model.
        lenders: other arms of the same kind of training, on the same task.

    Raises:
        InputError: the arms have different questions, or none.
    """
    import numpy as np

    both = [arm] if other is None else [arm, other]
    if len({scores.shape[-1] for scores in both}) > 1 or not arm.size:
        raise InputError(
            f"cannot compare scores of shapes {' and '.join(str(s.shape[-2:]) for s in both)} [runs x questions]: "
            "both need the same questions, and at least one"
        )
    trained = [scores for scores, is_drawn in zip(both, drawn, strict=False) if is_drawn]
    runs = run_variance(trained, lenders=lenders) if trained else NOTHING
    share = sum(1 / scores.shape[-2] for scores in trained) if runs.df >= LEAST_DF else 0.0
    d = arm.mean(-2) - (0.0 if other is None else other.mean(-2))
    square, total = (d**2).mean(-1), np.abs(d).mean(-1)
    size = np.where(total > 0, square / np.where(total > 0, total, 1.0), 1.0)
    slope, curve = (size, np.zeros_like(size)) if other is None else growth(arm, d, size)
    return Difference(d.mean(-1), square, size, d.shape[-1], share, runs, slope, curve)


def growth(arm: Floats, d: Floats, size: Floats) -> tuple[Floats, Floats]:
    """How the mean of d^2 grows with a gain x of the arm's mean: slope and curve of slope x + curve x^2.

    A gain turns wrong answers right, each as likely as the others: 1/k of a question's score where one of k runs
    changes. Where the other arm is right already it makes the two more alike, and near 1 there is little else to gain.
    Scores that are no shares of right answers: as if each point were a new disagreement.

    Args:
        arm: [..., runs, questions].
        d: [..., questions].
    """
    import numpy as np

    wrong, one = 1 - arm.mean(-2), 1 / arm.shape[-2]
    left = wrong.mean(-1)
    plain = (arm.min() < 0) | (arm.max() > 1) | (left <= 0)
    left = np.where(left > 0, left, 1.0)
    slope = one + 2 * (d * wrong).mean(-1) / left
    curve = ((wrong**2).mean(-1) - one * left) / left**2
    return np.where(plain, size, slope), np.where(plain, 0.0, curve)
