"""Drafts of corrections: sound ones, and what a corrector of limited strength gets wrong."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import NamedTuple

from lema.synth.draw import Draw
from lema.synth.explaining import explain, phrase, truth_slots
from lema.synth.problem import Problem
from lema.synth.reading import Fault, Mistake, read_path
from lema.synth.solution import final_step, remaining_steps, step_text

SIGNS = ("+", "-", "*", "/")
CLAIMED: tuple[Fault, ...] = ("arithmetic_slip", "wrong_operation", "undefined_quantity")


class Draft(NamedTuple):
    """What a corrector says of a wrong path."""

    step: int
    explanation: str
    solution: list[str]  # texts of the steps from `step` on
    error: Fault


def sound_draft(problem: Problem, mistake: Mistake, derived: Collection[int], draw: Draw) -> Draft:
    """The first wrong step, the reason, and the path from there on, repeating nothing that was right."""
    words = explain(problem, mistake, draw)
    return Draft(mistake.step, words, remaining_steps(problem, derived), mistake.fault)


def unsound_draft(steps: Sequence[str], problem: Problem, mistake: Mistake, draw: Draw) -> Draft:
    """A correction with one flaw: its explanation, the step that it names, or a step of its solution."""
    derived = known_before(steps, problem, mistake.step)
    draft = sound_draft(problem, mistake, derived, draw)
    others = [number for number in range(1, len(steps) + 1) if number != mistake.step]
    flaw = draw.pick(("explanation", "solution", "step") if others else ("explanation", "solution"))
    if flaw == "explanation":
        error, words = false_explanation(problem, mistake, draw)
        return draft._replace(error=error, explanation=words)
    if flaw == "solution":
        return draft._replace(solution=false_solution(problem, derived, draw))
    step = draw.pick(others)
    known = known_before(steps, problem, min(step, mistake.step))
    return draft._replace(step=step, solution=remaining_steps(problem, known))


def known_before(steps: Sequence[str], problem: Problem, step: int) -> frozenset[int]:
    """Quantities that the steps before this one derive."""
    return read_path([*steps[: step - 1], ""], problem).derived


def false_explanation(problem: Problem, mistake: Mistake, draw: Draw) -> tuple[Fault, str]:
    """Another class than the true one, and words for it that are not true of the step."""
    fault = draw.pick([claimed for claimed in CLAIMED if claimed != mistake.fault])
    node = mistake.node if mistake.node is not None and problem.nodes[mistake.node].operands else problem.order[0]
    slots = truth_slots(problem, node)
    del slots["meaning"]
    sign = draw.pick([other for other in SIGNS if other != slots["s"]])
    slots |= {"u": slots["s"], "s": sign, "w": slots["v"], "v": str(off(problem.nodes[node].value, draw))}
    if problem.nodes[node].name.owner:
        slots["P"] = slots["Q"]
    return fault, phrase(fault, slots, draw)


def false_solution(problem: Problem, derived: Collection[int], draw: Draw) -> list[str]:
    """The rest of the path with one slip in it, carried on to the answer."""
    left = [node for node in problem.order if node not in derived]
    if not left:
        return [final_step(off(problem.answer, draw))]
    values = [node.value for node in problem.nodes]
    slip = draw.pick(left)
    steps = []
    for node in left:
        truth = problem.nodes[node]
        first = values[truth.operands[0]]
        second = values[truth.operands[1]] if truth.constant is None else truth.constant
        values[node] = computed(truth.symbol, first, second)
        if node == slip:
            values[node] = off(values[node], draw)
        steps.append(step_text(problem, node, first, second, values[node]))
    return [*steps, final_step(values[problem.asked])]


def computed(sign: str, left: int, right: int) -> int:
    """The result that a slip is carried on with; kept whole and not negative."""
    if sign == "/":
        return left // max(right, 1)
    return {"+": left + right, "-": abs(left - right), "*": left * right}[sign]


def off(value: int, draw: Draw) -> int:
    """A number near a value, and not that value."""
    return value + draw.pick([by for by in (-3, -2, -1, 1, 2, 3) if value + by >= 0])
