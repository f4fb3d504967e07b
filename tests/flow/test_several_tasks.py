"""One trained model on several tasks: each has an artifact of its own, and the model is loaded once."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

from commands.submitting import TINY


def test_a_model_is_loaded_once_for_all_tasks_that_it_is_scored_on(tmp_path: Path) -> None:
    tasks = (
        "evaluation.tasks=[gsm_synth,{name: gsm_synth, difficulty: easy, questions: {split: dev, start: 0, stop: 5}}]"
    )
    words = [f"store={tmp_path / 'store'}", f"report={tmp_path / 'report.html'}", "data_mix=cot", *TINY, tasks]
    subprocess.run([sys.executable, "-m", "lema", *words], check=True, cwd=tmp_path)
    log = (tmp_path / "store" / "logs" / "starts.jsonl").read_text().splitlines()
    processes: dict[int, list[str]] = {}
    for line in map(json.loads, log):
        if line["stage"].startswith("evaluate-"):
            processes.setdefault(line["pid"], []).append(line["stage"])
    assert [len(set(stages)) for stages in processes.values()] == [2, 2]  # the base model, and the trained one
    report = json.loads((tmp_path / "report.json").read_text())
    assert {(arm["arm"], arm["n"]) for arm in report["arms"]} == {("base", 8), ("base", 5), ("cot", 8), ("cot", 5)}
