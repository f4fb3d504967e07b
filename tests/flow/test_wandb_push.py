"""From a finished store to a W&B server on this machine and back: the same report, once, and no key anywhere."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from conftest import ROOT, package
from reading.report_cells import check, markdown_of, markdown_tables
from servers.wandb_server import WandbServer
from toys.lab import points

from lema.base.errors import ConfigError
from lema.cli import modes
from lema.config.options import Options
from lema.report.model import Report, from_json

KEY = "0123456789abcdef0123456789abcdef01234567"
#: `lema mode=... tracking=wandb` on a toy experiment; processes of their own, since W&B keeps its settings.
COMMAND = """
import sys
from toys.lab import points, run
from lema.cli import modes
from lema.base.errors import LemaError
from lema.config.options import Options
from lema.store import Store
from lema.tracking.runs import Tracking
mode, entity, push = sys.argv[1:]
tracking = Tracking(backend="wandb", project="lemons", entity=entity or None, mode="offline")
asked = points(tracking=tracking)
run(Store("store"), asked)
try:
    sys.exit(modes.run(asked, Options(mode=mode, push=push == "push")))
except LemaError as error:
    sys.exit(f"lema: {error}")
"""
BACK = """
import json, sys
import wandb_workspaces.reports.v2 as wr
report = wr.Report.from_url(sys.argv[1])
print(json.dumps([type(block).__name__ for block in report.blocks]))
"""


@pytest.fixture
def server() -> Iterator[WandbServer]:
    package("wandb_workspaces")
    with WandbServer(KEY).running() as running:
        yield running


def python(folder: Path, server_url: str, code: str, *words: str, key: str = KEY) -> subprocess.CompletedProcess[str]:
    """Python in this folder, which knows only this server."""
    folders = {f"WANDB_{name}": str(folder / name) for name in ("DIR", "DATA_DIR", "CACHE_DIR", "CONFIG_DIR")}
    for path in folders.values():
        Path(path).mkdir(parents=True, exist_ok=True)
    environ = {**os.environ, **folders, "WANDB_BASE_URL": server_url, "WANDB_API_KEY": key}
    environ |= {"WANDB_ERROR_REPORTING": "false", "PYTHONPATH": f"{ROOT / 'tests'}:{ROOT}", "HOME": str(folder)}
    command = [sys.executable, "-c", code, *words]
    return subprocess.run(command, cwd=folder, env=environ, capture_output=True, text=True, timeout=180, check=False)


def report_of(folder: Path) -> Report:
    return from_json((folder / "report.json").read_bytes())


def test_a_kept_report_is_sent_reads_back_and_holds_the_same_numbers(server: WandbServer, tmp_path: Path) -> None:
    kept = python(tmp_path, server.url, COMMAND, "report", "team", "")
    assert kept.returncode == 0 and "report.wandb.json" in kept.stdout and not server.views, kept.stderr
    sent = python(tmp_path, server.url, COMMAND, "report", "team", "push")
    assert sent.returncode == 0, sent.stderr
    (id_,) = server.views
    view = server.views[id_]
    assert view["project"] == {"id": "UHJv", "name": "lemons", "entityName": "team"} and view["type"] == "runs"
    assert not server.strange and server.projects == {"lemons"}
    spec = json.loads(view["spec"])
    report = report_of(tmp_path)
    assert check(report, markdown_tables(markdown_of(spec))) > 40
    assert markdown_of(spec) == markdown_of(json.loads((tmp_path / "report.wandb.json").read_text())["spec"])
    sets = [one for block in spec["blocks"] if block["type"] == "panel-grid" for one in block["metadata"]["runSets"]]
    assert {(one["project"]["name"], one["project"]["entityName"]) for one in sets} == {("lemons", "team")}
    (url,) = [line.split()[-1] for line in sent.stdout.splitlines() if line.startswith("Sent to ")]
    back = python(tmp_path, server.url, BACK, url)
    assert back.returncode == 0, back.stderr
    kinds = json.loads(back.stdout)
    assert kinds.count("MarkdownBlock") == sum(b["type"] == "markdown-block" for b in spec["blocks"])
    assert kinds.count("PanelGrid") == 5


def test_sent_twice_it_is_one_report_in_the_key_s_own_entity(server: WandbServer, tmp_path: Path) -> None:
    for _ in range(2):
        sent = python(tmp_path, server.url, COMMAND, "run", "", "push")
        assert sent.returncode == 0, sent.stderr
    assert len(server.views) == 1
    assert next(iter(server.views.values()))["project"]["entityName"] == server.entity


def test_the_report_s_tables_are_logged_once_as_long_as_nothing_changes(server: WandbServer, tmp_path: Path) -> None:
    for _ in range(2):
        assert python(tmp_path, server.url, COMMAND, "report", "team", "").returncode == 0
    tables = sorted((tmp_path / "DIR").rglob("*.table.json"))
    assert [path.name.split("_")[0] for path in tables] == ["arms", "comparisons"]
    arms, comparisons = (json.loads(path.read_text()) for path in tables)
    rows = [[dict(zip(held["columns"], row, strict=True)) for row in held["data"]] for held in (arms, comparisons)]
    report = report_of(tmp_path)
    assert [row["accuracy"] for row in rows[0]] == [f"{100 * arm.accuracy:.1f} %" for arm in report.arms]
    assert [row["points"] for row in rows[1]] == [f"{100 * c.difference:+.1f}" for c in report.comparisons]


def test_no_key_is_written_or_said_and_a_refusal_names_the_kept_file(server: WandbServer, tmp_path: Path) -> None:
    wrong = "planted0123456789abcdef0123456789abcdef0"
    refused = python(tmp_path, server.url, COMMAND, "report", "team", "push", key=wrong)
    assert refused.returncode == 1 and "W&B refused the report" in refused.stderr
    assert "report.wandb.json; send it later with mode=report push=true" in refused.stderr
    assert (tmp_path / "report.wandb.json").is_file()
    assert python(tmp_path, server.url, COMMAND, "report", "team", "push").returncode == 0
    said = refused.stdout + refused.stderr
    for path in tmp_path.rglob("*"):
        said += path.read_bytes().decode(errors="replace") if path.is_file() else ""
    assert wrong not in said and KEY not in said


def test_what_cannot_be_sent_is_refused_before_anything_is_read() -> None:
    with pytest.raises(ConfigError, match="needs tracking=wandb"):
        modes.run(points(), Options(mode="report", push=True, store="/nowhere"))
    with pytest.raises(ConfigError, match="only mode=run and mode=report"):
        Options(mode="gc", push=True).check()
