"""Figures with one row an arm or a comparison: accuracies with intervals, and paired differences."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from lema.report.figures.canvas import INK, SOFT, Style, figure, folded, height_of, rows_of, svg
from lema.report.model import ArmSummary, Comparison

if TYPE_CHECKING:
    from matplotlib.axes import Axes

AXIS_LABEL = 44  # characters in a line under a figure


def accuracy_bars(arms: Sequence[ArmSummary], looks: Mapping[str, Style], base: str | None) -> str:
    """One bar an arm of one task with its interval, the seeds as dots, and the number beside it; 0 to 100 %."""
    labels = [folded(arm.arm) for arm in arms]
    with figure(height_of(labels)) as (fig, axes):
        for row, arm in enumerate(arms):
            fill = SOFT if arm.arm == base else looks[arm.arm].colour
            axes.barh(row, 100 * arm.accuracy, height=0.56, color=fill, alpha=0.85, linewidth=0)
            whisker(axes, row, arm.low, arm.high)
            if len(arm.by_seed) > 1:
                axes.plot(
                    [100 * a for a in arm.by_seed], [row + 0.38] * len(arm.by_seed), "o", color=INK, markersize=2.6
                )
            right = 100 * max(arm.high, *arm.by_seed)
            axes.text(right + 2, row, f"{100 * arm.accuracy:.1f} %", va="center", color=INK, fontweight="bold")
        rows_of(axes, labels)
        axes.set_xlim(0, 100 if max(arm.high for arm in arms) < 0.82 else 118)
        axes.set_xticks(range(0, 101, 20), [f"{tick} %" for tick in range(0, 101, 20)])
        return svg(fig)


def differences(comparisons: Sequence[Comparison], looks: Mapping[str, Style]) -> str:
    """Each difference of one task in points with its interval, against a line at zero."""
    several = len({c.baseline for c in comparisons}) > 1
    labels = [f"{folded(c.arm)}\n{folded(f'against {c.baseline}')}" if several else folded(c.arm) for c in comparisons]
    with figure(height_of(labels)) as (fig, axes):
        axes.axvline(0, color=INK, linewidth=1)
        for row, c in enumerate(comparisons):
            colour = looks[c.arm].colour
            axes.plot([100 * c.low, 100 * c.high], [row, row], color=colour, linewidth=5, solid_capstyle="butt")
            axes.plot(100 * c.difference, row, "o", color=INK, markersize=4.5)
            axes.text(100 * c.difference, row - 0.3, f"{100 * c.difference:+.1f}", ha="center", va="center", color=INK)
        rows_of(axes, labels)
        far = max(5.0, *(100 * max(abs(c.low), abs(c.high)) for c in comparisons))
        axes.set_xlim(-1.12 * far, 1.12 * far)
        against = "" if several else f" against {comparisons[0].baseline}"
        axes.set_xlabel(folded(f"points of accuracy{against}", AXIS_LABEL), color=SOFT)
        return svg(fig)


def whisker(axes: Axes, row: float, low: float, high: float) -> None:
    """An interval across a bar."""
    axes.plot([100 * low, 100 * high], [row, row], color=INK, linewidth=1.6)
    for end in (low, high):
        axes.plot([100 * end] * 2, [row - 0.12, row + 0.12], color=INK, linewidth=1.6)
