"""How often comparisons of arms, and of picks, say what is not so: made-up data sets whose truth is known.

python benchmarks/verdict_errors.py                          some of the cells, 400 data sets each
python benchmarks/verdict_errors.py --every --sets 1000      all cells; hours
python benchmarks/verdict_errors.py --every --only 0:50      some of them

An arm answers a question right with a chance that is drawn from a beta distribution; answers to one question
correlate by `within`. Arms differ on a fifth of the questions, and the accuracy of a run by a normal distribution.
Each cell counts
- false: verdicts where the truth is no difference (of runs; where the design can speak of these models only, of
  these),
- covered: intervals that hold a true difference of 3 points,
- found: how often the printed smallest difference, were it the true one, is called. A cell fails when its 99 % Monte
  Carlo interval lies wholly outside of the bounds (`BOUNDS`). Exits with 1 if one does.
"""

from __future__ import annotations

import argparse
import itertools
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from scipy.stats import binomtest

from lema.base.differences import ALPHA, Difference, difference
from lema.base.family import holm

Floats = np.ndarray[Any, np.dtype[np.float64]]
TRUE = 0.03
#: (least, most) share of data sets.
BOUNDS = {"false": (0.0, 0.07), "false, base alone": (0.0, 0.09), "false, family": (0.0, 0.08), "covered": (0.93, 1.0),
          "found": (0.71, 0.92)}  # fmt: skip


@dataclass(frozen=True)
class Cell:
    """One design. `other` is the runs of the other arm, 0 for one fixed model; `lenders` are other arms of 3 runs."""

    n: int
    accuracy: float
    runs: int
    other: int
    run_sd: float
    lenders: int = 0
    family: int = 1
    within: float = 0.5

    def __str__(self) -> str:
        against = f"{self.other}" if self.other else "base"
        text = f"n {self.n}, accuracy {self.accuracy}, {self.runs} v {against}, run sd {100 * self.run_sd:.1f}"
        return (
            text + f", {self.lenders} lenders" * bool(self.lenders) + f", family of {self.family}" * (self.family > 1)
        )


@dataclass(frozen=True)
class Arms:
    """Scores of arms [sets, runs, questions], and the true mean of each arm's runs [sets]."""

    scores: list[Floats]
    means: list[Floats]


def answered(draw: np.random.Generator, cell: Cell, sets: int, arms: Sequence[tuple[int, float, float]]) -> Arms:
    """Answers of arms given as (runs, run sd, shift of the true accuracy)."""
    a, b = cell.accuracy * (1 / cell.within - 1), (1 - cell.accuracy) * (1 / cell.within - 1)
    like = draw.beta(a, b, (sets, cell.n))
    scores, means = [], []
    for runs, sd, shift in arms:
        own = np.where(draw.random((sets, cell.n)) < 0.2, draw.beta(a, b, (sets, cell.n)), like)
        moved = shift + sd * draw.normal(size=(sets, runs))
        moved = np.clip(moved, -0.95 * cell.accuracy, 0.95 * (1 - cell.accuracy))
        right = np.empty((sets, runs, cell.n))
        for run in range(runs):
            e = moved[:, run, None]
            chance = np.where(e > 0, own + e / (1 - cell.accuracy) * (1 - own), own * (1 + e / cell.accuracy))
            right[:, run] = draw.random((sets, cell.n)) < chance
        scores.append(right)
        means.append(cell.accuracy + moved.mean(-1))
    return Arms(scores, means)


def compared(draw: np.random.Generator, cell: Cell, sets: int, true: float, *, still: bool = False) -> Any:
    """The family's differences, and the true ones of these very models; `still`: runs do not vary."""
    sd = 0.0 if still else cell.run_sd
    arms = [(cell.runs, sd, true)] * cell.family + [(cell.other or 1, sd if cell.other else 0.0, 0.0)]
    made = answered(draw, cell, sets, [*arms, *[(3, cell.run_sd, 0.0)] * cell.lenders])
    m, scores = cell.family, made.scores
    found = [
        difference(
            scores[i],
            scores[m],
            drawn=(True, bool(cell.other)),
            lenders=[s for j, s in enumerate(scores) if j not in (i, m) and s.shape[1] > 1],
        )
        for i in range(m)
    ]
    return found, [made.means[i] - made.means[m] for i in range(m)]


def measured(cell: Cell, sets: int, seed: int = 0) -> dict[str, tuple[int, int]]:
    """Data sets in which it happened, of how many."""
    draw = np.random.default_rng([seed, cell.n, int(1000 * cell.accuracy), cell.runs, cell.other, cell.lenders])
    m = cell.family
    null, truth = compared(draw, cell, sets, 0.0)
    models = not null[0].share
    if models:
        outside = np.array([np.abs(d.value - t) > d.half_width(ALPHA / m) for d, t in zip(null, truth, strict=True)])
        false = int(outside.any(0).sum())
    else:
        adjusted = holm(np.stack([d.p for d in null], -1))
        false = int((adjusted < ALPHA).any(-1).sum())
    third, truth = compared(draw, cell, sets, TRUE)
    aim = truth if models else [TRUE] * m
    held = [np.abs(d.value - t) <= d.half_width() for d, t in zip(third, aim, strict=True)]
    smallest = float(np.mean([d.smallest(ALPHA / m).mean() for d in null]))
    there, _ = compared(draw, cell, sets, smallest, still=models)
    found = [d.p < ALPHA / m for d in there]
    which = "false, family" if m > 1 else "false, base alone" if alone(cell, null[0]) else "false"
    return {
        which: (false, sets),
        "covered": (int(np.sum(held)), sets * m),
        "found": (int(np.sum(found)), sets * m),
    }


def alone(cell: Cell, one: Difference) -> bool:
    """Three runs or so against one fixed model, with nothing to borrow."""
    return not cell.other and not cell.lenders and bool(one.share)


def picked(
    n: int, accuracy: float, orders: int, sets: int, seed: int = 0, within: float = 0.3
) -> dict[str, tuple[int, int]]:
    """A model that picks one of four answers without knowing anything, asked in one order of them or in all."""
    draw = np.random.default_rng([seed, n, int(1000 * accuracy), orders])
    values = draw.random((sets, n, 4)) < draw.beta(accuracy * (1 / within - 1), (1 - accuracy) * (1 / within - 1),
                                                   (sets, n, 1))  # fmt: skip
    picks = draw.integers(4, size=(sets, n, orders))
    gains = np.take_along_axis(values, picks, -1).mean(-1) - values.mean(-1)
    one = difference(gains[:, None, :], drawn=(False, False))
    return {
        "false": (int((one.p < ALPHA).sum()), sets),
        "covered": (int((np.abs(one.value) <= one.half_width()).sum()), sets),
    }


def picks_compared(
    n: int, accuracy: float, runs: int, run_sd: float, sets: int, seed: int = 0
) -> dict[str, tuple[int, int]]:
    """Two arms that pick equally well, but for how their runs vary; two other arms of three runs lend."""
    draw = np.random.default_rng([seed, n, int(1000 * accuracy), runs, 9])
    arms = []
    for k in (runs, runs, 3, 3):
        knows = np.clip(0.15 + run_sd / (accuracy * (1 - accuracy)) * draw.normal(size=(sets, k, 1)), 0, 1)
        chance = draw.beta(2.3 * accuracy, 2.3 * (1 - accuracy), (sets, 1, n))
        values = draw.random((4, sets, k, n)) < chance
        best, any_ = values.max(0), values[0]
        arms.append(np.where(draw.random((sets, k, n)) < knows, best, any_) - values.mean(0))
    one = difference(arms[0], arms[1], lenders=arms[2:])
    return {
        "false": (int((one.p < ALPHA).sum()), sets),
        "covered": (int((np.abs(one.value) <= one.half_width()).sum()), sets),
    }


def cells(*, every: bool) -> Iterator[Cell]:
    """The designs."""
    sizes, accuracies, sds = (1000, 3000), (0.1, 0.25, 0.5, 0.8), (0.0, 0.005, 0.01, 0.02)
    designs = [*itertools.combinations_with_replacement((1, 2, 3, 5), 2), *((k, 0) for k in (1, 2, 3, 5))]
    if not every:
        sizes, accuracies, sds = (1000,), (0.1, 0.5), (0.0, 0.02)
        designs = [(1, 1), (1, 3), (3, 3), (3, 0), (2, 0)]
    for n, accuracy, sd, (runs, other), lenders in itertools.product(sizes, accuracies, sds, designs, (0, 4)):
        yield Cell(n, accuracy, runs, other, sd, lenders)
    for n, accuracy, sd, m in itertools.product(sizes, accuracies, sds, (6, 20) if every else (6,)):
        yield Cell(n, accuracy, 3, 3, sd, family=m)


def of_picks(*, every: bool, sets: int, seed: int) -> Iterator[tuple[str, dict[str, tuple[int, int]]]]:
    """Designs of picks, with what they come to."""
    for n, accuracy, orders in itertools.product(
        (200, 1000, 3000) if every else (1000,), (0.1, 0.25, 0.5, 0.8), (1, 4)
    ):
        yield f"picks, n {n}, accuracy {accuracy}, {orders} order(s)", picked(n, accuracy, orders, sets, seed)
    for accuracy, runs, sd in itertools.product((0.1, 0.5, 0.8) if every else (0.5,), (1, 2, 3, 5), (0.0, 0.01, 0.02)):
        said = picks_compared(1000, accuracy, runs, sd, sets, seed)
        yield f"picks of two arms, accuracy {accuracy}, {runs} v {runs}, run sd {100 * sd:.1f}", said


def failed(counted: dict[str, tuple[int, int]]) -> list[str]:
    """What lies outside of its bounds, beyond Monte Carlo noise. Intervals of a family are of one data set, not free
    of one another, so their number counts as that of data sets."""
    found = []
    for name, (hits, of) in counted.items():
        low, high = binomtest(hits, of).proportion_ci(0.99)
        least, most = BOUNDS[name]
        if high < least or low > most:
            found.append(f"{name} {hits / of:.3f}")
    return found


def main() -> int:
    """Every cell, a line each."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--every", action="store_true", help="all cells")
    parser.add_argument("--sets", type=int, default=400, help="data sets a cell")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--only", default="", help="numbers of cells, as in 0:50; leaves picks out")
    told = parser.parse_args()
    start, _, stop = told.only.partition(":")
    chosen = list(cells(every=told.every))[int(start or 0) : int(stop) if stop else None]
    lines = ((str(cell), measured(cell, told.sets, told.seed)) for cell in chosen)
    picks = () if told.only else of_picks(every=told.every, sets=told.sets, seed=told.seed)
    wrong = 0
    for name, counted in itertools.chain(lines, picks):
        bad = failed(counted)
        wrong += bool(bad)
        shares = ", ".join(f"{what} {100 * hits / of:.1f} %" for what, (hits, of) in counted.items())
        print(f"{name}: {shares}" + "  <-- outside" * bool(bad), flush=True)
    print(f"{wrong} cell(s) outside of their bounds, {told.sets} data sets each, seed {told.seed}")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
