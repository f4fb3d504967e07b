"""Figures with a horizontal quantity: training loss by step, accuracy by size or by rounds of evolution."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from lema.report.figures.canvas import (
    DASHES,
    GRID,
    INK,
    SERIES,
    SOFT,
    Style,
    figure,
    height_with_legend,
    legend,
    styles,
    svg,
)
from lema.report.model import ArmSummary, Curve, Trend

if TYPE_CHECKING:
    from matplotlib.axes import Axes

WIDE_SPAN = 5  # a range whose ends differ by more than this factor gets a logarithmic axis
DODGE = 0.012  # of the axis, between the intervals of two families at one place
MOST_SEEDS_NAMED = 8  # curves; with more, the legend names arms only


def loss_curves(curves: Sequence[Curve], looks: Mapping[str, Style]) -> str:
    """Training loss by step: colour and line style an arm; where there are few curves, line style a seed."""
    seeds = sorted({curve.seed for curve in curves})
    few = len(curves) <= MOST_SEEDS_NAMED and len({curve.arm for curve in curves}) <= len(SERIES)
    labels = [f"{curve.arm}, seed {curve.seed}" if few else curve.arm for curve in curves]
    with figure(height_with_legend(list(dict.fromkeys(labels)))) as (fig, axes):
        for number, (curve, label) in enumerate(zip(curves, labels, strict=True)):
            look = looks[curve.arm]
            axes.plot(
                curve.steps,
                curve.losses,
                color=look.colour,
                linestyle=DASHES[seeds.index(curve.seed) % len(DASHES)] if few else look.dash,
                linewidth=1.5 if few else 1.0,
                label=label if labels.index(label) == number else None,
            )
        axes.set_ylim(bottom=0)
        axes.margins(x=0.01)
        axes.set_xlabel("step", color=SOFT)
        axes.set_ylabel("training loss", color=SOFT)
        framed(axes)
        legend(axes, labels)
        return svg(fig)


def trend_lines(trends: Sequence[Trend], base: ArmSummary | None) -> str:
    """Accuracy with intervals along one axis, a line a family, and the base model as a level; all of one task."""
    looks = styles([trend.family for trend in trends])
    labels = [*looks, *(["model before training"] if base else [])]
    places = sorted({point.x for trend in trends for point in trend.points})
    wide = places[0] > 0 and places[-1] > WIDE_SPAN * places[0]
    with figure(height_with_legend(labels)) as (fig, axes):
        if wide:
            axes.set_xscale("log")
        for number, trend in enumerate(trends):
            shift = DODGE * (number - (len(trends) - 1) / 2)
            look = looks[trend.family]
            axes.errorbar(
                [moved(point.x, shift, places, wide=wide) for point in trend.points],
                [100 * point.accuracy for point in trend.points],
                yerr=[
                    [100 * (point.accuracy - point.low) for point in trend.points],
                    [100 * (point.high - point.accuracy) for point in trend.points],
                ],
                color=look.colour,
                linestyle=look.dash,
                marker=look.marker,
                markersize=5,
                linewidth=1.6,
                capsize=3,
                label=trend.family,
            )
        if base:
            axes.axhline(100 * base.accuracy, color=SOFT, linestyle=DASHES[2], linewidth=1.2, label=labels[-1])
        axes.set_xticks(sparse(places, wide=wide), [short(place) for place in sparse(places, wide=wide)])
        axes.minorticks_off()
        axes.set_xlabel(trends[0].axis + (" (logarithmic)" if wide else ""), color=SOFT)
        axes.set_ylabel("accuracy, %", color=SOFT)
        framed(axes)
        legend(axes, labels)
        return svg(fig)


def moved(x: float, shift: float, places: Sequence[float], *, wide: bool) -> float:
    """A place moved by a share of the axis, so that intervals at one place do not hide each other."""
    if wide:
        return float(x * (places[-1] / places[0]) ** shift)
    return float(x + shift * (places[-1] - places[0]))


def sparse(places: Sequence[float], *, wide: bool) -> list[float]:
    """The places that can be labelled without labels running into each other, from the largest down."""
    kept = [places[-1]]
    for place in reversed(places[:-1]):
        if wide:
            far = kept[-1] / place > (places[-1] / places[0]) ** 0.11
        else:
            far = kept[-1] - place > 0.11 * (places[-1] - places[0])
        kept += [place] if far else []
    return sorted(kept)


def short(number: float) -> str:
    """A count in a few characters: 850, 32.4K, 5.8M."""
    for size, unit in ((1e6, "M"), (1e3, "K")):
        if number >= 10 * size or (number >= size and number % (size / 10) == 0):
            return f"{number / size:.1f}".removesuffix(".0") + unit
    return f"{number:,.0f}"


def framed(axes: Axes) -> None:
    """A line at the bottom and horizontal grid lines."""
    axes.spines["bottom"].set_visible(True)
    axes.spines["bottom"].set_color(GRID)
    axes.grid(axis="y", color=GRID, linewidth=0.8)
    axes.tick_params(axis="y", labelcolor=INK)
