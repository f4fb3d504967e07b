"""Tracking: real offline W&B, read back with W&B's own tool; and no key in anything that it writes."""

from __future__ import annotations

import json
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from conftest import package

from lema.base.errors import ConfigError, MissingExtra
from lema.base.spec import key, spec
from lema.store.stage import Stage
from lema.tracking.runs import REMOVED, Tracking, flat, log_stage, logger, open_run, scrub, secrets

PLANTED = {
    "OPENAI_API_KEY": "planted-openai-7f3a9c1e5b",
    "HF_TOKEN": "planted_hf_2d4f6a8c0e",
    "MY_SERVICE_PASSWORD": "hunter2",
    "aws_secret_access_key": "planted/aws+secret=99",
}


@spec
class Cook(Stage):
    """A toy stage."""

    kind = "cook"
    recipe: str
    heat: float = 1.0


@pytest.fixture
def offline(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """W&B that writes below tmp_path only, with no key of its own and planted ones of others."""
    monkeypatch.delenv("WANDB_API_KEY", raising=False)
    for name in ("DIR", "DATA_DIR", "CACHE_DIR", "CONFIG_DIR"):
        (tmp_path / name).mkdir()
        monkeypatch.setenv(f"WANDB_{name}", str(tmp_path / name))
    monkeypatch.setenv("WANDB_ERROR_REPORTING", "false")
    for name, value in PLANTED.items():
        monkeypatch.setenv(name, value)
    yield tmp_path
    if "wandb" in sys.modules:  # its folders are settings of the process until it is torn down
        sys.modules["wandb"].teardown()


def records(folder: Path) -> list[dict[str, Any]]:
    """All records of all offline runs below a folder, by `wandb leet inspect`."""
    found = []
    for run in sorted(folder.rglob("run-*.wandb")):
        command = [str(Path(sys.executable).with_name("wandb")), "leet", "inspect", "--json", str(run)]
        said = subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=60, check=True)
        found += [json.loads(line) for line in said.stdout.splitlines() if line.strip()]
    return found


def only(kind: str, found: list[dict[str, Any]]) -> dict[str, Any]:
    (one,) = [record[kind] for record in found if kind in record]
    assert isinstance(one, dict)
    return one


def test_a_finished_stage_is_a_run_with_its_key_its_group_and_its_summary(offline: Path) -> None:
    package("wandb")
    stage = Cook(recipe="soup", heat=2.5)
    settings = {"backend": "wandb", "project": "kitchen", "mode": "auto"}
    log_stage(stage, {"accuracy": 0.5, "funnel": {"sampled": 10, "rejected": {"late": 3}}}, settings, group="sweep-1")
    found = records(offline)
    run = only("run", found)
    assert run["run_id"] == key(stage) and run["run_group"] == "sweep-1"
    assert run["job_type"] == "cook" and run["project"] == "kitchen"
    text = json.dumps(found)
    for shown in ("soup", "funnel/rejected/late", "accuracy"):
        assert shown in text
    assert socket.gethostname() not in {run.get("host"), run.get("display_name")}


def test_numbers_are_logged_at_the_step_that_is_said_also_when_a_run_is_reopened(offline: Path) -> None:
    package("wandb")
    tracking = Tracking(backend="wandb")
    for steps in ((1, 2), (3, 4)):
        with open_run(tracking, run_id="0123456789abcdef", job_type="train", config={}) as run:
            for step in steps:
                logger(run)({"loss": 1 / step}, step)
    found = records(offline)
    assert {record["run"]["run_id"] for record in found if "run" in record} == {"0123456789abcdef"}
    rows = [record["history"]["item"] for record in found if "history" in record]
    assert {row["_step"]: row["loss"] for row in rows} == {1: 1, 2: 1 / 2, 3: 1 / 3, 4: 1 / 4}


def test_no_planted_key_is_in_anything_that_wandb_writes(offline: Path) -> None:
    package("wandb")
    config = {"base_url": f"http://user:{PLANTED['OPENAI_API_KEY']}@host", "deep": [{"x": PLANTED["HF_TOKEN"]}]}
    config |= {"password": "hunter2", PLANTED["aws_secret_access_key"]: 1}
    with open_run(Tracking(backend="wandb"), run_id="aaaa", job_type="cook", config=config) as run:
        run.summary.update(scrub({"error": f"refused {PLANTED['OPENAI_API_KEY']}"}))
    stage = Cook(recipe=PLANTED["HF_TOKEN"])
    log_stage(stage, {"note": PLANTED["HF_TOKEN"]}, {"backend": "wandb"}, group="g")
    written = [path for path in offline.rglob("*") if path.is_file()]
    assert sum(path.suffix == ".wandb" for path in written) == 2
    for path in written:
        data = path.read_bytes()
        for name, value in PLANTED.items():
            assert value.encode() not in data, f"{name} is in {path.name}"
    assert any(REMOVED.encode() in path.read_bytes() for path in written)


def test_without_tracking_nothing_is_written_and_wandb_is_not_imported(offline: Path) -> None:
    code = (
        "import sys\nfrom lema.tracking.runs import Tracking, open_run, logger\n"
        "with open_run(Tracking(), run_id='a', job_type='b', config={}) as run: logger(run)({'x': 1}, 1)\n"
        "assert 'wandb' not in sys.modules"
    )
    subprocess.run([sys.executable, "-c", code], check=True, timeout=60)
    assert not [path for path in offline.rglob("*") if path.is_file()]


def test_a_missing_wandb_is_one_line_that_says_how_to_install_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "wandb", None)
    with (
        pytest.raises(MissingExtra, match=r"tracking=wandb needs wandb. Install it with: pip install 'lema\[wandb\]'"),
        open_run(Tracking(backend="wandb"), run_id="a", job_type="b", config={}),
    ):
        pass


def test_online_without_a_key_is_refused_before_anything_runs(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("WANDB_API_KEY", raising=False)
    with pytest.raises(ConfigError, match="WANDB_API_KEY"):
        Tracking(backend="wandb", mode="online").check()
    assert Tracking(backend="wandb").settled_mode() == "offline"
    monkeypatch.setenv("WANDB_API_KEY", "0" * 40)
    assert Tracking(backend="wandb").settled_mode() == "online"


def test_tracking_is_part_of_no_key() -> None:
    assert key(Tracking()) == key(
        Tracking(backend="wandb", project="p", entity="e", group="g", mode="offline", dir="d")
    )


def test_secrets_are_known_by_whole_words_of_their_names_and_not_by_short_values() -> None:
    environ = {
        "TOKENIZERS_PARALLELISM": "false",
        "MONKEY": "banana",
        "X_KEY": "1",
        "X_TOKEN": "abcdef",
        "APIKEY": "qwert",
    }
    assert secrets(environ) == ["abcdef", "qwert"]
    assert secrets(PLANTED) == sorted(PLANTED.values(), key=lambda value: (-len(value), value))


def test_scrubbing_keeps_everything_else() -> None:
    value = {"a": [1, 2.5, None, True, "text"], "b": {"c": "hunter22"}}
    assert scrub(value, ["hunter2"]) == value
    assert scrub("hunter2", ["hunter2"]) == REMOVED


def test_a_summary_is_flattened_to_numbers_and_texts() -> None:
    assert dict(flat({"a": {"b": 1, "c": {"d": "x"}}, "e": [1], "f": None})) == {"a/b": 1, "a/c/d": "x"}
