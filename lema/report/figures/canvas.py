"""What all figures share: inline SVG whose text stays text and whose colours follow the page (light or dark).

Each figure is drawn in stand-in colours that are replaced by the page's CSS variables, so one SVG serves both themes.
Series colours are those of Okabe and Ito (2008), which differ for colour-blind readers too. With more arms than
colours the colours repeat, with another line style and marker.
"""

from __future__ import annotations

import io
import logging
import re
import textwrap
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import msgspec

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

INK, SOFT, GRID = "#010101", "#020202", "#030303"
SERIES = ("#0a0101", "#0a0202", "#0a0303", "#0a0404", "#0a0505", "#0a0606")
PAGE = {INK: "var(--ink)", SOFT: "var(--soft)", GRID: "var(--grid)"} | {
    stand_in: f"var(--series-{number})" for number, stand_in in enumerate(SERIES)
}
DASHES = ("-", (0, (4, 1.5)), (0, (1, 1.2)), (0, (5, 1, 1, 1)), (0, (8, 2)))
MARKERS = ("o", "s", "^", "D", "v")
WIDTH = 5.0  # inches; 360 points, so that text is still 9 pixels high on a phone
LABEL = 24  # characters in a line of a row's label


class Style(msgspec.Struct, frozen=True):
    """How one arm looks in every figure of a report."""

    colour: str
    dash: Any
    marker: str


def styles(names: Sequence[str]) -> Mapping[str, Style]:
    """A style for each name, in order of appearance."""
    return {
        name: Style(
            SERIES[number % len(SERIES)],
            DASHES[number // len(SERIES) % len(DASHES)],
            MARKERS[number // len(SERIES) % len(MARKERS)],
        )
        for number, name in enumerate(dict.fromkeys(names))
    }


def folded(label: str, width: int = LABEL) -> str:
    """A label in lines short enough to leave room for what it labels."""
    return textwrap.fill(label, width)


def rows_of(axes: Axes, labels: Sequence[str]) -> None:
    """Label the rows, first on top, and keep only the vertical grid."""
    axes.set_yticks(range(len(labels)), labels)
    axes.set_ylim(len(labels) - 0.45, -0.55)
    axes.tick_params(axis="y", length=0, labelcolor=INK)
    axes.grid(axis="x", color=GRID, linewidth=0.8)


def height_of(labels: Sequence[str]) -> float:
    """Inches of a figure of rows, by their number and by the lines of the longest label."""
    lines = max(label.count("\n") + 1 for label in labels)
    return 0.62 + len(labels) * max(0.52, 0.17 * lines + 0.12)


def legend(axes: Axes, labels: Sequence[str]) -> None:
    """A legend above the plot, in two columns where the labels are short enough."""
    columns = 1 if max(map(len, labels)) > LABEL + 6 else 2
    axes.legend(
        frameon=False, labelcolor=INK, ncols=columns, loc="lower center", bbox_to_anchor=(0.45, 1.0), fontsize=9
    )


def height_with_legend(labels: Sequence[str]) -> float:
    """Inches of a plot of curves under a legend of these labels."""
    columns = 1 if max(map(len, labels)) > LABEL + 6 else 2
    return 2.4 + 0.19 * -(-len(labels) // columns)


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
