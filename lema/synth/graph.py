"""The bare structure of a problem: which quantity is defined from which, and by what operation.

Quantities are nodes of a directed acyclic graph, listed so that operands stand before what is
defined from them. Names and numbers come later.
"""

from __future__ import annotations

from typing import NamedTuple

from lema.synth.draw import Draw

GIVEN = "given"
# op: (symbol of its arithmetic, operands that are quantities). With one operand, a number that the
# text states is the second. `pack` is a count of containers times what each holds; `total` and `gap`
# are the sum and the difference that only the question itself names.
OPERATIONS = {
    "sum": ("+", 2),
    "difference": ("-", 2),
    "more": ("+", 1),
    "fewer": ("-", 1),
    "times": ("*", 1),
    "share": ("/", 1),
    "pack": ("*", 1),
    "fill": ("*", 2),  # a pack in which what each container holds is a quantity, too
    "total": ("+", 2),
    "gap": ("-", 2),
}
PACKING = ("pack", "fill")
UNNAMED = {"sum": "total", "difference": "gap"}
COMMUTATIVE = "+*"
BINARY = ("sum", "sum", "difference", "fill")
# Repeated by weight.
ANY: tuple[str, ...] = ("sum",) * 2 + ("difference",) * 2 + ("more",) * 4 + ("fewer",) * 4 + ("times",) * 4
ANY += ("share",) * 3 + ("pack",) * 3 + ("fill",)
ASIDE = ("more", "fewer", "times", "share", "sum", "difference")  # of distractors


class Shape(NamedTuple):
    """One node: its operation, and the positions of its operands."""

    op: str
    operands: tuple[int, ...] = ()


class Graph(NamedTuple):
    """Nodes in topological order, and the position of the one that is asked for."""

    nodes: tuple[Shape, ...]
    asked: int


class Growing:
    """A graph under construction."""

    def __init__(self, draw: Draw) -> None:
        self.draw = draw
        self.nodes: list[Shape] = []
        self.loose: list[int] = []  # derived nodes that nothing uses yet
        self.containers: set[int] = set()

    def add(self, op: str, must: int) -> None:
        """Add an operation that uses at least `must` loose nodes."""
        operands: list[int] = []
        for slot in range(OPERATIONS[op][1]):
            operands.append(self.operand(operands, containers=op in PACKING and slot == 0, force=slot < must))
        if op in PACKING:
            self.containers.add(operands[0])
        self.loose = [node for node in self.loose if node not in operands]
        self.nodes.append(Shape(op, tuple(operands)))
        self.loose.append(len(self.nodes) - 1)

    def operand(self, taken: list[int], *, containers: bool, force: bool) -> int:
        """A loose node, now and then one that is used already, or a new given one."""
        draw = self.draw
        if self.loose and (force or draw.chance(0.75)):
            free = [node for node in self.loose if node not in taken]
            if free:
                return draw.pick(free)
        if draw.chance(0.2):
            # A box holds one sort of thing only: what is packed once is not packed again.
            free = [
                node
                for node in range(len(self.nodes))
                if node not in taken and not (containers and node in self.containers)
            ]
            if free:
                return draw.pick(free)
        self.nodes.append(Shape(GIVEN))
        return len(self.nodes) - 1


def draw_graph(draw: Draw, operations: int, distractors: int) -> Graph:
    """A random graph in which the asked node needs exactly `operations` operations."""
    growing = Growing(draw)
    for done in range(operations):
        # Each later operation can lower the number of loose nodes by one, and one must be left.
        must = len(growing.loose) - (operations - 1 - done)
        growing.add(draw.pick(BINARY if must > 1 else ANY), must)
    nodes = growing.nodes
    asked = len(nodes) - 1
    last = nodes[asked]
    if last.op in UNNAMED and draw.chance(0.5):
        nodes[asked] = Shape(UNNAMED[last.op], last.operands)
    for _ in range(distractors):
        nodes.append(draw_distractor(draw, nodes))
    return Graph(tuple(nodes), asked)


def draw_distractor(draw: Draw, nodes: list[Shape]) -> Shape:
    """A node that nothing needs, given or defined from what is there."""
    named = [i for i, node in enumerate(nodes) if node.op not in UNNAMED.values()]
    op = draw.pick(ASIDE)
    if draw.chance(0.5) or len(named) < OPERATIONS[op][1]:
        return Shape(GIVEN)
    return Shape(op, tuple(draw.sample(named, OPERATIONS[op][1])))


def needed(graph: Graph) -> set[int]:
    """Positions of the asked node and all that it is computed from."""
    found = {graph.asked}
    for node in range(graph.asked, -1, -1):
        if node in found:
            found.update(graph.nodes[node].operands)
    return found


def signature(graph: Graph) -> str:
    """A text that is equal for graphs of equal structure, whatever the order of their nodes.

    Each node is described by all that is below it and by what uses it. Two different structures may
    share a signature (the description is local); one structure never has two.
    """
    below: list[str] = []
    users: list[list[str]] = [[] for _ in graph.nodes]
    for op, operands in graph.nodes:
        parts = [below[i] for i in operands]
        # Which of two is taken from which is decided by their values, not by the structure.
        if op != "fill":
            parts.sort()
        below.append(f"{op}({','.join(parts)})")
        for i in operands:
            users[i].append(below[-1])
    core = needed(graph)
    rows = sorted(f"{i in core}:{below[i]}<{'|'.join(sorted(users[i]))}" for i in range(len(graph.nodes)))
    return f"{below[graph.asked]};{';'.join(rows)}"
