"""A labelled corpus of outputs, written by hand: how often a verdict is wrong, and in which direction."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import pytest

from lema.base.protocols import Verifier
from lema.base.records import Question, Verdict
from lema.verifiers.choices import Choices
from lema.verifiers.integers import Integers
from lema.verifiers.latex.verdict import Latex
from lema.verifiers.numbers import Numbers

CORPUS = Path(__file__).parents[2] / "corpus"
MARKS = {"+": Verdict.RIGHT, "-": Verdict.WRONG, "?": Verdict.UNDECIDED, "0": Verdict.NO_ANSWER}
VERIFIERS: dict[str, Verifier] = {
    "gsm8k": Numbers(),
    "svamp": Numbers(),
    "asdiv": Numbers(),
    "gsm_synth": Integers(),
    "math": Latex(time_limit=2.0),
    "csqa": Choices(),
}


class Case(NamedTuple):
    where: str
    text: str
    question: Question
    label: Verdict


def cases(task: str) -> Iterator[Case]:
    choices: tuple[str, ...] = ()
    reference = ""
    for number, line in enumerate((CORPUS / f"{task}.txt").read_text(encoding="utf-8").splitlines(), 1):
        mark, said = line[:1], line[2:]
        if line.startswith("choices: "):
            choices = tuple(line.removeprefix("choices: ").split(" | "))
        elif mark == "=":
            reference = said
        elif mark in MARKS:
            question = Question(id=f"{task}-{number}", task=task, text="?", answer=reference, choices=choices)
            yield Case(f"{task}.txt:{number}", said.replace("⏎", "\n"), question, MARKS[mark])
        else:
            assert not line or mark == "#", f"{task}.txt:{number}: {line!r}"


ALL = {task: list(cases(task)) for task in VERIFIERS}


@pytest.fixture(scope="module")
def judged() -> list[tuple[Case, Verdict]]:
    return [(case, VERIFIERS[task].judge(case.text, case.question).verdict) for task in ALL for case in ALL[task]]


def misses(judged: list[tuple[Case, Verdict]]) -> str:
    return "\n".join(
        f"{case.where}: {case.text!r} for {case.question.answer!r}: {found}, not {case.label}"
        for case, found in judged
        if found is not case.label
    )


def test_the_corpus_is_large_and_no_case_stands_twice() -> None:
    counts = {task: len(held) for task, held in ALL.items()}
    assert sum(counts.values()) >= 1000, counts
    assert min(counts.values()) >= 60, counts
    rows = Counter((task, case.text, case.question.answer, case.question.choices) for task in ALL for case in ALL[task])
    assert [row for row, times in rows.items() if times > 1] == []


def test_nothing_is_falsely_right(judged: list[tuple[Case, Verdict]]) -> None:
    others = [(case, found) for case, found in judged if case.label is not Verdict.RIGHT]
    wrong = [(case, found) for case, found in others if found is Verdict.RIGHT]
    assert not wrong, misses(wrong)


def test_false_negatives_are_at_most_two_in_a_hundred(judged: list[tuple[Case, Verdict]]) -> None:
    right = [(case, found) for case, found in judged if case.label is Verdict.RIGHT]
    missed = [(case, found) for case, found in right if found is not Verdict.RIGHT]
    assert len(missed) <= 0.02 * len(right), misses(missed)


def test_verdicts_other_than_right_are_those_of_the_labels_in_19_of_20_cases(
    judged: list[tuple[Case, Verdict]],
) -> None:
    others = [(case, found) for case, found in judged if case.label is not Verdict.RIGHT]
    other = [(case, found) for case, found in others if found is not case.label]
    assert len(other) <= 0.05 * len(others), misses(other)
