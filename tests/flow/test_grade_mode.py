"""`lema mode=grade`: a task and a file are all it needs."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from commands.typed import Command

from lema.__main__ import main
from lema.tasks.gsm_synth import GsmSynth
from lema.verifiers.integers import Integers

ROWS: list[dict[str, Any]] = [
    {"reference": "72", "text": "#### 72"},
    {"reference": "72", "text": "The answer is 73."},
    {"reference": "0.5", "text": "The answer is 50%."},
    {"reference": "72", "text": "I cannot."},
]
#: A command in a process of its own, which says at the end whether it loaded what needs a GPU.
SCRIPT = """
import sys
from lema.__main__ import main
code = main(sys.argv[1:])
print("loaded", sorted({"torch", "transformers", "openai", "wandb"} & set(sys.modules)))
sys.exit(code)
"""


def written(path: Path, rows: list[dict[str, Any]]) -> Path:
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    return path


def test_outputs_are_judged_by_a_task_that_the_rest_of_the_default_does_not_suit(tmp_path: Path) -> None:
    """gsm8k has no split `dev`, on which the default experiment chooses its checkpoint."""
    written(tmp_path / "x.jsonl", ROWS)
    done = subprocess.run(
        [sys.executable, "-c", SCRIPT, "mode=grade", "task=gsm8k", "grade.input=x.jsonl"],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
    )
    assert (done.returncode, done.stderr) == (0, "")
    lines = [line.split() for line in done.stdout.splitlines()]
    for verdict in (["right"], ["wrong"], ["no", "answer"], ["undecided"]):
        assert [*verdict, "1", "25.0", "%"] in lines
    assert ["accuracy,", "4", "question(s)", "4", "25.0", "%", "4.6", "to", "69.9"] in lines
    assert "loaded []" in done.stdout
    assert sorted(path.name for path in tmp_path.iterdir()) == ["x.graded", "x.jsonl"]
    for name in ("verdicts.jsonl", "summary.json", "undecided.jsonl"):
        assert str(tmp_path / "x.graded" / name) in done.stdout and (tmp_path / "x.graded" / name).is_file()


def test_where_many_outputs_have_no_answer_it_is_said_how_they_end_and_what_to_set(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    told = [{"reference": "72", "id": n, "text": f"Altogether {n}+24 = 72 clips."} for n in range(3)]
    named = [{"reference": "72", "id": n, "text": "The answer is 72."} for n in range(3, 12)]
    for rows, said in ((told + named, True), (told[:2] + named, False)):
        written(tmp_path / "x.jsonl", rows)
        assert main(["mode=grade", "task=gsm8k", "grade.input=x.jsonl", f"grade.output=of{len(rows)}"]) == 0
        out = capsys.readouterr().out
        assert ("3 x  Altogether N+N = N clips." in out) == said
        assert ("task.verifier.rungs=[answer_is,hashes,answer_line,boxed,last_number]" in out) == said
    lenient = "task.verifier.rungs=[answer_is,hashes,answer_line,boxed,last_number]"
    written(tmp_path / "x.jsonl", told + named)
    assert main(["mode=grade", "task=gsm8k", "grade.input=x.jsonl", lenient]) == 0
    assert "No answer could be read" not in (out := capsys.readouterr().out) and "100.0 %" in out


@pytest.fixture
def typed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return written(tmp_path / "x.jsonl", ROWS)


def test_questions_are_looked_up_in_the_splits_that_are_named(typed: Path, capsys: pytest.CaptureFixture[str]) -> None:
    question = GsmSynth(verifier=Integers()).questions("dev", 0, 1)[0]
    written(typed, [{"question_id": question.id, "text": f"The answer is {question.answer}."}])
    words = ["mode=grade", "grade.input=x.jsonl", "grade.output=deep/er"]
    assert main([*words, "grade.splits=[dev]"]) == 0
    assert "100.0 %" in capsys.readouterr().out and (typed.parent / "deep" / "er" / "verdicts.jsonl").is_file()
    assert main(["mode=grade", "grade.input=x.jsonl", "grade.splits=[test]"]) == 2
    assert f"x.jsonl, line 1: gsm_synth has no question '{question.id}'" in capsys.readouterr().err
    assert not (typed.parent / "x.graded").exists()


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["grade.input=y.jsonl"], "grade.input: there is no file {}/y.jsonl"),
        (["grade.input=there"], "grade.input: there is no file {}/there"),
        (["grade.input=/"], "grade.input: there is no file /"),
        (["grade.input=x.jsonl", "grade.output=there"], "grade.output: {}/there is there already"),
        (["grade.input=x.jsonl", "grade.output=x.jsonl"], "grade.output: {}/x.jsonl is there already"),
        (["grade.input=x.jsonl", "grade.output=x.jsonl/y"], "{}/x.jsonl/y cannot be made: Not a directory"),
        (["grade.input=x.jsonl", "grade.splits=[dev]"], "grade.splits: gsm8k has no split 'dev', only train, test"),
        (["grade.input=empty.jsonl"], "{}/empty.jsonl has no rows"),
        (["grade.input=bad.jsonl"], "{}/bad.jsonl, line 2: not a row"),
        (["grade.input=latin.jsonl"], "{}/latin.jsonl, line 1: not a row"),
    ],
)
def test_what_cannot_be_graded_is_said_and_leaves_nothing(
    typed: Path, capsys: pytest.CaptureFixture[str], words: list[str], said: str
) -> None:
    (typed.parent / "there").mkdir()
    (typed.parent / "empty.jsonl").touch()
    (typed.parent / "bad.jsonl").write_text(json.dumps(ROWS[0]) + "\n{\n")
    (typed.parent / "latin.jsonl").write_text(json.dumps(ROWS[0] | {"text": "72 €"}, ensure_ascii=False), "cp1252")
    before = sorted(typed.parent.iterdir())
    assert main(["mode=grade", "task=gsm8k", *words]) == 2
    out, err = capsys.readouterr()
    assert err.startswith(f"lema: {said.format(typed.parent)}") and len(err.splitlines()) == 1, err
    assert out == "" and sorted(typed.parent.iterdir()) == before


@pytest.mark.parametrize("line", ["model.path=/nowhere", "trainer.learning_rate=-1", "sweeps=demo", "-m seed=0,1"])
def test_only_the_task_counts(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, line: str) -> None:
    outcome = Command(tmp_path, monkeypatch)(f"{line} mode=grade task=svamp grade.input=x.jsonl")
    assert outcome.code == 0, outcome.err
    (point,) = outcome.points
    assert point.task.name == "svamp"  # type: ignore[attr-defined]
