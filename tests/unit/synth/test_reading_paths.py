from __future__ import annotations

import re
from collections import Counter

import pytest
from material.planted_slips import PLANTS, plant

from lema.base.reasoning_steps import number_steps, split_steps
from lema.synth.difficulty import LEVELS
from lema.synth.problem import Problem, read_trace
from lema.synth.reading import FAULTS, read_path
from lema.synth.solution import gold_steps
from lema.synth.splits import stream


def read(text: str, problem: Problem) -> tuple[int, str] | None:
    mistake = read_path(split_steps(text), problem).mistake
    return (mistake.step, mistake.fault) if mistake else None


@pytest.mark.parametrize("level", LEVELS)
def test_gold_paths_have_no_mistake(level: str) -> None:
    for split in ("train", "test_longer"):
        for question in stream(LEVELS[level], split, 0, range(500)):
            assert read(question.solution, read_trace(question.trace)) is None, question


@pytest.mark.parametrize("level", LEVELS)
@pytest.mark.parametrize("fault", PLANTS)
def test_a_planted_mistake_is_found_at_its_step_and_named(fault: str, level: str) -> None:
    for case in plant(fault, 300, level):
        text = number_steps(case.steps)
        assert read(text, case.problem) == (case.step, fault), f"{case.question.text}\n{text}"


def test_every_class_of_mistake_is_planted() -> None:
    assert set(PLANTS) == set(FAULTS)


def toy() -> Problem:
    """Tom 4 coins (given), Mia 3 more, Ann twice Mia, total of Ann and Tom; Ben's pens 5 aside, Sam's half of Tom's."""
    rows = [
        ("Tom", "coins", "given", [], None, 4),
        ("Mia", "coins", "more", [0], 3, 7),
        ("Ann", "coins", "times", [1], 2, 14),
        ("", "total", "total", [2, 0], None, 18),
        ("Ben", "pens", "given", [], None, 5),
        ("Sam", "pens", "share", [0], 2, 2),
    ]
    keys = ("owner", "thing", "op", "operands", "constant", "value")
    return read_trace({"nodes": [dict(zip(keys, row, strict=True)) for row in rows], "asked": 3})


GOLD = [
    "Mia's coins are 4 + 3 = 7.",
    "Ann's coins are 7 * 2 = 14.",
    "The total is 14 + 4 = 18.",
    "The answer is 18.",
]


def test_the_toy_problem_has_the_gold_path_that_the_tests_below_alter() -> None:
    assert gold_steps(toy()) == GOLD


@pytest.mark.parametrize(
    ("place", "said"),
    [
        (0, "Mia has 4 + 3 = 7 coins."),
        (0, "Since Tom's coins are 4, Mia's coins are 4 + 3 = 7."),
        (0, "The number of Mia's coins is 3 + 4 = 7."),
        (0, "Mia’s coins: 4+3=7"),
        (0, "4 + 3 = 7 coins for Mia."),
        (0, "4 + 3 = 7."),
        (0, "Mia's coins are 7."),
        (0, "Tom's coins are 4, so Mia has 7 coins."),
        (0, "Tom has 4 coins. Mia has 3 more coins than Tom, so Mia's coins are 4 + 3 = 7."),
        (1, "Ann's coins = 7 × 2 = 14"),
        (1, "Ann's coins are 7 + 7 = 14."),
        (2, "the total is 4 + 14 = 18"),
        (3, "So the answer is: 18"),
        (3, "Answer: 18."),
    ],
)
def test_other_words_for_the_same_thing_are_read(place: int, said: str) -> None:
    steps = [*GOLD]
    steps[place] = said
    assert read(number_steps(steps), toy()) is None


@pytest.mark.parametrize(
    "unneeded",
    [
        "Tom's coins are 4.",
        "Sam's pens are 4 / 2 = 2.",
        "We need Mia's coins first.",
        "Mia has 3 more coins than Tom.",
        "Mia's coins are 3 more than Tom's coins.",
    ],
)
def test_a_step_that_is_not_needed_is_no_mistake_if_it_is_right(unneeded: str) -> None:
    assert read(number_steps([unneeded, *GOLD]), toy()) is None


@pytest.mark.parametrize(
    ("steps", "expected"),
    [
        (["Sam's pens are 4 / 2 = 3.", *GOLD], (1, "arithmetic_slip")),
        (["Tom's coins are 5.", *GOLD], (1, "wrong_operand")),
        (["Tom's coins are 1 + 3 = 4.", *GOLD], (1, "wrong_operation")),
        (["Mia's pens are 4 + 3 = 7.", *GOLD], (1, "undefined_quantity")),
        (["Mia's coins are 4 + 3 = 8."], (1, "arithmetic_slip")),
        (["Mia's coins are 5 + 3 = 8."], (1, "wrong_operand")),
        (["Mia's coins are 4 - 3 = 1."], (1, "wrong_operation")),
        (["Sam's pens are 2 / 4 = 2."], (1, "wrong_operand")),
        (["Ann's coins are 4 * 2 = 8.", *GOLD], (1, "undefined_quantity")),
        (["Ann's coins are 7 * 2 = 14.", *GOLD[2:]], (1, "missing_step")),
        ([*GOLD[:2], "The answer is 14."], (3, "missing_step")),
        ([*GOLD[:2], "The answer is 18."], (3, "missing_step")),
        ([*GOLD[:3], "The answer is 14."], (4, "wrong_final")),
        ([GOLD[0], "are coins Ann's 7 * = 14.", *GOLD[2:]], (2, "malformed")),
        ([GOLD[0], "Ann's coins are 4 + 3 + 7 = 14.", *GOLD[2:]], (2, "malformed")),
        (GOLD[:2], (2, "malformed")),
        ([], (1, "malformed")),
    ],
)
def test_meaning_is_judged_strictly(steps: list[str], expected: tuple[int, str]) -> None:
    assert read(number_steps(steps), toy()) == expected


def test_what_was_right_before_the_mistake_is_known_and_nothing_else() -> None:
    reading = read_path([GOLD[0], "Ann's coins are 7 * 2 = 15.", *GOLD[2:]], toy())
    assert reading.derived == {1}
    assert read_path(GOLD[:2], toy()).derived == {1}


def test_planted_steps_hold_only_one_mistake_where_it_is_a_slip() -> None:
    # Guards the planter: a plant that changes nothing would make the tests above empty.
    changed = Counter(
        sum(a != b for a, b in zip(case.steps, gold_steps(case.problem), strict=True))
        for case in plant("arithmetic_slip", 50)
    )
    assert changed == {1: 50}
    assert all(re.search(r"\d", step) for case in plant("wrong_operand", 5) for step in case.steps)
