"""The W&B report: built without network, the same each time, over the right runs, with no key in its file."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import msgspec
import pytest
from conftest import ROOT, package
from reading.report_cells import markdown_of
from toys.report import HOSTILE, toy_report
from toys.sweep import ARMS, TASKS, toy_sweep

from lema.base.errors import ConfigError, InputError, MissingExtra
from lema.report.model import Note
from lema.report.output.html import render_html
from lema.report.output.wandb_push import push, read
from lema.report.output.wandb_report import build, file_beside, write


@pytest.fixture(scope="module", autouse=True)
def workspaces() -> None:
    package("wandb_workspaces")


@pytest.fixture(scope="module")
def spec() -> dict[str, Any]:
    held: dict[str, Any] = build(toy_sweep(), group="sweep-1")["spec"]
    return held


def grids(spec: dict[str, Any]) -> list[tuple[list[dict[str, Any]], list[dict[str, Any]]]]:
    """Run sets and panels of each grid."""
    held = [block["metadata"] for block in spec["blocks"] if block["type"] == "panel-grid"]
    return [(grid["runSets"], grid["panelBankSectionConfig"]["panels"]) for grid in held]


def test_it_is_built_without_a_server_and_without_a_key() -> None:
    code = (
        f"import socket, os, sys\nsys.path.insert(0, {str(ROOT / 'tests')!r})\n"
        "def refuse(*_, **__): raise AssertionError('network')\n"
        "socket.socket.connect = refuse\n"
        "os.environ.pop('WANDB_API_KEY', None)\n"
        "from toys.report import toy_report\nfrom lema.report.output.wandb_report import build\n"
        "print(len(build(toy_report(), 'g')['spec']['blocks']))\n"
    )
    command = [sys.executable, "-c", code]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=120, check=False)
    assert done.returncode == 0 and int(done.stdout) > 10, done.stderr


def test_equal_reports_are_equal_files_and_an_address_once_given_stays(tmp_path: Path) -> None:
    path = file_beside(tmp_path / "report.html")
    assert path.name == "report.wandb.json"
    assert write(toy_report(), "g", path) and not write(toy_report(), "g", path)
    path.write_text(json.dumps(json.loads(path.read_text()) | {"id": "Vmlldzox", "url": "http://w/r"}))
    assert not write(toy_report(), "g", path)
    assert write(toy_report(gain=0.0), "g", path)
    assert json.loads(path.read_text())["id"] == "Vmlldzox"


def test_each_task_has_bars_over_one_run_set_an_arm_by_the_ids_of_its_evaluations(spec: dict[str, Any]) -> None:
    report = toy_sweep()
    bars = [(sets, panels) for sets, panels in grids(spec) if panels[0]["config"].get("metrics") == ["accuracy"]]
    assert len(bars) == len(TASKS)
    for task, (sets, panels) in zip(TASKS, bars, strict=True):
        assert [one["name"] for one in sets] == ["base", *ARMS] and panels[0]["viewType"] == "Bar Chart"
        arms = [arm for arm in report.arms if arm.task == task]
        for one, arm in zip(sets, arms, strict=True):
            (chosen,) = one["filters"]["filters"]
            assert (chosen["key"]["name"], chosen["op"], tuple(chosen["value"])) == ("name", "IN", arm.runs)


def test_losses_are_lines_over_the_trainings_of_each_arm(spec: dict[str, Any]) -> None:
    ((sets, panels),) = [one for one in grids(spec) if one[1][0]["viewType"] == "Run History Line Plot"]
    assert [one["name"] for one in sets] == list(ARMS)
    assert panels[0]["config"]["metrics"] == ["train/loss"]
    keys = {key for one in sets for key in one["filters"]["filters"][0]["value"]}
    assert keys == {curve.run for curve in toy_sweep().curves}


def test_the_group_s_runs_have_a_comparer_and_the_report_s_own_run_summary_tables(spec: dict[str, Any]) -> None:
    shown = {panel["viewType"] for _, panels in grids(spec) for panel in panels}
    assert {"Run Comparer", "Weave", "Bar Chart", "Run History Line Plot"} <= shown
    mine = {"key": {"section": "run", "name": "group"}, "op": "=", "value": "sweep-1", "disabled": False}
    both = {"Run Comparer", "Weave"}
    asked = [sets[0]["filters"]["filters"] for sets, panels in grids(spec) if panels[0]["viewType"] in both]
    assert len(asked) == 2 and all(mine in filters for filters in asked)


def test_text_from_outside_stays_text(spec: dict[str, Any]) -> None:
    text = markdown_of(build(toy_report(), "g")["spec"])
    assert HOSTILE not in text and r"\<script\>alert('x')\</script\>" in text
    assert r"\[bold\]not markup\[/bold\]" in text
    evil = msgspec.structs.replace(toy_report(), notes=(Note(level="note", text="a | b\n# c $x$ `d` *e*"),))
    assert r"a \| b # c \$x\$ \`d\` \*e\*" in markdown_of(build(evil, "g")["spec"])


def test_no_key_of_the_environment_is_in_the_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    planted = "planted-wandb-key-7f3a9c1e5b"
    monkeypatch.setenv("WANDB_API_KEY", planted)
    leaky = msgspec.structs.replace(toy_report(), notes=(Note(level="note", text=f"refused {planted}"),), title=planted)
    assert planted in render_html(leaky)
    path = tmp_path / "r.wandb.json"
    write(leaky, "g", path)
    assert planted not in path.read_text() and "removed" in path.read_text()


def test_a_missing_package_is_one_line_that_says_how_to_install_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "wandb_workspaces.reports.v2", None)
    monkeypatch.setitem(sys.modules, "wandb_workspaces", None)
    with pytest.raises(MissingExtra, match=r"a W&B report needs wandb_workspaces.*lema\[wandb\]"):
        build(toy_report(), "g")


def test_nothing_is_sent_without_a_key(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("WANDB_API_KEY", raising=False)
    with pytest.raises(ConfigError, match="WANDB_API_KEY"):
        push(tmp_path / "r.wandb.json", None, "p")


@pytest.mark.parametrize(("content", "said"), [(None, "no W&B report"), ("{", "not JSON"), ("{}", "needs title")])
def test_a_file_that_is_no_report_is_refused(tmp_path: Path, content: str | None, said: str) -> None:
    path = tmp_path / "r.wandb.json"
    if content is not None:
        path.write_text(content)
    with pytest.raises(InputError, match=said):
        read(path)
