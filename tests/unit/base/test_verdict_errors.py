"""Errors of verdicts on made-up data: few cells of `benchmarks/verdict_errors.py`, which has all of them."""

from __future__ import annotations

import importlib.util
import sys
from types import ModuleType

import numpy as np
import pytest
from conftest import ROOT
from scipy.stats import binom

from lema.base.differences import ALPHA, Difference, difference


def simulation() -> ModuleType:
    spec = importlib.util.spec_from_file_location("verdict_errors", ROOT / "benchmarks" / "verdict_errors.py")
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module
    spec.loader.exec_module(module)
    return module


SIMULATION = simulation()
Cell = SIMULATION.Cell


@pytest.mark.parametrize(
    "cell",
    [
        Cell(1000, 0.1, 3, 0, 0.0),
        Cell(1000, 0.1, 5, 0, 0.0, within=0.8),
        Cell(1000, 0.1, 1, 1, 0.02, 4),
        Cell(1000, 0.5, 1, 1, 0.02),
        Cell(1000, 0.5, 2, 3, 0.02),
        Cell(1000, 0.25, 3, 3, 0.01, 4),
        Cell(1000, 0.8, 5, 1, 0.01),
        Cell(1000, 0.1, 3, 3, 0.02, family=6),
        Cell(3000, 0.1, 2, 2, 0.01),  # a spread of runs that two degrees of freedom mostly show too small
        Cell(1000, 0.9, 3, 3, 0.0, family=6),  # near the ceiling answers vary less after a gain
    ],
    ids=str,
)
def test_errors_stay_within_their_bounds(cell: object) -> None:
    counted = SIMULATION.measured(cell, 250, seed=1)
    assert len(counted) == 3 and not SIMULATION.failed(counted), counted


@pytest.mark.parametrize("orders", [1, 4])
def test_a_picker_that_knows_nothing_is_not_called_better_or_worse(orders: int) -> None:
    assert not SIMULATION.failed(SIMULATION.picked(1000, 0.1, orders, 400, seed=1))


@pytest.mark.parametrize("runs", [1, 2, 3])
def test_equal_pickers_whose_runs_vary_are_not_called_different(runs: int) -> None:
    assert not SIMULATION.failed(SIMULATION.picks_compared(1000, 0.5, runs, 0.02, 400, seed=1))


def test_the_check_sees_a_test_that_leaves_runs_out(monkeypatch: pytest.MonkeyPatch) -> None:
    def of_questions_alone(self: Difference, part: object, runs: object) -> tuple[object, float, float]:
        return np.sqrt(part), 999.0, np.inf  # type: ignore[call-overload]

    monkeypatch.setattr(Difference, "errors", of_questions_alone)
    said = SIMULATION.failed(SIMULATION.measured(Cell(1000, 0.5, 3, 3, 0.02), 250))
    assert any("false" in text for text in said) and any("covered" in text for text in said)


def test_a_sign_test_on_unequal_runs_is_what_must_not_come_back() -> None:
    """Three runs against one base at an accuracy of 0.1: nine in ten true nulls were rejected at answers that hardly
    correlate, since which side is ahead on a question depends on how many runs each has."""
    cell, draw = Cell(1000, 0.1, 3, 0, 0.0, within=0.3), np.random.default_rng(0)
    arms = SIMULATION.answered(draw, cell, 200, [(3, 0.0, 0.0), (1, 0.0, 0.0)]).scores
    each = arms[0].mean(1) - arms[1].mean(1)
    won, lost = (each > 1e-9).sum(-1), (each < -1e-9).sum(-1)
    sign = 2 * binom.cdf(np.minimum(won, lost), won + lost, 0.5) < ALPHA
    assert sign.mean() > 0.8
    assert (difference(*arms, drawn=(True, False)).p < ALPHA).mean() < 0.09
