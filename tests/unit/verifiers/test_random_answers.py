"""Random pairs of answers: none of unequal value is right, none of equal value in another spelling is wrong."""

from __future__ import annotations

import importlib.util
import random
import sys
from types import ModuleType

from conftest import ROOT

from lema.base.records import Question, Verdict


def script() -> ModuleType:
    spec = importlib.util.spec_from_file_location("random_answers", ROOT / "benchmarks" / "random_answers.py")
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module
    spec.loader.exec_module(module)
    return module


ANSWERS = script()


def test_of_2000_unequal_pairs_none_is_right_and_of_2000_equal_ones_none_is_wrong() -> None:
    found, counted = ANSWERS.faults(2000, seed=1)
    assert not found, "\n".join(found[:20])
    assert counted["latex, unequal: wrong"] > 1900 and counted["latex, equal: right"] > 1900
    assert counted["numbers, unequal: wrong"] > 300 and counted["numbers, equal: right"] > 200


def test_pairs_are_of_all_kinds_and_as_they_say() -> None:
    made = list(ANSWERS.pairs(500, seed=2))
    assert len({pair.kind for pair in made}) == 10 and sum(pair.equal for pair in made) == 500
    assert all(pair.gold != pair.said for pair in made if not pair.equal)


#: Words and signs with which a number is another one, a bound, or one of several.
CHANGED = [
    *("half of {}", "twice {}", "the square of {}", "the cube root of {}", "the reciprocal of {}", "ten times {}"),
    *("negative {}", "minus {}", "not {}", "anything but {}", "at least {}", "more than {}", "up to {}", "log of {}"),
    *("{} squared", "{} factorial", "{} thirds", "{} tenths", "{} tens", "{} hundred", "{} million", "{} and a half"),
    *(
        "{} or more",
        "{} at most",
        "{} below zero",
        "{} times itself",
        "{} choose 2",
        "{} modulo 3",
        "{} to the third power",
    ),
    *(
        "{}, which is wrong",
        "{} (incorrect)",
        "{} is wrong",
        "{} if it rains",
        "{} more than x",
        "{}\\pi",
        "{}^2",
        "{}x",
    ),
]
PLACES = ("The answer is {}.", "**Answer:** {}", "\\boxed{{\\text{{{}}}}}")


def test_a_number_is_not_right_among_words_or_signs_that_change_it() -> None:
    draw = random.Random(3)
    for number in range(2000):
        change = CHANGED[number % len(CHANGED)]
        gold = str(draw.randint(2, 9999)) if draw.random() < 0.7 else f"{draw.randint(2, 99)}.{draw.randint(1, 9)}"
        said = change.format(draw.choice(["{}", "${}$"]).format(gold))
        text = draw.choice(PLACES[:2] if "\\" in said or "$" in said else PLACES).format(said)
        asked = Question(id="q", task="random", text="?", answer=gold)
        for verifier in (ANSWERS.NUMBERS, ANSWERS.LATEX):
            assert verifier.judge(text, asked).verdict is not Verdict.RIGHT, (verifier, gold, text)
