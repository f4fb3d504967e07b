"""What the mixing stage gets: kept ids, dropped rows with their reason, and counts."""

from __future__ import annotations

import json
from pathlib import Path

from lema.base.question_slice import Slice
from lema.base.records import dump, load
from lema.likeness import Decontamination
from lema.likeness.decontaminating import Dropped, decontaminate, held_out
from lema.likeness.leaks import Index
from lema.synth.splits import SPLITS
from lema.tasks.gsm8k import Gsm8k
from lema.tasks.gsm_synth import GsmSynth
from lema.verifiers.integers import Integers
from lema.verifiers.numbers import Numbers

TESTS = [
    "Mia has 12 red pens in a box, and Tom has 5 more pens than she has. How many pens do they have together?",
    "A train with 14 wagons needs 3 hours for the way to the coast. How long do 6 such trains need one by one?",
]


def gsm8k(folder: Path) -> Gsm8k:
    (folder / "test.jsonl").write_text("".join(json.dumps({"question": q, "answer": "#### 1"}) + "\n" for q in TESTS))
    return Gsm8k(verifier=Numbers(), path=str(folder))


def test_rows_are_kept_or_dropped_with_the_reason_each_in_order(tmp_path: Path) -> None:
    task = gsm8k(tmp_path)
    ids = [question.id for question in task.questions("test")]
    rows = [
        ("a", "Who ate 5 of the 12 apples that were here?", "cot"),
        ("b", TESTS[0].lower(), "cot"),
        ("b", TESTS[0].lower(), "correction"),
        ("c", TESTS[1].replace("14", "twenty"), "evolved"),
        ("d", "Nobody has any apples.", "cot"),
    ]
    result = decontaminate(Decontamination(), [(task, Slice(split="test"))], rows)
    assert result.kept == ["a", "d"]
    told = [(row.question_id, row.source, row.rule) for row in result.dropped]
    assert told == [("b", "cot", "exact"), ("b", "correction", "exact"), ("c", "evolved", "numbers")]
    assert [row.test_question_id for row in result.dropped] == [ids[0], ids[0], ids[1]]
    assert {row.test_set for row in result.dropped} == {"gsm8k test[0:]"}
    assert result.counts == {"exact": 2, "numbers": 1}
    (tmp_path / "dropped.jsonl").write_bytes(dump(result.dropped))
    assert list(load(tmp_path / "dropped.jsonl", Dropped)) == result.dropped


def test_only_the_slice_that_is_tested_on_counts(tmp_path: Path) -> None:
    tests = [(gsm8k(tmp_path), Slice(split="test", start=1))]
    assert decontaminate(Decontamination(), tests, [("a", TESTS[0], "cot"), ("b", TESTS[1], "cot")]).kept == ["a"]


def test_generated_problems_leak_only_when_they_are_equal() -> None:
    task = GsmSynth(verifier=Integers())
    tests = [(task, Slice(split=split, stop=300)) for split in SPLITS if split.startswith("test")]
    assert all(held_out(*test).templated for test in tests)
    train = [(question.id, question.text, "cot") for question in task.questions("train", 0, 600)]
    assert decontaminate(Decontamination(), tests, train).dropped == []
    test = task.questions("test", 0, 50)
    planted = [(question.id, question.text.upper(), "cot") for question in test]
    result = decontaminate(Decontamination(), tests, [*train, *planted])
    assert [row.test_question_id for row in result.dropped] == [question.id for question in test]


def test_the_sentences_of_generated_problems_would_drop_every_tenth_under_the_other_rules() -> None:
    task = GsmSynth(verifier=Integers())
    blind = held_out(task, Slice(split="test", stop=1000))._replace(templated=False)
    train = [question.text for question in task.questions("train", 0, 300)]
    assert sum(map(bool, Index(Decontamination(), [blind]).check_all(train))) > 30
