"""What every conf/task/*.yaml promises."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import msgspec
import pytest
import yaml
from conftest import ROOT
from material.made_data import data_of
from reading.solved import examples_of

from lema.base import prompts
from lema.base.errors import InputError
from lema.base.protocols import Task, Verifier
from lema.base.reasoning_steps import number_steps
from lema.base.records import Question, Verdict
from lema.base.spec import Spec, key
from lema.config.config import build
from lema.data.datasets import Published
from lema.data.formats import Format
from lema.data.solved_examples import solving

FILES = sorted((ROOT / "conf" / "task").glob("*.yaml"))
SAMPLE = 200


def node(path: Path) -> dict[str, Any]:
    """The configuration of a task; one of the hub reads local files, as there is no network."""
    held: dict[str, Any] = yaml.safe_load(path.read_text())
    if "path" in held:
        held["path"] = str(data_of(path.stem))
    return held


def made(path: Path) -> Task:
    task = build(node(path), "task")
    assert isinstance(task, Task)
    return task


def splits_here(task: Task) -> list[str]:
    """The splits whose data is on this machine: MATH's training problems are not."""
    here = []
    for split in task.splits:
        try:
            task.questions(split, 0, 1)
        except InputError as fault:
            assert "is missing" in str(fault)
        else:
            here.append(split)
    assert here
    return here


@pytest.fixture(params=FILES, ids=lambda path: path.stem)
def task(request: pytest.FixtureRequest) -> Task:
    return made(request.param)


def test_a_task_is_a_spec_with_name_verifier_and_splits(task: Task) -> None:
    assert isinstance(task, Spec)
    assert isinstance(task.verifier, Verifier)
    assert re.fullmatch(r"[\w.-]+", task.name)
    assert task.splits and len(set(task.splits)) == len(task.splits)


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_ids_are_unique_and_the_same_each_time(path: Path) -> None:
    one, two = made(path), made(path)
    assert key(one) == key(two)  # type: ignore[arg-type]
    for split in splits_here(one):
        ids = [question.id for question in one.questions(split, 0, SAMPLE)]
        assert ids == [question.id for question in two.questions(split, 0, SAMPLE)]
        assert len(set(ids)) == len(ids), split


def test_a_question_has_one_id_and_nothing_to_learn_from_is_scored(task: Task) -> None:
    texts: dict[str, str] = {}
    learned: set[str] = set()
    for split in splits_here(task):
        for question in task.questions(split, 0, SAMPLE):
            assert texts.setdefault(question.id, question.text) == question.text
            assert split == "train" or question.id not in learned
            learned |= {question.id} if split == "train" else set()


def test_a_slice_is_a_part_of_the_split(task: Task) -> None:
    for split in splits_here(task):
        assert task.questions(split, 7, 12) == task.questions(split, 0, 12)[7:]
        assert {question.task for question in task.questions(split, 0, 3)} == {task.name}


def reference_path(task: Task, question: Question) -> list[str]:
    """The reference path, or the answer alone of a task without worked solutions, which must refuse to give a path."""
    if not isinstance(task, Published) or task.worked:
        return task.steps(question)
    with pytest.raises(InputError, match=r"no worked solutions.*CoT augmentation"):
        task.steps(question)
    return [f"The answer is {question.answer}."]


def test_every_reference_path_is_judged_right_by_the_task_itself(task: Task) -> None:
    for split in splits_here(task):
        for question in task.questions(split, 0, SAMPLE):
            steps = reference_path(task, question)
            assert steps[-1] == f"The answer is {question.answer}."
            assert task.verifier.judge(number_steps(steps), question).verdict is Verdict.RIGHT, steps
            assert task.verifier.equal(question.answer, question.answer)


def test_an_answer_of_another_question_is_wrong(task: Task) -> None:
    first, *others = task.questions(splits_here(task)[0], 0, 20)
    other = next(question for question in others if not task.verifier.equal(question.answer, first.answer))
    assert task.verifier.judge(f"Step 1: The answer is {other.answer}.", first).verdict is Verdict.WRONG


@pytest.fixture(scope="module")
def elsewhere() -> dict[str, str]:
    """What another process says of each task: its key, and the heavy libraries that are loaded once it is built."""
    code = (
        "import sys; from lema.config.config import build; from lema.base.spec import key\n"
        f"for name, node in {[(path.stem, node(path)) for path in FILES]!r}:\n"
        "    held = key(build(node, 'task'))\n"
        "    print(name, held, sorted({'torch', 'transformers', 'datasets', 'scipy'} & set(sys.modules)))"
    )
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=ROOT)
    return {name: said for name, _, said in (line.partition(" ") for line in run.stdout.splitlines())}


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_building_and_hashing_a_task_imports_nothing_heavy(path: Path, elsewhere: dict[str, str]) -> None:
    assert elsewhere[path.stem] == f"{key(made(path))} []"  # type: ignore[arg-type]


def test_solved_examples_end_as_the_verifier_of_the_task_reads(task: Task) -> None:
    (asked,) = task.questions(splits_here(task)[0], 0, 1)
    prompt = Format(examples="by_task").cot_prompt(asked)
    name = next(name for name in solving() if prompt.startswith(prompts.read(name).split("{{question}}")[0]))
    for example, steps in examples_of(name):
        question = msgspec.structs.replace(example, task=task.name)
        told = "\n".join(steps) if example.choices else number_steps(steps)
        assert task.verifier.judge(told, question).verdict is Verdict.RIGHT, told
        assert task.verifier.judge(f"{told}\n\nQuestion: {asked.text}", question).verdict is Verdict.RIGHT
        others = example.choices or [other.answer for other, _ in examples_of(name)]
        wrong = msgspec.structs.replace(question, answer=next(other for other in others if other != example.answer))
        assert task.verifier.judge(told, wrong).verdict is Verdict.WRONG, told
