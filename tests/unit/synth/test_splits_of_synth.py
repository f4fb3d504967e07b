from __future__ import annotations

import os
import subprocess
import sys
from itertools import combinations

import pytest
from reading.pace import at_most

from lema.base.errors import ConfigError
from lema.base.spec import key
from lema.synth.difficulty import LEVELS, Difficulty
from lema.synth.draw import Draw
from lema.synth.graph import Graph, Shape, signature
from lema.synth.problem import read_trace
from lema.synth.splits import SPLITS, belongs, draw_problem, stream

FIRST = """
from lema.base.records import dump
from lema.base.spec import digest
from lema.synth.difficulty import LEVELS
from lema.synth.splits import SPLITS, stream
print(digest(b"".join(dump(stream(LEVELS["default"], split, 0, range(50))) for split in SPLITS)))
"""
# If this changes, the same seed no longer gives the same questions: raise `GsmSynth.version`, and say so
# in the changelog. Models that were trained on the old questions have then not been trained on these.
GOLDEN = "6dd331d67a479ed4"


@pytest.mark.slow
def test_splits_share_no_structure_and_no_numbers_even_across_levels() -> None:
    structures: dict[str, set[str]] = {split: set() for split in SPLITS}
    numbers: dict[str, set[tuple[int, ...]]] = {split: set() for split in SPLITS}
    for level, count in (("default", 1500), ("easy", 300), ("hard", 150)):
        for split in SPLITS:
            for index in range(count):
                # The problems of the stream, without the work of telling them.
                problem = draw_problem(Draw(key(LEVELS[level]), split, 0, index), LEVELS[level], split)
                structures[split].add(problem.structure)
                numbers[split].add(problem.numbers)
    for one, other in combinations(SPLITS, 2):
        assert not structures[one] & structures[other]
        assert not numbers[one] & numbers[other]


def test_no_two_splits_have_a_question_in_common() -> None:
    ids = [question.id for split in SPLITS for question in stream(LEVELS["default"], split, 0, range(500))]
    assert len(set(ids)) == len(ids)


@pytest.mark.parametrize("split", SPLITS)
def test_ids_in_a_split_are_unique(split: str) -> None:
    questions = stream(LEVELS["default"], split, 0, range(1000))
    assert len({question.id for question in questions}) == 1000


@pytest.mark.parametrize("hash_seed", ["0", "1"])
def test_questions_are_the_same_in_every_process_and_release(hash_seed: str) -> None:
    environment = {**os.environ, "PYTHONHASHSEED": hash_seed}
    printed = subprocess.run([sys.executable, "-c", FIRST], env=environment, capture_output=True, text=True, check=True)
    assert printed.stdout.strip() == GOLDEN


def test_a_question_does_not_depend_on_what_was_drawn_before_it() -> None:
    all_of_them = stream(LEVELS["default"], "train", 3, range(40))
    assert stream(LEVELS["default"], "train", 3, range(30, 40)) == all_of_them[30:]


def test_another_seed_gives_other_questions_of_the_same_split() -> None:
    one = stream(LEVELS["default"], "train", 0, range(200))
    other = stream(LEVELS["default"], "train", 1, range(200))
    assert not {q.id for q in one} & {q.id for q in other}
    assert all(belongs(read_trace(q.trace), "train") for q in other)


@pytest.mark.parametrize("level", LEVELS)
def test_operations_distractors_and_numbers_are_what_the_dials_say(level: str) -> None:
    dials = LEVELS[level]
    for split in SPLITS:
        low, high = dials.longer if split == "test_longer" else dials.operations
        for question in stream(dials, split, 0, range(200)):
            problem = read_trace(question.trace)
            assert low <= len(problem.order) <= high
            assert question.difficulty == f"ops{len(problem.order)}"
            aside = len(problem.nodes) - len(problem.needed)
            assert dials.distractors[0] <= aside <= dials.distractors[1]
            assert all(2 <= node.value <= dials.bound for node in problem.nodes)
            assert len({node.name for node in problem.nodes}) == len(problem.nodes)


def test_the_largest_and_the_smallest_dials_give_problems() -> None:
    wide = Difficulty(operations=(8, 8), longer=(9, 9), distractors=(4, 4), bound=100, given=100)
    small = Difficulty(operations=(1, 1), longer=(2, 2), distractors=(0, 0), bound=20, given=5)
    assert len(draw_problem(Draw("wide"), wide, "train").order) == 8
    assert len(draw_problem(Draw("small"), small, "train").order) == 1


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ({"operations": (4, 2)}, "difficulty.operations"),
        ({"operations": (2, 5)}, "difficulty.longer"),
        ({"distractors": (0, 9)}, "difficulty.distractors"),
        ({"given": 80}, "difficulty.given"),
    ],
)
def test_impossible_dials_are_refused_by_name(change: dict[str, object], says: str) -> None:
    dials = {"operations": (2, 4), "longer": (5, 8), "distractors": (0, 2), **change}
    with pytest.raises(ConfigError, match=says):
        Difficulty(**dials).check()


def test_an_unknown_split_is_refused_with_the_names_of_those_there_are() -> None:
    with pytest.raises(ConfigError, match="test_reworded"):
        stream(LEVELS["default"], "validation", 0, range(1))


def test_structure_does_not_depend_on_the_order_of_nodes_or_of_what_is_added() -> None:
    one = Graph((Shape("given"), Shape("given"), Shape("more", (0,)), Shape("sum", (2, 1))), 3)
    other = Graph((Shape("given"), Shape("more", (0,)), Shape("given"), Shape("sum", (2, 1))), 3)
    assert signature(one) == signature(other)


@pytest.mark.parametrize(
    "other",
    [
        Graph((Shape("given"), Shape("more", (0,)), Shape("sum", (0, 1))), 2),  # the given one is shared
        Graph((Shape("given"), Shape("given"), Shape("fewer", (0,)), Shape("sum", (2, 1))), 3),
        Graph((Shape("given"), Shape("given"), Shape("more", (0,)), Shape("sum", (2, 1)), Shape("given")), 3),
    ],
)
def test_different_graphs_have_different_structures(other: Graph) -> None:
    graph = Graph((Shape("given"), Shape("given"), Shape("more", (0,)), Shape("sum", (2, 1))), 3)
    assert signature(graph) != signature(other)


@pytest.mark.slow
def test_two_thousand_training_questions_take_a_second_of_processor_time() -> None:
    with at_most(40):  # twice the promise
        stream(LEVELS["default"], "pretrain", 0, range(2000))
