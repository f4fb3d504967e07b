"""Every published data set whole: how many questions there are, and that each can be judged by its own task."""

from __future__ import annotations

import contextlib
import json
from xml.etree import ElementTree

import pytest
import yaml
from conftest import ROOT, require_data

from lema.base.records import Verdict
from lema.config.config import build
from lema.data.datasets import Published
from lema.data.formats import Format
from lema.tasks.math import Math

pytestmark = pytest.mark.real

#: Section 3 of the paper, and for ASDiv its App. C.2.
SIZES = {
    ("gsm8k", "train"): 7473,
    ("gsm8k", "test"): 1319,
    ("math", "test"): 5000,
    ("math", "math500"): 500,
    ("svamp", "test"): 1000,
    ("asdiv", "test"): 2084,
    ("csqa", "train"): 9741,
    ("csqa", "dev"): 1221,
}


def task(name: str) -> Published:
    held = yaml.safe_load((ROOT / "conf" / "task" / f"{name}.yaml").read_text())
    made = build({**held, "path": str(require_data(name))}, "task")
    assert isinstance(made, Published)
    return made


@pytest.mark.parametrize(("name", "split"), SIZES, ids=" ".join)
def test_a_split_has_the_papers_size_and_every_reference_answer_is_right_by_its_own_task(name: str, split: str) -> None:
    made = task(name)
    questions = made.questions(split)
    assert len(questions) == len({question.id for question in questions}) == SIZES[name, split]
    for question in questions:
        said = made.verifier.judge(f"Step 1: The answer is {question.answer}.", question)
        assert said.verdict is Verdict.RIGHT, question


@pytest.mark.parametrize(("name", "split"), [("gsm8k", "test"), ("gsm8k", "train"), ("math", "test")])
def test_every_worked_solution_is_judged_right_in_the_authors_format(name: str, split: str) -> None:
    made, form = task(name), Format(wording="lema_v1")
    for question in made.questions(split):
        completion = form.cot_completion(made.steps(question), question)
        assert made.verifier.judge(completion, question).verdict is Verdict.RIGHT, completion


def test_a_math_completion_is_the_solution_and_its_answer() -> None:
    made, form = task("math"), Format(wording="lema_v1")
    for question in made.questions("test"):
        completion = form.cot_completion(made.steps(question), question)
        assert completion.split() == f"{question.solution} The answer is {question.answer}.".split()


def test_the_500_are_problems_of_the_test_set_with_the_same_ids() -> None:
    made = task("math")
    assert isinstance(made, Math)
    whole = {question.id: question for question in made.questions("test")}
    for question in made.questions("math500"):
        assert whole[question.id] == question


def test_asdiv_leaves_out_what_is_no_single_number_once_its_unit_is_gone() -> None:
    kept = []
    for problem in ElementTree.parse(require_data("asdiv") / "ASDiv.xml").iter("Problem"):
        answer = problem.findtext("Answer", "")
        while "(" in answer:
            answer = answer[: answer.index("(")] + answer[answer.index(")") + 1 :]
        with contextlib.suppress(ValueError):
            kept.append((problem.findtext("Body", "").strip(), float(answer)))
    questions = task("asdiv").questions("test")
    for question, (body, answer) in zip(questions, kept, strict=True):
        assert question.text.startswith(body) and float(question.answer) == answer


def test_prompts_of_csqas_dev_set_are_in_the_authors_form() -> None:
    """Methods 2.2, written out from the authors' rows."""
    with (require_data("csqa") / "dev_rand_split.jsonl").open() as lines:
        published = [json.loads(line) for line in lines]
    form, changed = Format(wording="lema_v1"), 0
    for question, row in zip(task("csqa").questions("dev"), published, strict=True):
        first, asked, candidates, cue, end = form.cot_prompt(question).split("\n")
        assert first.startswith("Please answer the following commonsense question. Please first explain each candidate")
        assert asked == f"Question: {row['question']['stem']}"
        texts = [choice["text"] for choice in sorted(row["question"]["choices"], key=lambda choice: choice["label"])]
        assert candidates == "Candidate Answers: {}, {}, {}, {}, {}.".format(*(text.rstrip(".") for text in texts))
        changed += f"{asked}{candidates}" != " ".join(f"{asked}Candidate Answers: {', '.join(texts)}.".split())
        assert (cue, end) == ("Answer: Let's think step by step.", "")
        assert question.answer == texts["ABCDE".index(row["answerKey"])]
    assert changed == 114  # of 1,221: double spaces, a tab, candidates with a full stop of their own
