"""Augmentation with the real stages in a real store, by a scripted model."""

from __future__ import annotations

import json
from pathlib import Path

from toys.lab import run_stage
from toys.planted import planted

from lema.base.protocols import Sampling
from lema.base.question_slice import Slice
from lema.base.records import Question, Solution, Verdict
from lema.data.formats import Format
from lema.engines.scripted import Scripted
from lema.stages.augment import Augment
from lema.stages.generate import Generate
from lema.store import Artifact, Store
from lema.tasks.gsm8k import Gsm8k
from lema.verifiers.numbers import Numbers

ROWS = [
    ("How many pens are right?", "Two and two.\n#### 4"),
    ("How many pens are wrong?", "Two and two.\n#### 4"),
    ("How many pens are unread?", "Two and two.\n#### 4"),
    ("How many pens are many?", "Two and two.\n#### 4"),
    ("How many pens are given?", "Two and two.\n#### 4"),
]
MANY = "{A|B|C|D|E|F|G|H} {a|b|c|d|e|f|g|h}."
RULES = (
    ("pens are right", "Step 1: Count them. {|}\nStep 2: The answer is 4."),  # equal but for white space
    ("pens are wrong", "Step 1: Count.\nStep 2: The answer is 5."),
    ("pens are unread", "I do not know."),
    ("pens are many", f"Step 1: {MANY}\nStep 2: The answer is 4."),
    ("pens are given", "STEP 1: Two and two.\nStep 2: The  answer is 4."),  # the reference path
)
SAMPLES = 12


def augmented(folder: Path, per_question: int | None, *, filtered: bool = True) -> tuple[Artifact, list[Solution]]:
    rows = "".join(json.dumps({"question": q, "answer": a}) + "\n" for q, a in ROWS)
    (folder / "train.jsonl").write_text(rows)
    task = Gsm8k(verifier=Numbers(), path=str(folder))
    paths = Generate(
        task=task,
        questions=Slice(split="train"),
        engine=Scripted(rules=RULES),
        format=Format(),
        sampling=Sampling(n=SAMPLES, temperature=1.0),
    )
    stage = Augment(paths=paths, task=task, per_question=per_question, filtered=filtered)
    store = Store(folder / "store")
    run_stage(store, stage)
    return store.get(stage), list(store.get(paths).rows("solutions.jsonl", Solution))


def test_every_sampled_path_is_kept_or_counted_under_one_reason(tmp_path: Path) -> None:
    made, sampled = augmented(tmp_path, 3)
    summary, kept = made.summary, list(made.rows("paths.jsonl", Solution))
    asked = {question.text.split()[-1]: question.id for question in made.rows("questions.jsonl", Question)}
    different = len({path.text for path in sampled if path.question_id == asked["many?"]})
    assert different > 4  # or nothing is over the cap
    assert summary["sampled"] == len(sampled) == len(ROWS) * SAMPLES
    assert summary["dropped"] == {
        "wrong": SAMPLES,
        "unparsable": SAMPLES,
        "duplicate": SAMPLES + (SAMPLES - 1) + (SAMPLES - different),  # of the reference, of one, of many
        "over_per_question": different - 3,
    }
    assert summary["kept"] + sum(summary["dropped"].values()) == summary["sampled"]
    assert summary["kept"] == len(kept) == 4 and summary["questions"] == len(asked) == 2
    assert sorted(asked) == ["many?", "right?"]
    assert all(path.verdict is Verdict.RIGHT for path in kept)


def test_without_a_cap_all_different_right_paths_are_kept(tmp_path: Path) -> None:
    made, sampled = augmented(tmp_path, None)
    assert "over_per_question" not in made.summary["dropped"]
    texts = [path.text for path in made.rows("paths.jsonl", Solution)]
    many = {path.text for path in sampled if "Step 1: Count" not in path.text and path.text.startswith("Step 1: ")}
    assert set(texts[1:]) == many and len(texts) == 1 + len(many)


def test_unfiltered_paths_are_kept_right_wrong_or_unread_and_nothing_else_changes(tmp_path: Path) -> None:
    made, sampled = augmented(tmp_path, 3, filtered=False)
    summary, kept = made.summary, list(made.rows("paths.jsonl", Solution))
    asked = {question.text.split()[-1]: question.id for question in made.rows("questions.jsonl", Question)}
    different = len({path.text for path in sampled if path.question_id == asked["many?"]})
    verdicts = {path.question_id: path.verdict for path in kept}
    assert verdicts == {
        asked["right?"]: Verdict.RIGHT,
        asked["wrong?"]: Verdict.WRONG,
        asked["unread?"]: Verdict.NO_ANSWER,
        asked["many?"]: Verdict.RIGHT,
    }
    assert len(kept) == summary["kept"] == 3 + 3  # "many" has its cap, the others one path each
    assert summary["dropped"] == {
        "duplicate": SAMPLES + 3 * (SAMPLES - 1) + (SAMPLES - different),
        "over_per_question": different - 3,
    }


def test_an_undecided_path_is_counted_as_such(tmp_path: Path) -> None:
    (tmp_path / "train.jsonl").write_text(json.dumps({"question": ROWS[0][0], "answer": ROWS[0][1]}) + "\n")
    task = Gsm8k(verifier=Numbers(), path=str(tmp_path))
    (asked,) = task.questions("train")
    paths = [
        Solution(question_id=asked.id, reasoner="toy", sample=sample, text=f"{sample}", verdict=verdict)
        for sample, verdict in enumerate([Verdict.UNDECIDED, Verdict.RIGHT, Verdict.UNDECIDED])
    ]
    stage = Augment(paths=planted(tmp_path / "sampled", questions=[asked], solutions=paths), task=task)
    store = Store(tmp_path / "store")
    run_stage(store, stage)
    assert store.get(stage).summary == {"sampled": 3, "kept": 1, "dropped": {"undecided": 2}, "questions": 1}
