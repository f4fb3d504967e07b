"""SVAMP, ASDiv, MATH and CommonsenseQA: how a row becomes a question, and what is wrong with one."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from conftest import package

from lema.base.errors import ConfigError, InputError
from lema.base.spec import key
from lema.data.datasets import Published
from lema.tasks.asdiv import Asdiv
from lema.tasks.csqa import Csqa
from lema.tasks.math import Math, boxed, sentences
from lema.tasks.svamp import Svamp
from lema.verifiers.choices import Choices
from lema.verifiers.integers import Integers
from lema.verifiers.numbers import Numbers

SVAMP = [
    {"ID": "chal-1", "Body": "Mia has 7 pens", "Question": "How many in 2 such boxes? ", "Answer": 14.0},
    {"ID": "chal-2", "Body": "Ben ran half of 5 km.", "Question": "How far?", "Answer": 2.5},
]
ASDIV = """<?xml version="1.0" encoding="UTF-8" ?>
<Machine-Reading-Corpus-File><ProblemSet>
    <Problem ID="a" Grade="1"><Body>Mia has 7 pens &amp; 5 cups.</Body><Question>How many things? </Question>
        <Solution-Type>Addition</Solution-Type><Answer>12 (things)</Answer><Formula>7+5=12</Formula></Problem>
    <Problem ID="b" Grade="2"><Body>Two ages.</Body><Question>Which?</Question>
        <Solution-Type>Ratio</Solution-Type><Answer>5 (years old); 15 (years old)</Answer></Problem>
    <Problem ID="c" Grade="2"><Body>Who?</Body><Question>Mia or Ben?</Question><Answer>Ben</Answer></Problem>
    <Problem ID="d" Grade="1"><Body>Mia has 7 pens &amp; 5 cups.</Body><Question>How many things?</Question>
        <Answer>12</Answer></Problem>
</ProblemSet></Machine-Reading-Corpus-File>
"""
MATH = {
    "problem": "What is $x$?",
    "level": "Level 2",
    "type": "Number Theory",
    "solution": "It is $\\boxed{\\frac12}$.",
}
CSQA = {
    "id": "0",
    "answerKey": "B",
    "question": {
        "stem": "Where is a pen?",
        "question_concept": "pen",
        "choices": [
            {"label": "A", "text": "sea"},
            {"label": "B", "text": "pencil case "},
            {"label": "C", "text": "sea"},
        ],
    },
}


def lines(*rows: dict[str, Any]) -> str:
    return "".join(json.dumps(row) + "\n" for row in rows)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "SVAMP.json").write_text(json.dumps(SVAMP, indent=4))
    (tmp_path / "ASDiv.xml").write_text(ASDIV)
    (tmp_path / "test.jsonl").write_text(lines(MATH))
    (tmp_path / "dev_rand_split.jsonl").write_text(lines(CSQA))
    return tmp_path


def local(task: type[Published], folder: Path) -> Any:
    verifiers = {Svamp: Numbers, Asdiv: Numbers, Math: Integers, Csqa: Choices}
    return task(verifier=verifiers[task](), path=str(folder))  # type: ignore[call-arg, index]


def test_svamp_joins_body_and_question_and_writes_its_answers_in_the_shortest_form(folder: Path) -> None:
    first, second = local(Svamp, folder).questions("test")
    assert (first.text, first.answer) == ("Mia has 7 pens How many in 2 such boxes?", "14")
    assert second.answer == "2.5"


def test_asdiv_keeps_what_is_one_number_without_its_unit_and_numbers_what_stands_there_twice(folder: Path) -> None:
    first, again = local(Asdiv, folder).questions("test")
    assert (first.text, first.answer) == ("Mia has 7 pens & 5 cups. How many things?", "12")
    assert (again.text, again.answer, again.id) == (first.text, "12", f"{first.id}-2")


def test_csqa_answers_with_the_text_of_a_candidate(folder: Path) -> None:
    (question,) = local(Csqa, folder).questions("dev")
    assert (question.text, question.answer) == ("Where is a pen?", "pencil case")
    assert question.choices == ("sea", "pencil case", "sea")


def test_math_answers_with_the_last_box_and_names_subject_and_level(folder: Path) -> None:
    (question,) = local(Math, folder).questions("test")
    assert (question.answer, question.difficulty) == ("\\frac12", "Level 2")
    assert question.id.startswith("math-number_theory-")


def test_a_problem_of_the_500_has_the_id_that_it_has_in_the_test_set(folder: Path) -> None:
    row = {**MATH, "subject": MATH["type"], "level": 2, "answer": "x", "unique_id": "test/number_theory/1.json"}
    (folder / "math500.jsonl").write_text(lines(row))
    task = local(Math, folder)
    assert task.questions("math500") == task.questions("test")


@pytest.mark.parametrize(
    ("solution", "answer"),
    [
        (r"First $\boxed{1}$, then $\boxed{2}$.", "2"),
        (r"$\fbox{3}$", "3"),
        (r"So $\boxed 5$.", "5"),
        (r"$\boxed{\frac{1}{2^{3}}}$", r"\frac{1}{2^{3}}"),
        ("$\\boxed{90\\text{ square\nunits}}$", r"90\text{ square units}"),
        ("no box", None),
        (r"$\boxed{never closed", None),
    ],
)
def test_the_answer_is_in_the_last_box(solution: str, answer: str | None) -> None:
    assert boxed(solution) == answer


@pytest.mark.parametrize(
    ("solution", "steps"),
    [
        ("We add. Then $x = 3.$ So $y = 4$.", ["We add.", "Then $x = 3.$", "So $y = 4$."]),
        ("One.\n\nTwo,\nand on", ["One.", "Two,\nand on"]),
        ("By $f. A = 2$ it is 1.5 times $g$. Done", ["By $f. A = 2$ it is 1.5 times $g$.", "Done"]),
        (
            'Look. [asy]\nlabel("A. B");\n\ndraw(x);\n[/asy] Now',
            ["Look.", '[asy]\nlabel("A. B");\n\ndraw(x);\n[/asy] Now'],
        ),
        ("So \\[a = 1. B\\] Then", ["So \\[a = 1. B\\] Then"]),
        ("So \\[a = 1.\\] Then", ["So \\[a = 1.\\]", "Then"]),
        ("\\begin{align*}\na &= 1. \\\\\n\nB &= 2.\n\\end{align*}\n\nSo", None),
        ("It costs \\$5. Then \\$6.", ["It costs \\$5.", "Then \\$6."]),
    ],
)
def test_a_solution_is_cut_between_sentences_and_never_inside_a_formula(solution: str, steps: list[str] | None) -> None:
    assert sentences(solution) == (steps or [solution.removesuffix("\n\nSo"), "So"])


@pytest.mark.parametrize("task", [Svamp, Asdiv, Csqa])
def test_a_task_without_worked_solutions_says_what_to_do_rather_than_give_answers(
    task: type[Published], folder: Path
) -> None:
    made = local(task, folder)
    assert not made.worked
    with pytest.raises(
        InputError, match=rf"{made.name} has answers and no worked solutions.*CoT augmentation.*data_mix"
    ):
        made.steps(made.questions(made.splits[-1])[0])


FAULTY = [
    (Svamp, "SVAMP.json", '[\n {"Body": "a", "Question": "b?", "Answer": 1},\n\n {"Body": "a"}]', "line 4: not a row"),
    (Svamp, "SVAMP.json", '[{"Body": "a",\n "Question": "b?", "Answer": "many"}]', "line 1: the answer 'many'"),
    (Svamp, "SVAMP.json", '[{"Body": "a", "Question": " ", "Answer": 1}]', "line 1: no question"),
    (Svamp, "SVAMP.json", '[\n{"Body":\n}]', "line 3: not JSON"),
    (Svamp, "SVAMP.json", '{"Body": "a"}', "expected a list"),
    (Svamp, "SVAMP.json", json.dumps([SVAMP[0], SVAMP[0]], indent=1), "line 8: svamp test has the same question"),
    (Asdiv, "ASDiv.xml", "<a>\n<Problem>\n<Body>x</Body></Problem></a>", "line 2: not a row of asdiv"),
    (Asdiv, "ASDiv.xml", "<a>\n<Problem></a>", "line 2: not XML"),
    (Asdiv, "ASDiv.xml", '<!DOCTYPE a [<!ENTITY b "c">]>\n<a>&b;</a>', "line 1: a document type"),
    (Math, "test.jsonl", lines(MATH, {**MATH, "solution": "none"}), "line 2: no problem, or a solution without"),
    (Math, "test.jsonl", lines({**MATH, "type": "Magic"}), "line 1: subject 'Magic' is none of algebra"),
    (Csqa, "dev_rand_split.jsonl", lines(CSQA, {**CSQA, "answerKey": "E"}), "line 2: answerKey 'E'"),
    (Csqa, "dev_rand_split.jsonl", lines({**CSQA, "question": {"stem": "x"}}), "line 1: not a row of csqa"),
]


@pytest.mark.parametrize(("task", "file", "text", "message"), FAULTY)
def test_a_faulty_row_is_named_with_file_and_line(
    task: type[Published], file: str, text: str, message: str, folder: Path
) -> None:
    (folder / file).write_text(text)
    made = local(task, folder)
    with pytest.raises(InputError, match=rf"{file}.*{message}"):
        made.questions(made.splits[-1] if task is Csqa else "test")


def test_a_split_that_is_only_on_the_hub_is_named_with_what_to_do(folder: Path) -> None:
    with pytest.raises(InputError, match=r"train\.jsonl is missing.*leave task\.path out.*EleutherAI/hendrycks_math"):
        local(Math, folder).questions("train")


def test_each_unpinned_repository_is_named_by_the_field_that_pins_it() -> None:
    with pytest.raises(ConfigError, match=r"task\.revision: EleutherAI/hendrycks_math needs a pinned revision"):
        Math(verifier=Integers(), revision_500="0" * 40).check()
    with pytest.raises(ConfigError, match=r"task\.revision_500: HuggingFaceH4/MATH-500 needs a pinned revision"):
        Math(verifier=Integers(), revision="0" * 40).check()


def test_the_key_follows_both_repositories_of_math() -> None:
    pins = [("a", "a"), ("a", "b"), ("b", "a")]
    tasks = [Math(verifier=Integers(), revision=one * 40, revision_500=two * 40) for one, two in pins]
    assert len({key(task) for task in tasks}) == 3


def test_the_hubs_shapes_give_the_same_questions_as_the_files(folder: Path) -> None:
    """The hub's own loader on a folder laid out as the hub's copies are."""
    package("datasets")
    copies = folder / "hub"
    copies.mkdir()
    (copies / "csqa").mkdir()
    choices = CSQA["question"]["choices"]  # type: ignore[index]
    columns = {name: [choice[name] for choice in choices] for name in ("label", "text")}
    row = {"id": "0", "question": CSQA["question"]["stem"], "choices": columns, "answerKey": "B"}  # type: ignore[index]
    (copies / "csqa" / "validation.jsonl").write_text(lines(row))
    (copies / "svamp").mkdir()
    for part, row in zip(("train", "test"), SVAMP, strict=True):
        (copies / "svamp" / f"{part}.jsonl").write_text(lines({**row, "Answer": str(row["Answer"])}))
    csqa = Csqa(verifier=Choices(), hub=str(copies / "csqa"), revision="0" * 40)
    assert csqa.questions("dev") == local(Csqa, folder).questions("dev")
    svamp = Svamp(verifier=Numbers(), hub=str(copies / "svamp"), revision="0" * 40)
    assert svamp.questions("test") == local(Svamp, folder).questions("test")
