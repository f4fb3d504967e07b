"""`json=true`: one document on standard output, of `lema.running.json_listing`, and the same exit codes."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import msgspec
import pytest
from toys.lab import points, run

from lema.base.errors import ConfigError
from lema.cli import modes
from lema.cluster import watch
from lema.cluster.watch import Line
from lema.config.options import Options
from lema.config.profile import Profile, Resources
from lema.running import json_listing
from lema.running.plan import merge
from lema.store import Store

SWEEP = points(("cot", "cot_and_corrections"), (0,))


def document(said: str, kind: type[Any]) -> Any:
    """The whole of what was printed as one document with no field that its shape does not have."""
    read = msgspec.json.decode(said, type=kind)
    assert json.loads(said) == json.loads(msgspec.json.encode(read))
    return read


@pytest.mark.parametrize("mode", ["plan", "status"])
def test_plan_and_status_list_the_stages_of_a_store(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], mode: Any
) -> None:
    store = Store(tmp_path)
    run(store, SWEEP[:1])
    assert modes.run(SWEEP, Options(mode=mode, store=str(tmp_path), json=True)) == 0
    said = document(capsys.readouterr().out, json_listing.Stages)
    graph, _ = merge(SWEEP)
    assert (said.mode, said.store, said.experiments) == (mode, str(tmp_path), 2)
    listed = {stage.key: stage for stage in said.stages}
    assert set(listed) == {node.key for node in graph.nodes}
    assert all(listed[node.key].upstream == node.upstream for node in graph.nodes)
    assert all(listed[node.key].experiments == node.points for node in graph.nodes)
    assert sum(said.counts.values()) == len(said.stages) and said.counts["have"] > 0
    assert {stage.state for stage in said.stages} == set(said.counts)


def test_a_stage_that_is_worked_on_says_where_and_how_far(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    store = Store(tmp_path)
    _, stages = merge(SWEEP)
    first = next(iter(stages.values()))
    with store.open_work(first) as work:
        assert work is not None
        work.report(3, 12)
        assert modes.run(SWEEP, Options(mode="status", store=str(tmp_path), json=True)) == 0
    said = document(capsys.readouterr().out, json_listing.Stages).stages[0]
    assert (said.state, said.done, said.total) == ("running", 3, 12) and ":" in said.where


def test_a_plan_of_jobs_says_what_each_missing_one_asks_for(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    run(Store(tmp_path), SWEEP[:1])
    made = Profile(jobs=Resources(minutes=7), gpu=Resources(partition="fat", gpus=2))
    assert modes.run(SWEEP, Options(mode="plan", store=str(tmp_path), json=True, slurm=made)) == 0
    said = document(capsys.readouterr().out, json_listing.Stages)
    assert all((stage.asks is None) == (stage.state == "have") for stage in said.stages)
    assert any(stage.asks and stage.asks["minutes"] == 7 for stage in said.stages)
    trained = next(stage for stage in said.stages if stage.kind == "train" and stage.asks)
    assert trained.asks["partition"] == ("fat" if trained.needs == "gpu" else None)


def test_doctor_lists_what_it_found(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    code = modes.run([], Options(mode="doctor", store=str(tmp_path), json=True))
    said = document(capsys.readouterr().out, json_listing.Findings)
    assert {"lema", "packages", "store"} <= {one.what for one in said.findings}
    assert {one.state for one in said.findings} <= {"ok", "note", "bad"}
    assert code == (2 if any(one.state == "bad" for one in said.findings) else 0)


@pytest.mark.parametrize("mode", ["run", "compare", "gc", "report"])
def test_other_modes_print_no_json(mode: Any) -> None:
    with pytest.raises(
        ConfigError, match=f"json: mode=plan, status, wait, cancel, doctor can print JSON, got mode={mode}"
    ):
        Options(mode=mode, json=True).check()


def test_only_modes_that_look_after_jobs_take_a_submission() -> None:
    for wrong in (Options(mode="status", submission="last"), Options(mode="plan", submission="last", slurm=Profile())):
        with pytest.raises(ConfigError, match="submission: only mode=status, wait and cancel with slurm="):
            wrong.check()
    Options(mode="wait", submission="last", slurm=Profile()).check()


def test_a_real_command_prints_nothing_but_the_document(tmp_path: Path) -> None:
    words = ["mode=plan", "json=true", "sweeps=null", "trainer=lora", "experiments=null"]
    done = subprocess.run(
        [sys.executable, "-m", "lema", *words], cwd=tmp_path, capture_output=True, text=True, check=True
    )
    assert document(done.stdout, json_listing.Stages).experiments == 1
    refused = subprocess.run(
        [sys.executable, "-m", "lema", *words, "seed=x"], cwd=tmp_path, capture_output=True, text=True, check=False
    )
    assert refused.returncode == 2 and refused.stdout == "" and "seed" in refused.stderr


def test_a_stage_whose_job_failed_says_what_it_said_and_where_its_log_is(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    graph, _ = merge(SWEEP)
    line = Line(graph.nodes[0], "failed", "5", "node1", "no room", tmp_path / "5_0_log.err")
    json_listing.write(watch.document("wait", [line], graph, Store(tmp_path)))
    said = document(capsys.readouterr().out, json_listing.Stages).stages[0]
    assert (said.state, said.job, said.where, said.error) == ("failed", "5", "node1", "no room")
    assert said.log == str(tmp_path / "5_0_log.err") and said.done is None
