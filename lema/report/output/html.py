"""The report as one self-contained HTML file: no network, no scripts, everything escaped."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from lema.report.figures import curves, figures
from lema.report.figures.canvas import Style, styles
from lema.report.findings import costs
from lema.report.model import Comparison, Report
from lema.report.tables import data_tables, picks_tables, skill_tables, sound_tables, space_tables, tables
from lema.report.tables.text import answers, count, levels, percent, sieve_levels, words

PAGE = Path(__file__).with_name("page")
MOST_DRAWN = 12  # comparisons of a task; with more, only those that answer the question


def render_html(report: Report) -> str:
    """The whole page. Equal reports give equal pages."""
    import jinja2

    environment = jinja2.Environment(
        loader=jinja2.FileSystemLoader(PAGE),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters.update(percent=percent, count=count, words=words, levels=levels, sieve_levels=sieve_levels)
    # Templates that import macros get a context of their own; these are for all of them.
    environment.globals.update(tables=tables, costs=costs, data_tables=data_tables)
    environment.globals.update(picks_tables=picks_tables, space_tables=space_tables, sound_tables=sound_tables)
    environment.globals.update(skill_tables=skill_tables)
    page = environment.get_template("page.html")
    return page.render(report=report, answers=answers(report), figures=draw(report)).lstrip()


def draw(report: Report) -> dict[str, Any]:
    """The figures for which there is something to draw, as trusted SVG (matplotlib escapes the labels)."""
    from markupsafe import Markup

    looks = styles([arm.arm for arm in report.arms if arm.arm != report.base])
    of_tasks = {task: draw_task(report, task, looks) for task in report.tasks}
    return {
        "tasks": {task: {name: Markup(svg) for name, svg in drawn.items()} for task, drawn in of_tasks.items()},
        "trends": [(axis, task, Markup(svg)) for axis, task, svg in draw_trends(report)],
        "loss": Markup(curves.loss_curves(report.curves, looks)) if report.curves else "",
    }


def draw_task(report: Report, task: str, looks: Mapping[str, Style]) -> dict[str, str]:
    """Accuracies and differences on one task."""
    drawn = {"accuracy": figures.accuracy_bars([arm for arm in report.arms if arm.task == task], looks, report.base)}
    if compared := shown(report, task):
        drawn["differences"] = figures.differences(compared, looks)
    return drawn


def shown(report: Report, task: str) -> list[Comparison]:
    """The comparisons of a task that are drawn."""
    compared = [c for c in report.comparisons if c.task == task]
    return [c for c in compared if c in report.answering] if len(compared) > MOST_DRAWN else compared


def draw_trends(report: Report) -> list[tuple[str, str, str]]:
    """Axis, task and figure of each trend, with the base model's accuracy on that task."""
    groups = dict.fromkeys((trend.axis, trend.task) for trend in report.trends)
    bases = {arm.task: arm for arm in report.arms if arm.arm == report.base}
    return [
        (
            axis,
            task,
            curves.trend_lines([t for t in report.trends if (t.axis, t.task) == (axis, task)], bases.get(task)),
        )
        for axis, task in groups
    ]
