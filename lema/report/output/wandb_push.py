"""Sending a report to W&B: its tables as a run of their own, and the W&B report from its file."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

from lema.base.errors import ConfigError, InputError
from lema.base.optional import require
from lema.base.spec import digest
from lema.report.model import Report, to_json
from lema.report.tables import tables
from lema.store.durable import write_whole
from lema.tracking.runs import Tracking, open_run, scrub


def log_tables(report: Report, tracking: Tracking, group: str) -> None:
    """Log arms and comparisons as W&B tables, offline or online as tracking says; the report's panels show them.

    Raises:
        MissingExtra, ConfigError: as `lema.tracking.runs.log_stage`.
    """
    wandb = require("wandb", extra="wandb", why="tracking=wandb")
    run_id = digest(to_json(report))
    with open_run(tracking, run_id=run_id, job_type="report", config={"title": report.title}, group=group) as run:
        shown = {"arms": [tables.arms(report)], "comparisons": tables.comparisons(report)}
        run.log({name: one_table(wandb, held) for name, held in shown.items() if held})


def one_table(wandb: Any, held: list[tables.Table]) -> Any:
    """Tables of the same columns as one W&B table."""
    rows = [list(row) for table in held for row in table.rows]
    return wandb.Table(columns=list(held[0].head), data=scrub(rows))


def check_push() -> None:
    """Say before anything runs that nothing can be sent.

    Raises:
        MissingExtra: wandb-workspaces is not installed.
        ConfigError: there is no key.
    """
    require("wandb_workspaces", extra="wandb", why="push=true")
    if not os.environ.get("WANDB_API_KEY"):
        raise ConfigError("push: true needs WANDB_API_KEY in the environment")


def push(path: Path, entity: str | None, project: str) -> str:
    """Send a kept W&B report, and return its address. Sent again from the same file, it replaces what was sent before.

    The server is W&B's own setting (`WANDB_BASE_URL`).

    Args:
        entity: whose project it is; None: the key's own.

    Raises:
        MissingExtra, ConfigError: as `check_push`; or W&B refused, or cannot be reached.
        InputError: the file is no W&B report.
    """
    check_push()
    wandb = require("wandb", extra="wandb", why="push=true")
    wr = require("wandb_workspaces.reports.v2", extra="wandb", why="push=true")
    held = read(path)
    try:
        owner = entity or wandb.Api().default_entity
        report = loaded(wr, held, owner, project)
        report.save()
        held |= {"id": report.id, "url": report.url}
    except wandb.errors.Error as fault:
        raise ConfigError(
            f"W&B refused the report: {scrub(str(fault))}. It is kept in {path}; "
            "send it later with mode=report push=true"
        ) from None
    write_whole(path, [json.dumps(held, indent=1, ensure_ascii=False).encode() + b"\n"])
    return str(held["url"])


def read(path: Path) -> dict[str, Any]:
    """A kept W&B report.

    Raises:
        InputError: there is none, or it is something else.
    """
    try:
        held = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise InputError(f"there is no W&B report {path}; mode=report tracking=wandb makes it") from None
    except ValueError as fault:
        raise InputError(f"{path} is not JSON: {fault}") from None
    if not isinstance(held, dict) or not {"title", "description", "spec"} <= held.keys():
        raise InputError(f"{path} is no W&B report: it needs title, description and spec")
    return held


def loaded(wr: Any, held: dict[str, Any], entity: str, project: str) -> Any:
    """The kept report as W&B's object, with its run sets in this project."""
    internal = require("wandb_workspaces.reports.v2.internal", extra="wandb", why="push=true")
    report = wr.Report._from_model(
        internal.ReportViewspec(
            id=held.get("id", ""),
            display_name=held["title"],
            description=held["description"],
            project=internal.Project(name=project, entity_name=entity),
            spec=internal.Spec.model_validate(held["spec"]),
        )
    )
    for block in report.blocks:
        for runset in getattr(block, "runsets", ()):
            runset.entity, runset.project = entity, project
    return report
