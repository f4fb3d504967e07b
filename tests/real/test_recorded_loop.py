"""Recorded GSM8K solutions and replies of a teacher through the real stages and a real store, without a model."""

from __future__ import annotations

import json
from collections import Counter
from pathlib import Path
from typing import Any

import pytest
import yaml
from conftest import ROOT, require_data
from toys.lab import run_stage

from lema.base.protocols import Sampling
from lema.base.question_slice import Slice
from lema.base.reasoning_steps import from_free_form, number_steps
from lema.base.records import Correction, Example, Question, Solution, Verdict
from lema.config.config import build
from lema.correctors.teacher import Teacher
from lema.data.formats import Format
from lema.engines.recorded import Recorded
from lema.lessons.corrections import Corrections
from lema.lessons.data_budget import Budget
from lema.lessons.data_mix import DataMix
from lema.report.findings.corrections import funnel
from lema.stages.correct import Correct
from lema.stages.generate import Generate
from lema.stages.mix import Made, Mix
from lema.store import Store
from lema.tasks.gsm8k import Gsm8k
from lema.verifiers.numbers import Numbers

pytestmark = pytest.mark.real
FIRST = 1000  # questions before this one have replies of the teacher
WRONG_REPLIES = {368, 768, 823}  # questions whose recorded reply ends in a wrong answer


def engine(group: str, file: str) -> Recorded:
    """The recorded engine of a configuration group, as it ships, on a file of the test data."""
    node: dict[str, Any] = yaml.safe_load((ROOT / "conf" / group / "recorded.yaml").read_text())
    made = build(node | {"path": str(require_data("gsm8k") / file)}, group)
    assert isinstance(made, Recorded)
    return made


def rows(file: str) -> list[dict[str, Any]]:
    return [json.loads(line) for line in (require_data("gsm8k") / file).read_bytes().splitlines()]


class Loop:
    """The stages from recorded solutions to training examples."""

    def __init__(self, root: Path) -> None:
        self.store = Store(root)
        self.task = Gsm8k(verifier=Numbers(), path=str(require_data("gsm8k")))
        words = Format(wording="lema_v1")
        self.generate = Generate(
            task=self.task,
            questions=Slice(split="test", stop=FIRST),
            engine=engine("reasoner", "model_solutions.jsonl"),
            format=words,
            sampling=Sampling(n=2, temperature=0.7, max_tokens=256),
        )
        self.correct = Correct(
            paths=self.generate,
            task=self.task,
            corrector=Teacher(engine=engine("teacher", "teacher_replies.jsonl")),
        )
        self.mix = Mix(
            task=self.task,
            made=(Made(material="corrections", stages=(self.correct,)),),
            data_mix=DataMix(name="corrections", lessons=(Corrections(),)),
            budget=Budget(),
            format=words,
        )
        run_stage(self.store, self.mix)


@pytest.fixture(scope="module")
def loop(tmp_path_factory: pytest.TempPathFactory) -> Loop:
    return Loop(tmp_path_factory.mktemp("store"))


def test_every_recorded_solution_is_a_sampled_path_of_its_question(loop: Loop) -> None:
    artifact = loop.store.get(loop.generate)
    texts = {question.id: question.text for question in artifact.rows("questions.jsonl", Question)}
    sampled = [(texts[s.question_id], s.sample, s.text) for s in artifact.rows("solutions.jsonl", Solution)]
    recorded = [row for row in rows("model_solutions.jsonl") if row["question_index"] < FIRST]
    assert len(sampled) == len(recorded) == 2 * FIRST
    numbers: Counter[str] = Counter()
    for (question, sample, text), row in zip(sampled, recorded, strict=True):
        assert (question, text) == (row["question"], row["solution"])
        assert sample == numbers[question]
        numbers[question] += 1


def test_97_recorded_replies_are_accepted_3_are_wrong_and_every_level_sums(loop: Loop) -> None:
    counts = loop.store.get(loop.correct).summary["funnel"]
    print(counts)
    replied = {(row["question"], row["original_solution"]) for row in rows("teacher_replies.jsonl")}
    assert counts["accepted"] == 97
    assert counts["rejected"] == {"wrong_answer": 3, "no_reply": counts["corrected"] - len(replied)}
    assert counts["sampled"] == 2 * FIRST
    assert counts["sampled"] == sum(counts[verdict.value] for verdict in Verdict)
    assert counts["wrong"] == sum(counts["left_out"].values()) + counts["corrected"]
    assert counts["corrected"] == counts["accepted"] + sum(counts["rejected"].values())
    funnel("recorded", counts)  # the report's own check of the same sums


def test_what_was_rejected_is_kept_with_its_reason_and_its_path(loop: Loop) -> None:
    artifact = loop.store.get(loop.correct)
    rejected = list(artifact.rows("rejected.jsonl", Correction))
    paths = {path.id: path for path in artifact.rows("paths.jsonl", Solution)}
    ids = [question.id for question in loop.task.questions("test", 0, FIRST)]
    wrong = {ids.index(c.question_id) for c in rejected if c.reject == "wrong_answer"}
    assert wrong == WRONG_REPLIES
    assert {c.reply for c in rejected if c.reject == "no_reply"} == {""}
    assert {c.solution_id for c in rejected} <= paths.keys()


def test_the_examples_are_the_accepted_replies_word_for_word_in_the_format_of_the_paper(loop: Loop) -> None:
    examples = list(loop.store.get(loop.mix).rows("examples.jsonl", Example))
    accepted = [row for row in rows("teacher_replies.jsonl") if row["question_index"] not in WRONG_REPLIES]
    expected = {
        (
            "For the following math problem, the original solution is incorrect. Please identify the incorrect step, "
            "explain why it is incorrect, and correct the original solution starting from the incorrect step.\n\n"
            f"Question: {' '.join(row['question'].split())}\nOriginal Solution:\n{{\n{row['original_solution']}\n}}\n"
            "Incorrect Step:",
            f" {row['reply']}",
        )
        for row in accepted
    }
    assert len(examples) == len(expected) == 97
    assert {(example.prompt, example.completion) for example in examples} == expected
    assert {example.source for example in examples} == {"correction"}


def test_the_teacher_was_asked_about_the_paths_that_the_reasoner_wrote(loop: Loop) -> None:
    artifact = loop.store.get(loop.correct)
    accepted = {c.solution_id: c for c in artifact.rows("corrections.jsonl", Correction)}
    shown = {row["reply"]: row["original_solution"] for row in rows("teacher_replies.jsonl")}
    for path in artifact.rows("paths.jsonl", Solution):
        if path.id in accepted:
            steps = from_free_form(path.text, path.answer)
            assert number_steps(steps) == shown[accepted[path.id].reply]


def test_the_loop_on_moved_files_is_found_and_not_run_again(loop: Loop, tmp_path: Path) -> None:
    moved = tmp_path / "elsewhere.jsonl"
    moved.write_bytes((require_data("gsm8k") / "teacher_replies.jsonl").read_bytes())
    node = yaml.safe_load((ROOT / "conf" / "teacher" / "recorded.yaml").read_text()) | {"path": str(moved)}
    again = Correct(paths=loop.generate, task=loop.task, corrector=Teacher(engine=build(node, "teacher")))
    assert loop.store.find(again) is not None
    with moved.open("ab") as file:
        file.write(b"\n")
    changed = Correct(paths=loop.generate, task=loop.task, corrector=Teacher(engine=build(node, "teacher")))
    assert loop.store.find(changed) is None
