"""The report as one self-contained HTML file: no network, no scripts, everything escaped."""

from __future__ import annotations

from pathlib import Path

from lema.report import figures
from lema.report.model import Report
from lema.report.terminal import levels, p_value, words

TEMPLATE = Path(__file__).with_name("template.html")


def render_html(report: Report) -> str:
    """The whole page. Equal reports give equal pages."""
    import jinja2
    from markupsafe import Markup

    environment = jinja2.Environment(
        autoescape=True, undefined=jinja2.StrictUndefined, trim_blocks=True, lstrip_blocks=True
    )
    environment.filters.update(
        percent=lambda share: f"{100 * share:.1f} %",
        points=lambda share: f"{100 * share:+.1f}",
        count=lambda number: f"{number:,}",
        words=words,
        p=p_value,
        levels=levels,
        duration=duration,
    )
    drawn = {name: Markup(svg) for name, svg in draw(report).items()}
    template = environment.from_string(TEMPLATE.read_text(encoding="utf-8"))
    return template.render(report=report, figures=drawn, several_tasks=len({arm.task for arm in report.arms}) > 1)


def draw(report: Report) -> dict[str, str]:
    """The figures for which there is something to draw, as trusted SVG (matplotlib escapes the labels)."""
    colours = figures.series_of([arm.arm for arm in report.arms if arm.arm != report.base])
    drawn = {}
    if report.arms:
        drawn["accuracy"] = figures.accuracy_bars(report.arms, colours, report.base)
    if report.comparisons:
        drawn["differences"] = figures.differences(report.comparisons, colours)
    if report.curves:
        drawn["loss"] = figures.loss_curves(report.curves, colours)
    return drawn


def duration(seconds: float) -> str:
    """Seconds as a person says them."""
    if seconds < 60:
        return f"{seconds:.1f} s"
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours} h {minutes} min" if hours else f"{minutes} min {rest} s"
