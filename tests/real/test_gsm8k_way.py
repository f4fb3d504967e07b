"""Real questions, real mistakes, a teacher behind a real server, QLoRA of a real model, real test questions."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest
from conftest import require_data
from servers.openai_server import Server

PLANTED = "sk-planted-0123456789abcdefghijklmnop"


def command(folder: Path, model: Path, data: Path, server: Server) -> list[str]:
    return [
        *(sys.executable, "-m", "lema", "experiments=gsm8k_recorded"),
        *(f"store={folder / 'store'}", f"report={folder / 'report.html'}"),
        *("model.hub=null", "model.revision=null", f"model.path={model}"),
        *(f"task.path={data}", f"reasoner.path={data / 'model_solutions.jsonl'}"),
        *(f"teacher.base_url={server.base_url}", f"teacher.model={model}", "teacher.max_retries=1"),
        *("teacher.concurrency=1", "generation.correct_at_most=3", "corrector.sampling.max_tokens=48"),
        *("tracking=wandb", "workers=1"),
    ]


def run(words: list[str], folder: Path) -> subprocess.Popen[bytes]:
    log = (folder / "log.txt").open("ab")
    environment = {**os.environ, "OPENAI_API_KEY": PLANTED, "WANDB_MODE": "offline", "PYTHONUNBUFFERED": "1"}
    return subprocess.Popen(words, stdin=subprocess.DEVNULL, stdout=log, stderr=log, cwd=folder, env=environment)


def replies(folder: Path) -> dict[str, tuple[int, int]]:
    files = (folder / "store" / "replies").glob("*/*.json")
    return {path.name: (path.stat().st_ino, path.stat().st_mtime_ns) for path in files}


def manifests(folder: Path) -> dict[str, dict[str, Any]]:
    found = [json.loads(path.read_text()) for path in (folder / "store" / "artifacts").glob("*/manifest.json")]
    return {manifest["kind"]: {**manifest, "folder": f"{manifest['kind']}-{manifest['key']}"} for manifest in found}


@pytest.mark.real
@pytest.mark.slow
def test_every_real_part_is_in_the_path_and_a_dead_server_loses_nothing(smollm2_dir: Path, tmp_path: Path) -> None:
    data = require_data("gsm8k")
    with Server(smollm2_dir, tmp_path) as server:
        words = command(tmp_path, smollm2_dir, data, server)
        process = run(words, tmp_path)
        while not replies(tmp_path):
            assert process.poll() is None, (tmp_path / "log.txt").read_text()[-3000:]
            time.sleep(0.2)
        server.kill()
        assert process.wait(1200) == 3, (tmp_path / "log.txt").read_text()[-3000:]
        said = (tmp_path / "log.txt").read_text()
        assert "127.0.0.1" in said and "same command" in said
        saved = replies(tmp_path)

        server.start()
        assert run(words, tmp_path).wait(1800) == 0, (tmp_path / "log.txt").read_text()[-3000:]

    assert saved.items() <= replies(tmp_path).items(), "a reply that was on disk was asked for again"
    made = manifests(tmp_path)
    counts = made["correct"]["summary"]["funnel"]
    assert counts["sampled"] == 2000 and counts["corrected"] == 3
    assert counts["accepted"] + sum(counts["rejected"].values()) == 3
    assert counts["sampled"] == sum(counts[name] for name in ("right", "wrong", "no_answer", "undecided"))
    assert made["evaluate"]["summary"]["questions"] == 20
    adapter = tmp_path / "store" / "artifacts" / made["train"]["folder"] / "model" / "adapter_model.safetensors"
    assert adapter.is_file()
    report = (tmp_path / "report.html").read_text()
    assert "test[0:1000]" in report and "same split" in report
    leaks = [path for path in tmp_path.rglob("*") if path.is_file() and PLANTED.encode() in path.read_bytes()]
    assert not leaks, f"the planted key is in {leaks}"
