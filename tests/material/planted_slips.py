"""Gold paths with one mistake planted, and where and what it is."""

from __future__ import annotations

import random
import re
from collections.abc import Callable, Iterator
from typing import NamedTuple

from lema.base.reasoning_steps import number_steps
from lema.base.records import Question, Solution, Verdict
from lema.synth.cast import Name
from lema.synth.difficulty import LEVELS
from lema.synth.lexicon import ITEMS, PEOPLE
from lema.synth.problem import Problem, read_trace
from lema.synth.solution import gold_steps
from lema.synth.splits import stream

ARITHMETIC = re.compile(r"(\d+) ([-+*/]) (\d+) = (\d+)")
WORK = {"+": int.__add__, "-": int.__sub__, "*": int.__mul__, "/": int.__floordiv__}


class Planted(NamedTuple):
    question: Question
    problem: Problem
    steps: list[str]
    step: int
    fault: str

    @property
    def solution(self) -> Solution:
        return Solution(
            question_id=self.question.id,
            reasoner="planted",
            sample=0,
            text=number_steps(self.steps),
            verdict=Verdict.WRONG,
        )


def rewrite(step: str, left: int, sign: str, right: int, result: int) -> str:
    return ARITHMETIC.sub(f"{left} {sign} {right} = {result}", step)


def parts(step: str) -> tuple[int, str, int, int]:
    left, sign, right, result = ARITHMETIC.search(step).groups()
    return int(left), sign, int(right), int(result)


def arithmetic_slip(problem: Problem, steps: list[str], rng: random.Random) -> int:
    i = rng.randrange(len(steps) - 1)
    left, sign, right, result = parts(steps[i])
    steps[i] = rewrite(steps[i], left, sign, right, abs(result + rng.choice([-2, -1, 1, 2, 10])))
    return i + 1


def wrong_operand(problem: Problem, steps: list[str], rng: random.Random) -> int:
    i = rng.randrange(len(steps) - 1)
    left, sign, right, _ = parts(steps[i])
    # As a model would: mostly the number of another quantity, a distractor's among them.
    pool = [node.value for node in problem.nodes] if rng.random() < 0.7 else range(2, 61)
    other = rng.choice([v for v in pool if v not in (left, right)] or [61])
    left, right = (other, right) if rng.random() < 0.5 else (left, other)
    steps[i] = rewrite(steps[i], left, sign, right, abs(WORK[sign](left, right)))
    return i + 1


def wrong_operation(problem: Problem, steps: list[str], rng: random.Random) -> int:
    i = rng.randrange(len(steps) - 1)
    left, sign, right, _ = parts(steps[i])
    other = rng.choice([s for s in WORK if s != sign and (sign, s, left, right) != ("*", "+", 2, 2)])
    steps[i] = rewrite(steps[i], left, other, right, abs(WORK[other](left, right)))
    return i + 1


def undefined_quantity(problem: Problem, steps: list[str], rng: random.Random) -> int:
    i = rng.randrange(len(steps) - 1)
    named = {node.name for node in problem.nodes}
    name = rng.choice([n for n in (Name(p, t) for p in PEOPLE for t in ITEMS) if n not in named])
    steps[i] = re.sub(r"^.*?'s \w+ are|^The \w+ is", f"{name} are", steps[i])
    return i + 1


def out_of_order(problem: Problem, steps: list[str], rng: random.Random) -> int:
    """A step moved before one that it needs, with a guess for what is not known yet."""
    order = problem.order
    uses = [(j, i) for j, node in enumerate(order) for i in range(j) if order[i] in problem.nodes[node].operands]
    later, earlier = rng.choice(uses)
    left, sign, right, _ = parts(steps[later])
    known = problem.nodes[order[earlier]].value
    guess = rng.choice([v for v in range(2, 61) if v not in (left, right)])
    left, right = (guess, right) if left == known else (left, guess)
    moved = rewrite(steps[later], left, sign, right, abs(WORK[sign](left, right)))
    del steps[later]
    steps.insert(earlier, moved)
    return earlier + 1


def missing_step(problem: Problem, steps: list[str], rng: random.Random) -> int:
    order = problem.order
    gone = rng.randrange(len(order))
    user = next((j for j in range(gone + 1, len(order)) if order[gone] in problem.nodes[order[j]].operands), len(order))
    del steps[gone]
    return user


def wrong_final(problem: Problem, steps: list[str], rng: random.Random) -> int:
    values = [v for v in (*(node.value for node in problem.nodes), problem.answer + 1) if v != problem.answer]
    steps[-1] = f"The answer is {rng.choice(values)}."
    return len(steps)


def malformed(problem: Problem, steps: list[str], rng: random.Random) -> int:
    i = rng.randrange(len(steps) - 1)
    left, sign, right, result = parts(steps[i])
    words = steps[i].split()
    steps[i] = rng.choice(
        [
            f"{' '.join(words[:2])} {left} {sign} = {result}.",
            f"{result} = are {sign} {right}.",
            f"{' '.join(words[:3])} {left} {sign} {right} {sign} {result} = {result}.",
            f"{words[0]} {left} {sign}",
        ]
    )
    return i + 1


def no_answer(problem: Problem, steps: list[str], rng: random.Random) -> int:
    del steps[-1]
    return len(steps)


Plant = Callable[[Problem, list[str], random.Random], int]
PLANTS: dict[str, tuple[Plant, ...]] = {
    "arithmetic_slip": (arithmetic_slip,),
    "wrong_operand": (wrong_operand,),
    "wrong_operation": (wrong_operation,),
    "undefined_quantity": (undefined_quantity, out_of_order),
    "missing_step": (missing_step,),
    "wrong_final": (wrong_final,),
    "malformed": (malformed, no_answer),
}


def plant(fault: str, count: int, level: str = "default") -> Iterator[Planted]:
    """Paths with a mistake of this class, a new problem for each."""
    rng = random.Random(fault)
    for question in stream(LEVELS[level], "train", 7, range(count)):
        problem = read_trace(question.trace)
        steps = gold_steps(problem)
        step = rng.choice(PLANTS[fault])(problem, steps, rng)
        yield Planted(question, problem, steps, step, fault)
