"""One edit of a problem's graph: an operation more, a distractor more, an operation replaced.

A graph keeps the layout of `lema.synth.graph`: what the answer needs, in topological order, then the
distractors.
"""

from __future__ import annotations

from collections.abc import Iterable

from lema.synth.draw import Draw
from lema.synth.graph import (
    ANY,
    GIVEN,
    OPERATIONS,
    PACKING,
    UNNAMED,
    Graph,
    Shape,
    draw_distractor,
)

NAMED = {unnamed: named for named, unnamed in UNNAMED.items()}


def add_distractor(graph: Graph, draw: Draw) -> Graph:
    """A quantity more that the answer does not need."""
    return Graph((*graph.nodes, draw_distractor(draw, list(graph.nodes))), graph.asked)


def add_operation(graph: Graph, draw: Draw) -> Graph:
    """An operation more: on what was asked for, or in place of a number that was given."""
    return ask_further(graph, draw) if draw.chance(0.5) else derive_given(graph, draw)


def ask_further(graph: Graph, draw: Draw) -> Graph:
    """What was asked for becomes an operand of what is asked for now."""
    core = list(graph.nodes[: graph.asked + 1])
    core[-1] = core[-1]._replace(op=NAMED.get(core[-1].op, core[-1].op))
    op = draw.pick(ANY)
    operands = [graph.asked]
    if OPERATIONS[op][1] == 2:
        core.append(Shape(GIVEN))
        operands.append(graph.asked + 1)
        if draw.chance(0.5):
            operands.reverse()
    core.append(Shape(maybe_unnamed(op, draw), tuple(operands)))
    added = len(core) - graph.asked - 1
    return Graph((*core, *moved(graph.nodes[graph.asked + 1 :], graph.asked + 1, added)), len(core) - 1)


def derive_given(graph: Graph, draw: Draw) -> Graph:
    """A given number that the answer needs is worked out from a new one."""
    at = draw.pick([i for i, node in enumerate(graph.nodes[: graph.asked]) if node.op == GIVEN])
    op = draw.pick([op for op in ANY if OPERATIONS[op][1] == 1])
    after = moved(graph.nodes[at + 1 :], at, 1)
    return Graph((*graph.nodes[:at], Shape(GIVEN), Shape(op, (at,)), *after), graph.asked + 1)


def replace_operation(graph: Graph, draw: Draw) -> Graph:
    """An operation that the answer needs becomes another one on the same operands."""
    at = draw.pick([i for i, node in enumerate(graph.nodes[: graph.asked + 1]) if node.operands])
    op = draw.pick(replacements(graph, at))
    used = any(graph.asked in node.operands for node in graph.nodes)
    if at == graph.asked and not used:  # what has no name cannot be an operand
        op = maybe_unnamed(op, draw)
    return Graph((*graph.nodes[:at], Shape(op, graph.nodes[at].operands), *graph.nodes[at + 1 :]), graph.asked)


def replacements(graph: Graph, at: int) -> list[str]:
    """Other operations that take the operands of a node."""
    node = graph.nodes[at]
    packed = {other.operands[0] for i, other in enumerate(graph.nodes) if other.op in PACKING and i != at}
    return [
        op
        for op in dict.fromkeys(ANY)
        if OPERATIONS[op][1] == len(node.operands)
        and op != NAMED.get(node.op, node.op)
        # A box holds one sort of thing only.
        and not (op in PACKING and node.operands[0] in packed)
    ]


def maybe_unnamed(op: str, draw: Draw) -> str:
    """The operation, or now and then the form of it that only the question names."""
    return UNNAMED[op] if op in UNNAMED and draw.chance(0.5) else op


def moved(nodes: Iterable[Shape], start: int, by: int) -> list[Shape]:
    """Nodes whose operands at `start` or after it now stand `by` places later."""
    return [Shape(op, tuple(i + by if i >= start else i for i in operands)) for op, operands in nodes]
