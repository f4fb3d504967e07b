"""Figures of the report as inline SVG: text stays text, colours follow the page (light or dark).

Each figure is drawn in stand-in colours that are replaced by the page's CSS variables, so one SVG serves both themes.
Series colours are those of Okabe and Ito (2008), which differ for colour-blind readers too; seeds of one arm also
differ by line style.
"""

from __future__ import annotations

import io
import logging
import re
import textwrap
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from lema.report.model import ArmSummary, Comparison, Curve

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

INK, SOFT, GRID = "#010101", "#020202", "#030303"
SERIES = ("#0a0101", "#0a0202", "#0a0303", "#0a0404", "#0a0505", "#0a0606")
PAGE = {INK: "var(--ink)", SOFT: "var(--soft)", GRID: "var(--grid)"} | {
    stand_in: f"var(--series-{number})" for number, stand_in in enumerate(SERIES)
}
DASHES = ("-", (0, (4, 1.5)), (0, (1, 1.2)), (0, (5, 1, 1, 1)), (0, (8, 2)))
WIDTH = 5.0  # inches; 360 points, so that text is still 9 pixels high on a phone
LABEL = 24  # characters in a line of a row's label


def series_of(arms: Sequence[str]) -> dict[str, int]:
    """The number of each arm's colour, the same in every figure of a report."""
    return {arm: number % len(SERIES) for number, arm in enumerate(dict.fromkeys(arms))}


def accuracy_bars(arms: Sequence[ArmSummary], colours: dict[str, int], base: str | None) -> str:
    """One bar an arm with its interval, the seeds as dots, and the number beside it. Axis from 0 to 100 %."""
    labels = [folded(named(arm.arm, arm.task, arms)) for arm in arms]
    with figure(height_of(labels)) as (fig, axes):
        for row, arm in enumerate(arms):
            fill = SOFT if arm.arm == base else SERIES[colours[arm.arm]]
            axes.barh(row, 100 * arm.accuracy, height=0.56, color=fill, alpha=0.85, linewidth=0)
            whisker(axes, row, arm.low, arm.high)
            if len(arm.by_seed) > 1:
                axes.plot(
                    [100 * a for a in arm.by_seed], [row + 0.38] * len(arm.by_seed), "o", color=INK, markersize=2.6
                )
            axes.text(100 * arm.high + 2, row, f"{100 * arm.accuracy:.1f} %", va="center", color=INK, fontweight="bold")
        rows_of(axes, labels)
        axes.set_xlim(0, 100 if max(arm.high for arm in arms) < 0.82 else 118)
        axes.set_xticks(range(0, 101, 20), [f"{tick} %" for tick in range(0, 101, 20)])
        return svg(fig)


def differences(comparisons: Sequence[Comparison], colours: dict[str, int]) -> str:
    """Each difference in points with its interval, against a line at zero."""
    pairs = [(named(c.arm, c.task, comparisons), c.baseline) for c in comparisons]
    labels = [f"{folded(arm)}\n{folded(f'against {baseline}')}" for arm, baseline in pairs]
    with figure(height_of(labels)) as (fig, axes):
        axes.axvline(0, color=INK, linewidth=1)
        for row, c in enumerate(comparisons):
            colour = SERIES[colours[c.arm]]
            axes.plot([100 * c.seeds_low, 100 * c.seeds_high], [row, row], color=colour, linewidth=1.6)
            axes.plot([100 * c.low, 100 * c.high], [row, row], color=colour, linewidth=5, solid_capstyle="butt")
            axes.plot(100 * c.difference, row, "o", color=INK, markersize=4.5)
            axes.text(100 * c.difference, row - 0.3, f"{100 * c.difference:+.1f}", ha="center", va="center", color=INK)
        rows_of(axes, labels)
        far = max(5.0, *(100 * max(abs(c.seeds_low), abs(c.seeds_high)) for c in comparisons))
        axes.set_xlim(-1.12 * far, 1.12 * far)
        axes.set_xlabel("points of accuracy", color=SOFT)
        return svg(fig)


def loss_curves(curves: Sequence[Curve], colours: dict[str, int]) -> str:
    """Training loss by step: colour an arm, line style a seed."""
    seeds = sorted({curve.seed for curve in curves})
    labels = [f"{curve.arm}, seed {curve.seed}" for curve in curves]
    columns = 1 if max(map(len, labels)) > LABEL + 6 else 2
    with figure(2.4 + 0.17 * -(-len(labels) // columns)) as (fig, axes):
        axes.spines["bottom"].set_visible(True)
        for curve, label in zip(curves, labels, strict=True):
            axes.plot(
                curve.steps,
                curve.losses,
                color=SERIES[colours[curve.arm]],
                linestyle=DASHES[seeds.index(curve.seed) % len(DASHES)],
                linewidth=1.5,
                label=label,
            )
        axes.set_ylim(bottom=0)
        axes.margins(x=0.01)
        axes.set_xlabel("step", color=SOFT)
        axes.set_ylabel("training loss", color=SOFT)
        axes.grid(axis="y", color=GRID, linewidth=0.8)
        axes.spines["bottom"].set_color(GRID)
        axes.legend(
            frameon=False, labelcolor=INK, ncols=columns, loc="lower center", bbox_to_anchor=(0.45, 1.0), fontsize=9
        )
        return svg(fig)


def whisker(axes: Axes, row: float, low: float, high: float) -> None:
    """An interval across a bar."""
    axes.plot([100 * low, 100 * high], [row, row], color=INK, linewidth=1.6)
    for end in (low, high):
        axes.plot([100 * end] * 2, [row - 0.12, row + 0.12], color=INK, linewidth=1.6)


def named(arm: str, task: str, rows: Sequence[Any]) -> str:
    """A row's label; the task only where there are several."""
    return f"{arm} ({task})" if len({row.task for row in rows}) > 1 else arm


def rows_of(axes: Axes, labels: Sequence[str]) -> None:
    """Label the rows, first on top, and keep only the vertical grid."""
    axes.set_yticks(range(len(labels)), labels)
    axes.set_ylim(len(labels) - 0.45, -0.55)
    axes.tick_params(axis="y", length=0, labelcolor=INK)
    axes.grid(axis="x", color=GRID, linewidth=0.8)


def folded(label: str) -> str:
    """A label in lines short enough to leave room for what it labels."""
    return textwrap.fill(label, LABEL)


def height_of(labels: Sequence[str]) -> float:
    """Inches of a figure of rows, by their number and by the lines of the longest label."""
    lines = max(label.count("\n") + 1 for label in labels)
    return 0.62 + len(labels) * max(0.52, 0.17 * lines + 0.12)


@contextmanager
def figure(height: float) -> Iterator[tuple[Figure, Axes]]:
    """A figure of one plot, without touching matplotlib's global state."""
    import matplotlib as mpl
    from matplotlib.backends.backend_svg import FigureCanvasSVG
    from matplotlib.figure import Figure

    # Labels are measured in the font that matplotlib has, and shown in the page's own.
    logging.getLogger("matplotlib.font_manager").setLevel(logging.ERROR)
    # A dollar sign in an arm's name is a dollar sign.
    style = {
        "text.parse_math": False,
        "svg.fonttype": "none",
        "svg.hashsalt": "lema",
        "font.size": 10,
        "axes.axisbelow": True,
    }
    with mpl.rc_context(style):
        fig = Figure(figsize=(WIDTH, height), layout="constrained")
        FigureCanvasSVG(fig)
        fig.patch.set_alpha(0)
        axes = fig.add_subplot()
        axes.patch.set_alpha(0)
        for side in axes.spines.values():
            side.set_visible(False)
        axes.tick_params(axis="both", length=0, labelcolor=SOFT)
        yield fig, axes


def svg(fig: Figure) -> str:
    """The figure as an <svg> element that follows the page's colours and font and has no fixed size."""
    buffer = io.StringIO()
    fig.savefig(buffer, format="svg", metadata={"Date": None, "Creator": None, "Format": None, "Type": None})
    text = buffer.getvalue()
    text = text[text.index("<svg") :]
    text = re.sub(r' width="[\d.]+pt" height="[\d.]+pt"', "", text, count=1)
    text = re.sub(r" font-family: [^;]*;", "", text)
    text = re.sub(r' id="[\w.]+_\d+"', "", text)  # names of groups, which would repeat from figure to figure
    for stand_in, variable in PAGE.items():
        text = text.replace(stand_in, variable)
    return text
