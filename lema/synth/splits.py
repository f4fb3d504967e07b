"""Endless streams of questions, one a split, that have neither structures nor numbers in common.

The hash of a problem's structure gives it one split, the hash of its numbers another; it is a
problem only where the two agree. This does not depend on seed or difficulty, so a test set of one
setting is also disjoint from the training streams of every other.
"""

from __future__ import annotations

import zlib
from collections.abc import Iterable

from lema.base.errors import ConfigError
from lema.base.records import Question
from lema.base.spec import digest, key
from lema.synth.cast import draw_cast
from lema.synth.difficulty import Difficulty
from lema.synth.draw import Draw
from lema.synth.graph import draw_graph, signature
from lema.synth.problem import Node, Problem
from lema.synth.quantities import draw_quantities, stated_numbers
from lema.synth.solution import gold
from lema.synth.wording import tell

TASK = "gsm_synth"
# Of 100 buckets, how many belong to each split.
SHARES = {"pretrain": 28, "train": 20, "dev": 12, "test": 16, "test_longer": 12, "test_reworded": 12}
SPLITS = tuple(SHARES)
BUCKETS = tuple(split for split, share in SHARES.items() for _ in range(share))


def split_of(content: object) -> str:
    """The split that a structure, or a tuple of numbers, belongs to."""
    return BUCKETS[zlib.crc32(f"split {content}".encode()) % len(BUCKETS)]


def belongs(problem: Problem, split: str) -> bool:
    """Whether both the structure and the numbers of a problem are of this split."""
    return split_of(problem.structure) == split_of(problem.numbers) == split


def make_question(problem: Problem, text: str, *, task: str = TASK, parent: str | None = None) -> Question:
    """The record of a problem told in `text`; its id is a hash of the content."""
    return Question(
        id=f"synth-{digest(f'{text}|{problem.answer}'.encode())}",
        task=task,
        text=text,
        answer=str(problem.answer),
        solution=gold(problem),
        difficulty=f"ops{len(problem.order)}",
        parent=parent,
        trace=problem.trace(),
    )


def draw_problem(draw: Draw, dials: Difficulty, split: str) -> Problem:
    """A random problem of a split."""
    operations = dials.longer if split == "test_longer" else dials.operations
    low, high = operations
    count = draw.between(low, high)  # outside the loop: rejection must not favour short problems
    distractors = draw.between(*dials.distractors)
    while True:
        graph = draw_graph(draw, count, distractors)
        if split_of(signature(graph)) != split:
            continue
        quantities = draw_quantities(draw, graph, dials, lambda core: split_of(stated_numbers(core)) == split)
        names = draw_cast(draw, graph, one_each=dials.one_each) if quantities else []
        if names:
            return Problem(tuple(Node(name, *rest) for name, rest in zip(names, quantities, strict=True)), graph.asked)


def draw_question(dials: Difficulty, split: str, seed: int, index: int, *, dials_key: str) -> Question:
    """Question `index` of a stream, whatever was drawn before it."""
    draw = Draw(dials_key, split, seed, index)
    problem = draw_problem(draw, dials, split)
    text = tell(problem, draw, shuffle=draw.chance(dials.shuffle), held_out=split == "test_reworded")
    return make_question(problem, text)


def stream(dials: Difficulty, split: str, seed: int, indices: Iterable[int]) -> list[Question]:
    """The questions at these places of a split's stream.

    Raises:
        ConfigError: there is no such split.
    """
    if split not in SHARES:
        raise ConfigError(f"gsm_synth has no split {split!r}; it has {', '.join(SPLITS)}")
    dials_key = key(dials)
    return [draw_question(dials, split, seed, index, dials_key=dials_key) for index in indices]
