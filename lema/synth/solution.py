"""Gold reasoning paths: one numbered step for each quantity that must be computed, then the answer."""

from __future__ import annotations

from collections.abc import Collection

from lema.base.reasoning_steps import MARKER, number_steps
from lema.synth.problem import Problem


def step(problem: Problem, node: int) -> str:
    """`Mia's marbles are 7 + 5 = 12.`"""
    left, _, right = problem.arithmetic(node)
    return step_text(problem, node, left, right, problem.nodes[node].value)


def step_text(problem: Problem, node: int, left: int, right: int, value: int) -> str:
    """A step with any numbers, right or not."""
    return f"{subject(problem, node)} {left} {problem.nodes[node].symbol} {right} = {value}."


def subject(problem: Problem, node: int) -> str:
    name = problem.nodes[node].name
    return f"{name} are" if name.owner else f"The {name.thing} is"


def final_step(answer: int) -> str:
    return f"{MARKER} {answer}."


def remaining_steps(problem: Problem, derived: Collection[int]) -> list[str]:
    """What is left of the gold path when these quantities are known already."""
    return [step(problem, node) for node in problem.order if node not in derived] + [final_step(problem.answer)]


def gold_steps(problem: Problem) -> list[str]:
    """Texts of the steps, in the problem's order, the answer last."""
    return remaining_steps(problem, ())


def gold(problem: Problem) -> str:
    return number_steps(gold_steps(problem))
