"""Numbers for a graph: whole, positive, within the bound, and the same multiset for one bucket."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import NamedTuple

from lema.synth.difficulty import Difficulty
from lema.synth.draw import Draw
from lema.synth.graph import GIVEN, PACKING, Graph

LEAST = 2  # no "1 marbles", and no nothing
FACTORS = (2, 3, 4, 5)
RATE = 9  # the largest stated content of a container, and the largest given number of containers
CHANGE = 12  # the largest stated "more" or "fewer"
PATIENCE = 600  # nodes to draw before a graph is given up


class Quantity(NamedTuple):
    """One node with its numbers. `operands` are ordered as in the arithmetic."""

    op: str
    operands: tuple[int, ...]
    constant: int | None
    value: int


def draw_quantities(
    draw: Draw, graph: Graph, dials: Difficulty, wanted: Callable[[list[Quantity]], bool]
) -> list[Quantity]:
    """Numbers for every node, or an empty list when that took too long.

    Args:
        wanted: says of the nodes up to the asked one whether their numbers will do.
    """
    containers = {node.operands[0] for node in graph.nodes if node.op in PACKING}
    core = graph.asked + 1
    done: list[Quantity] = []
    for _ in range(PATIENCE):
        position = len(done)
        if position == core and not wanted(done):
            del done[draw.between(0, graph.asked) :]
            continue
        if position == len(graph.nodes):
            return done
        op, operands = graph.nodes[position]
        if op == GIVEN:
            most = min(RATE, dials.given) if position in containers else dials.given
            done.append(Quantity(op, (), None, draw.between(LEAST, most)))
        elif made := derive(draw, op, operands, done, dials.bound):
            done.append(made)
        else:
            # Back to a random earlier node, which is cheaper than to begin again.
            del done[draw.between(0, position - 1) :]
    return []


def derive(draw: Draw, op: str, operands: tuple[int, ...], done: list[Quantity], bound: int) -> Quantity | None:
    """One derived node, its stated number drawn from those that keep it whole and within bounds."""
    first = done[operands[0]].value
    if len(operands) == 2:
        return combine(op, operands, first, done[operands[1]].value, bound)
    constant: int | None = None
    value = 0
    if op == "more" and first + LEAST <= bound:
        constant = draw.between(LEAST, min(CHANGE, bound - first))
        value = first + constant
    elif op == "fewer" and first >= 2 * LEAST:
        constant = draw.between(LEAST, min(CHANGE, first - LEAST))
        value = first - constant
    elif op == "pack" and first * LEAST <= bound:
        constant = draw.between(LEAST, min(RATE, bound // first))
        value = first * constant
    elif op == "times" and first * LEAST <= bound:
        constant = draw.pick([k for k in FACTORS if first * k <= bound])
        value = first * constant
    elif op == "share":
        factors = [k for k in FACTORS if first % k == 0 and first // k >= LEAST]
        if factors:
            constant = draw.pick(factors)
            value = first // constant
    return None if constant is None else Quantity(op, operands, constant, value)


def combine(op: str, operands: tuple[int, ...], first: int, second: int, bound: int) -> Quantity | None:
    """One node of two others; a difference takes the smaller from the larger."""
    if op in ("difference", "gap"):
        if first < second:
            operands = operands[::-1]
        value = abs(first - second)
    else:
        value = first * second if op == "fill" else first + second
    return Quantity(op, operands, None, value) if LEAST <= value <= bound else None


def stated_numbers(core: Iterable[Quantity]) -> tuple[int, ...]:
    """The numbers in the text that the answer depends on, sorted."""
    stated = (node.value if node.op == GIVEN else node.constant for node in core)
    return tuple(sorted(number for number in stated if number is not None))
