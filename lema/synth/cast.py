"""Who owns what: a name for each node of a graph."""

from __future__ import annotations

from typing import NamedTuple

from lema.synth.draw import Draw
from lema.synth.graph import PACKING, UNNAMED, Graph
from lema.synth.lexicon import CONTAINERS, ITEMS, PEOPLE

RESULTS = {"total": "total", "gap": "difference"}  # op: what a quantity without an owner is called


class Name(NamedTuple):
    """`Mia's marbles`; without an owner, `the total` or `the difference` that the question asks for."""

    owner: str
    thing: str

    def __str__(self) -> str:
        return f"{self.owner}'s {self.thing}" if self.owner else f"the {self.thing}"


def draw_cast(draw: Draw, graph: Graph, *, one_each: bool) -> list[Name]:
    """Different names for all nodes, or an empty list when there are too few kinds of containers.

    Args:
        one_each: whether every quantity but containers has an owner of its own.
    """
    size = len(graph.nodes) + 1
    if one_each:
        things = draw.sample(ITEMS, draw.between(1, 3))
        free = [Name(owner, draw.pick(things)) for owner in draw.sample(PEOPLE, min(size, len(PEOPLE)))]
    else:
        people = draw.sample(PEOPLE, draw.between(3, 5) if size > 6 else draw.between(2, 4))
        things = draw.sample(ITEMS, max(-(-size // len(people)), draw.between(1, 3)))
        free = draw.shuffled([Name(owner, thing) for owner in people for thing in things])
    names: list[Name | None] = [None] * len(graph.nodes)
    # From the last node down, because a container takes the owner of what it holds.
    for node in range(len(graph.nodes) - 1, -1, -1):
        op, operands = graph.nodes[node]
        name = names[node]
        if op in UNNAMED.values():
            name = names[node] = Name("", RESULTS[op])
        elif name is None:
            name = names[node] = free.pop()
        if op in PACKING:
            kinds = [Name(name.owner, kind) for kind in CONTAINERS]
            kinds = [kind for kind in kinds if kind not in names]
            if not kinds:
                return []
            names[operands[0]] = draw.pick(kinds)
    return [name for name in names if name is not None]
