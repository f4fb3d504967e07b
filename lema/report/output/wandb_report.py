"""The report as a W&B report, made by code: what `report.html` says, and panels over the runs that it is made of.

It is built without network and kept as a file, from which it is sent when asked for (`lema.report.output.wandb_push`).
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from lema.base.optional import require
from lema.report.model import Report
from lema.report.output.markdown import sections
from lema.store.durable import write_whole
from lema.tracking.runs import scrub

WIDTH = 24  # columns of W&B's grid
TABLES = ("arms", "comparisons")  # what `log_tables` logs, and the summary tables show
#: By which W&B groups a run set that holds one arm: all its runs are of one kind.
ONE_GROUP = "JobType"


def build(report: Report, group: str) -> dict[str, Any]:
    """The W&B report as plain data: `title`, `description`, and `spec` in W&B's own form. Equal reports are equal.

    Args:
        group: the W&B group of the command's runs.

    Raises:
        MissingExtra: wandb-workspaces is not installed.
    """
    wr = require("wandb_workspaces.reports.v2", extra="wandb", why="a W&B report")
    blocks: list[Any] = []
    for heading, text in sections(report):
        blocks += [wr.H2(text=heading)] if heading else []
        blocks += [wr.MarkdownBlock(text=text)]
        blocks += accuracy_panels(wr, report) if heading == "Accuracy" else []
    blocks += [wr.H2(text="Runs"), *training_panels(wr, report), *group_panels(wr, group)]
    # The address is given when it is sent: with an entity here, a server would be asked for it.
    made = wr.Report(
        project="-", entity="-", title=report.title, description=report.question, width="fluid", blocks=blocks
    )
    spec = json.loads(made._to_model().spec.model_dump_json(by_alias=True, exclude_none=True))
    named(spec)
    held: dict[str, Any] = scrub({"title": report.title, "description": report.question, "spec": spec})
    return held


def accuracy_panels(wr: Any, report: Report) -> list[Any]:
    """Accuracy of the arms, one run set each, for every task."""
    blocks = []
    for task in report.tasks:
        arms = [arm for arm in report.arms if arm.task == task and arm.runs]
        bars = wr.BarPlot(
            title=f"accuracy on {task}" if task else "accuracy",
            metrics=["accuracy"],
            groupby_aggfunc="mean",
            groupby_rangefunc="minmax",
            layout=wr.Layout(w=WIDTH, h=4 + len(arms)),
        )
        runsets = [run_set(wr, arm.arm, arm.runs) for arm in arms]
        blocks += [wr.PanelGrid(runsets=runsets, panels=[bars])] if arms else []
    return blocks


def training_panels(wr: Any, report: Report) -> list[Any]:
    """Training loss by step, a run set an arm."""
    runs: dict[str, list[str]] = {}
    for curve in report.curves:
        runs.setdefault(curve.arm, []).append(curve.run)
    lines = wr.LinePlot(
        title="training loss",
        x="Step",
        y=["train/loss"],
        groupby_aggfunc="mean",
        groupby_rangefunc="minmax",
        layout=wr.Layout(w=WIDTH, h=10),
    )
    runsets = [run_set(wr, arm, keys) for arm, keys in runs.items()]
    return [wr.PanelGrid(runsets=runsets, panels=[lines])] if runs else []


def group_panels(wr: Any, group: str) -> list[Any]:
    """The command's own runs: in what the trainings differ, time by kind of stage, and this report's tables."""
    whole = f"Group = {quoted(group)}"
    trainings = wr.Runset(name="trainings", filters=f"{whole} and JobType = 'train'")
    stages = wr.Runset(name="by kind of stage", filters=whole, groupby=[ONE_GROUP])
    own = wr.Runset(name="this report", filters=f"{whole} and JobType = 'report'")
    comparer = wr.RunComparer(diff_only=True, layout=wr.Layout(w=WIDTH, h=12))
    seconds = wr.BarPlot(title="seconds", metrics=["seconds"], layout=wr.Layout(w=WIDTH, h=8))
    summary = [
        wr.WeavePanelSummaryTable(table_name=name, layout=wr.Layout(y=10 * place, w=WIDTH, h=10))
        for place, name in enumerate(TABLES)
    ]
    grids = ((trainings, [comparer]), (stages, [seconds]), (own, summary))
    return [wr.PanelGrid(runsets=[runset], panels=panels) for runset, panels in grids]


def run_set(wr: Any, name: str, keys: Sequence[str]) -> Any:
    """One arm's runs, by their ids: a stage that an earlier command finished is in that command's W&B group."""
    return wr.Runset(name=name, filters=f"ID in [{', '.join(map(quoted, keys))}]", groupby=[ONE_GROUP])


def quoted(text: str) -> str:
    """A text as a literal of W&B's filter language, which is Python's."""
    return repr(text)


def named(spec: Mapping[str, Any]) -> None:
    """Give panels and run sets ids that are the same each time; W&B draws them at random."""
    for number, item in enumerate(drawn(spec)):
        item["__id__" if "__id__" in item else "id"] = f"lema{number:07}"


def drawn(value: Any) -> Iterator[dict[str, Any]]:
    """Panels and run sets, in order."""
    if isinstance(value, dict):
        if "viewType" in value or "runFeed" in value:
            yield value
        for held in value.values():
            yield from drawn(held)
    elif isinstance(value, list):
        for held in value:
            yield from drawn(held)


def file_beside(report: Path) -> Path:
    """Where the W&B report of `report.html` is kept."""
    return report.with_suffix(".wandb.json")


def write(report: Report, group: str, path: Path) -> bool:
    """Keep the W&B report in a file, under the address of an earlier one there; whether anything has changed."""
    new = build(report, group)
    old = json.loads(path.read_text(encoding="utf-8")) if path.exists() else {}
    new |= {name: old[name] for name in ("id", "url") if name in old}
    if new == old:
        return False
    write_whole(path, [json.dumps(new, indent=1, ensure_ascii=False).encode() + b"\n"])
    return True
