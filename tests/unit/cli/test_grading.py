"""Outputs from elsewhere: every row gets its verdict, and every fault its line."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import msgspec
import pytest
from conftest import require_data

from lema.base.errors import InputError
from lema.base.protocols import Task
from lema.base.records import Question, Solution, Verdict, load
from lema.base.spec import key
from lema.cli.grading import Undecided, grade, undecided
from lema.tasks.gsm8k import Gsm8k
from lema.tasks.gsm_synth import GsmSynth
from lema.verifiers.integers import Integers
from lema.verifiers.numbers import Numbers

SYNTH = GsmSynth(verifier=Integers())


def written(folder: Path, *rows: Any) -> Path:
    path = folder / "outputs.jsonl"
    lines = [row if isinstance(row, str) else json.dumps(row) for row in rows]
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")
    return path


def verdicts(folder: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in (folder / "verdicts.jsonl").read_text().splitlines()]


def outputs_of(task: Task, split: str, n: int) -> list[dict[str, Any]]:
    """Reference paths as outputs, every third one with another answer."""
    return [
        {
            "question_id": question.id,
            "text": f"The answer is {int(question.answer) + (number % 3 == 0)}.",
            "model": "somebody's",
        }
        for number, question in enumerate(task.questions(split, 0, n))
    ]


def test_rows_are_judged_by_the_question_that_they_name(tmp_path: Path) -> None:
    rows = written(tmp_path, *outputs_of(SYNTH, "dev", 30))
    summary = grade(SYNTH, rows, tmp_path / "graded", splits=("dev", "test"))
    assert (summary.outputs, summary.questions, summary.verdicts["right"], summary.verdicts["wrong"]) == (
        30,
        30,
        20,
        10,
    )
    assert summary.accuracy.estimate == 20 / 30
    assert summary.accuracy.low < 20 / 30 < summary.accuracy.high
    assert summary.key == key(SYNTH.verifier)  # type: ignore[arg-type]
    held = verdicts(tmp_path / "graded")
    assert [row["line"] for row in held] == list(range(1, 31))
    assert [row["verdict"] for row in held] == ["wrong" if n % 3 == 0 else "right" for n in range(30)]
    assert msgspec.json.decode((tmp_path / "graded" / "summary.json").read_bytes())["rungs"] == {"marker": 30}


def test_rows_are_judged_by_their_own_reference(tmp_path: Path) -> None:
    task = Gsm8k(verifier=Numbers(), path="unused")
    rows = written(
        tmp_path,
        {"reference": "72", "text": "#### 72"},
        "",
        {"reference": "72", "text": "The answer is 73."},
        {"reference": "0.5", "text": "The answer is 50%."},
        {"reference": "72", "text": "I cannot."},
    )
    summary = grade(task, rows, tmp_path / "graded")
    assert summary.verdicts == {"right": 1, "wrong": 1, "no_answer": 1, "undecided": 1}
    assert [row["line"] for row in verdicts(tmp_path / "graded")] == [1, 3, 4, 5]
    (left,) = load(tmp_path / "graded" / "undecided.jsonl", Undecided)
    assert (left.id, left.source, left.reference, left.answer, left.text, left.decision) == (
        "4",
        "outputs.jsonl",
        "0.5",
        "50%",
        "The answer is 50%.",
        "",
    )


def test_samples_of_one_question_are_one_question(tmp_path: Path) -> None:
    question = SYNTH.questions("dev", 0, 1)[0]
    row = {"question_id": question.id, "text": f"The answer is {question.answer}."}
    summary = grade(SYNTH, written(tmp_path, row, {**row, "sample": 1, "text": "?"}), tmp_path / "graded", ("dev",))
    assert (summary.outputs, summary.questions, summary.accuracy.estimate) == (2, 1, 0.5)


GSM8K = Gsm8k(verifier=Numbers(), path="unused")
CLIPS = "How many clips are there?"


@pytest.mark.parametrize(
    "named",
    [
        ({"question": CLIPS}, {"question": f" {CLIPS}\n"}, {"question": "And caps?"}),
        ({"id": 7}, {"id": "7"}, {"id": 8}),
        ({"question": CLIPS, "id": 1}, {"question": CLIPS, "id": 2}, {"question": "And caps?", "id": 3}),
        ({"sample": 4, "question": CLIPS}, {"question": CLIPS}, {"question": "And caps?"}),
    ],
)
def test_rows_with_a_reference_that_name_one_question_are_one_question(
    tmp_path: Path, named: tuple[dict[str, Any], ...]
) -> None:
    texts = ("The answer is 72.", "The answer is 7.", "The answer is 72.")
    rows = [{"reference": "72", "text": text} | more for text, more in zip(texts, named, strict=True)]
    summary = grade(GSM8K, written(tmp_path, *rows), tmp_path / "graded")
    assert (summary.outputs, summary.questions, summary.accuracy.estimate, summary.ungrouped) == (3, 2, 0.75, 0)
    one, two, other = verdicts(tmp_path / "graded")
    assert one["question_id"] == two["question_id"] != other["question_id"] and one["sample"] != two["sample"]


def test_an_interval_over_samples_is_that_of_their_questions(tmp_path: Path) -> None:
    rows = [
        {"reference": "1", "question": f"Which, {q}?", "text": f"The answer is {int(q % 2 == 0)}."}
        for q in range(40)
        for _ in range(8)
    ]
    apart = grade(GSM8K, written(tmp_path, *({**row, "question": None} for row in rows)), tmp_path / "apart")
    together = grade(GSM8K, written(tmp_path, *rows), tmp_path / "together")
    assert (apart.questions, apart.ungrouped, together.questions) == (320, 320, 40)
    assert together.accuracy.high - together.accuracy.low > 2 * (apart.accuracy.high - apart.accuracy.low)


def test_choices_tell_questions_of_one_text_apart(tmp_path: Path) -> None:
    row = {"reference": "72", "question": "Which?", "text": "The answer is 72."}
    rows = written(tmp_path, {**row, "choices": ["72", "7"]}, {**row, "choices": ["72", "8"]})
    assert grade(GSM8K, rows, tmp_path / "graded").questions == 2


def test_one_question_with_two_references_is_refused(tmp_path: Path) -> None:
    row = {"reference": "72", "question": CLIPS, "text": "The answer is 72."}
    rows = written(tmp_path, row, {**row, "reference": "72.0"}, {**row, "reference": "73"})
    with pytest.raises(InputError, match=r"line 3: its question is that of line 1, whose reference is '72'.*'73'"):
        grade(GSM8K, rows, tmp_path / "graded")


def test_a_sample_that_stands_twice_is_refused_with_a_reference_too(tmp_path: Path) -> None:
    row = {"reference": "72", "id": 1, "sample": 2, "text": "The answer is 72."}
    with pytest.raises(InputError, match=r"line 2: question id-1, sample 2 stands in line 1 already"):
        grade(GSM8K, written(tmp_path, row, row), tmp_path / "graded")


def test_a_question_that_the_task_does_not_have_is_judged_by_its_own_reference(tmp_path: Path) -> None:
    row = {"question_id": "mine", "reference": "72", "text": "The answer is 72."}
    summary = grade(SYNTH, written(tmp_path, row, row), tmp_path / "graded", splits=("dev",))
    assert (summary.questions, summary.verdicts["right"]) == (1, 2)


def test_endings_that_are_not_read_are_counted_by_their_form(tmp_path: Path) -> None:
    texts = ["so\n48+24 = 72 clips.", "so\n1+2 = 3 clips.\n\n", "I cannot.", "", "The answer is 72."]
    rows = [{"reference": "72", "question": CLIPS, "text": text} for text in texts]
    summary = grade(GSM8K, written(tmp_path, *rows), tmp_path / "graded")
    assert summary.endings == {"N+N = N clips.": 2, "I cannot.": 1, "(empty)": 1}
    assert summary.by_last_number == 2
    synth = grade(SYNTH, written(tmp_path, *rows), tmp_path / "synth")
    assert synth.by_last_number is None and sum(synth.endings.values()) == 4


FAULTS = [
    ('{"question_id": "x"', "line 2: not a row"),
    ('{"question_id": "x"}', "line 2: not a row.*missing required field `text`"),
    ('{"reference": "5", "text": 5}', r"line 2: not a row.*Expected `str`, got `int` - at `\$.text`"),
    ('{"text": "The answer is 5."}', "line 2: neither `question_id` nor `reference`"),
    ('{"question_id": "gsm_synth-no", "text": "5"}', "line 2: gsm_synth has no question 'gsm_synth-no'"),
    ("[1, 2]", "line 2: not a row"),
    ("\udcff", "line 2: not a row"),
]


@pytest.mark.parametrize(("line", "message"), FAULTS)
def test_a_bad_row_is_named_and_nothing_is_left_behind(tmp_path: Path, line: str, message: str) -> None:
    good = json.dumps({"reference": "5", "text": "The answer is 5."})
    path = tmp_path / "outputs.jsonl"
    path.write_bytes(f"{good}\n{line}\n".encode(errors="surrogateescape"))
    with pytest.raises(InputError, match=f"outputs.jsonl, {message}"):
        grade(SYNTH, path, tmp_path / "graded", splits=("dev",))
    assert [held.name for held in tmp_path.iterdir()] == ["outputs.jsonl"]


def test_a_row_that_stands_twice_names_both_lines(tmp_path: Path) -> None:
    question = SYNTH.questions("dev", 0, 1)[0]
    row = {"question_id": question.id, "text": "The answer is 1."}
    with pytest.raises(InputError, match=f"line 3: question {question.id}, sample 0 stands in line 1 already"):
        grade(SYNTH, written(tmp_path, row, {**row, "sample": 1}, row), tmp_path / "graded", splits=("dev",))


def test_a_reference_that_is_not_the_question_s_is_refused(tmp_path: Path) -> None:
    question = SYNTH.questions("dev", 0, 1)[0]
    row = {"question_id": question.id, "text": "?", "reference": f"0{question.answer}"}
    assert grade(SYNTH, written(tmp_path, row), tmp_path / "graded", splits=("dev",)).outputs == 1
    row["reference"] = str(int(question.answer) + 1)
    with pytest.raises(InputError, match=f"line 1: reference .* is not that of question {question.id}"):
        grade(SYNTH, written(tmp_path, row), tmp_path / "other", splits=("dev",))


def test_a_reference_that_the_verifier_cannot_read_is_a_fault_of_its_line(tmp_path: Path) -> None:
    task = Gsm8k(verifier=Numbers(), path="unused")
    with pytest.raises(InputError, match=r"outputs.jsonl, line 1: .*'many' is no number"):
        grade(task, written(tmp_path, {"reference": "many", "text": "The answer is 5."}), tmp_path / "graded")


def test_files_and_folders_that_do_not_fit_are_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="cannot be read: No such file"):
        grade(SYNTH, tmp_path / "none.jsonl", tmp_path / "graded")
    with pytest.raises(InputError, match="has no rows"):
        grade(SYNTH, written(tmp_path, ""), tmp_path / "graded")
    rows = written(tmp_path, {"reference": "5", "text": "The answer is 5."})
    with pytest.raises(InputError, match="is there already"):
        grade(SYNTH, rows, tmp_path)
    with pytest.raises(InputError, match="no split 'final', only"):
        grade(SYNTH, written(tmp_path, {"question_id": "x", "text": ""}), tmp_path / "graded", splits=("final",))


def test_undecided_solutions_are_exported_with_all_that_people_need() -> None:
    question = Question(id="q", task="gsm8k", text="What share?", answer="0.5")
    found = Solution(
        question_id="q", reasoner="r", sample=0, text="Half: 50%.", verdict=Verdict.UNDECIDED, answer="50%"
    )
    wrong = msgspec.structs.replace(found, sample=1, verdict=Verdict.WRONG)
    (row,) = undecided([found, wrong], {"q": question}, "generate-1")
    assert row == Undecided(
        id="q#r#0", source="generate-1", question="What share?", reference="0.5", answer="50%", text="Half: 50%."
    )


@pytest.mark.real
def test_recorded_solutions_of_gsm8k_are_graded_as_recorded(tmp_path: Path) -> None:
    task = Gsm8k(verifier=Numbers(), path=str(require_data("gsm8k")))
    by_text = {question.text: question for question in task.questions("test")}
    recorded = [json.loads(line) for line in (require_data("gsm8k") / "model_solutions.jsonl").open()]
    models = sorted({row["model"] for row in recorded})
    rows = written(
        tmp_path,
        *(
            {"question_id": by_text[row["question"]].id, "sample": models.index(row["model"]), "text": row["solution"]}
            for row in recorded
        ),
    )
    summary = grade(task, rows, tmp_path / "graded", splits=("test",))
    assert (summary.outputs, summary.questions) == (2638, 1319)
    assert summary.verdicts == {"right": 744, "wrong": 1884, "no_answer": 9, "undecided": 1}
    assert summary.accuracy.estimate == pytest.approx(744 / 2638)
