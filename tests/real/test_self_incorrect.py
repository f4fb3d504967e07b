"""SELF-[IN]CORRECT end to end: the shipped model on 200 generated problems, and SmolLM2 on real GSM8K questions."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from conftest import require_data

from lema.base.records import Solution
from lema.report.read import finished

pytestmark = [pytest.mark.real, pytest.mark.slow]


def report(folder: Path, *words: str) -> dict[str, Any]:
    """What `lema` reports on an experiment."""
    command = [sys.executable, "-m", "lema", *words, f"store={folder / 'store'}", f"report={folder / 'report.html'}"]
    done = subprocess.run(command, capture_output=True, text=True, cwd=folder, stdin=subprocess.DEVNULL, check=False)
    assert done.returncode == 0, done.stdout[-2000:] + done.stderr[-2000:]
    said: dict[str, Any] = json.loads((folder / "report.json").read_text())
    return said


def test_the_shipped_model_picks_among_its_own_answers_to_200_questions(tmp_path: Path) -> None:
    said = report(
        tmp_path,
        "experiments=self_incorrect_synth",
        "discrimination.trained=false",
        "evaluation.questions.stop=200",
        "discrimination.seeds=[0]",
        "discrimination.read_outs=[label_text,label_logprob]",
    )
    text, label = said["picks"]
    sampled = [
        solution
        for artifact in finished(tmp_path / "store").kinds["generate"]
        for solution in artifact.rows("solutions.jsonl", Solution)
    ]
    right = sum(solution.verdict.value == "right" for solution in sampled) / len(sampled)
    assert len(sampled) == 800 and said["arms"][0]["n"] == 200
    for row in (text, label):
        assert (row["questions"], row["answers"], row["arm"]) == (200, 4, "base")
        assert row["gen"] == pytest.approx(right), "both phases score the same answers"
        assert row["worst"] - 1e-9 <= row["disc"] <= row["oracle"] + 1e-9
        assert row["low"] < row["difference"] < row["high"]
        assert row["right_at"] == pytest.approx([0.25] * 4, abs=0.05), "positions are balanced"
    # The model has learned to solve problems, and nothing about choosing: what it writes mostly names no answer.
    assert text["invalid"] > 0.3 and text["verdict"] == "worse"
    assert label["invalid"] == 0 and label["verdict"] in ("not better", "cannot tell")
    assert label["p_position"] < 0.001, "it picks by position"


def test_a_chat_model_reasons_over_its_answers_to_real_questions(smollm2_dir: Path, tmp_path: Path) -> None:
    said = report(
        tmp_path,
        "experiments=self_incorrect_gsm8k",
        *("model.hub=null", "model.revision=null", f"model.path={smollm2_dir}"),
        f"task.path={require_data('gsm8k')}",
        *("evaluation.questions.stop=4", "evaluation.sampling.max_tokens=48"),
        *("discrimination.sampling.max_tokens=48", "discrimination.max_tokens=32"),
    )
    (row,) = said["picks"]
    assert (row["questions"], row["answers"], row["model"]) == (4, 4, "smollm2-135m")
    assert row["worst"] <= row["disc"] <= row["oracle"] and "reasoning" in row["asked"]
    assert {cell["task"] for cell in said["paper_picks"]} == {"gsm8k"}
    assert sum(cell["impossible"] for cell in said["paper_picks"]) == 3
    page = (tmp_path / "report.html").read_text()
    assert "cannot come from these counts" in page
