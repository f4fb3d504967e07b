"""A finished problem: named quantities with their values, and its machine-readable trace."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cached_property
from typing import Any, NamedTuple

from lema.base.errors import InputError
from lema.synth.cast import Name
from lema.synth.graph import GIVEN, OPERATIONS, Graph, Shape, needed, signature


class Node(NamedTuple):
    """One quantity. `operands` are positions in the problem, in the order of the arithmetic."""

    name: Name
    op: str
    operands: tuple[int, ...]
    constant: int | None  # the number that the definition states, as second operand
    value: int

    @property
    def symbol(self) -> str:
        return OPERATIONS[self.op][0]


class Problem:
    """Quantities in topological order and the position of the one that is asked for."""

    def __init__(self, nodes: tuple[Node, ...], asked: int) -> None:
        self.nodes = nodes
        self.asked = asked

    @cached_property
    def graph(self) -> Graph:
        return Graph(tuple(Shape(node.op, node.operands) for node in self.nodes), self.asked)

    @cached_property
    def needed(self) -> set[int]:
        return needed(self.graph)

    @cached_property
    def order(self) -> list[int]:
        """The derived quantities that the answer needs: each after its own operands, first operand first."""
        found: list[int] = []

        def visit(node: int) -> None:
            for operand in self.nodes[node].operands:
                visit(operand)
            if self.nodes[node].operands and node not in found:
                found.append(node)

        visit(self.asked)
        return found

    @cached_property
    def structure(self) -> str:
        return signature(self.graph)

    @cached_property
    def numbers(self) -> tuple[int, ...]:
        """The stated numbers that the answer depends on, sorted."""
        stated = (self.nodes[i].value if self.nodes[i].op == GIVEN else self.nodes[i].constant for i in self.needed)
        return tuple(sorted(number for number in stated if number is not None))

    @property
    def content(self) -> tuple[str, tuple[int, ...], tuple[str, ...]]:
        """Structure, numbers and names: equal for two problems that differ in their sentences only."""
        return self.structure, self.numbers, tuple(sorted(str(node.name) for node in self.nodes))

    @property
    def answer(self) -> int:
        return self.nodes[self.asked].value

    def arithmetic(self, node: int) -> tuple[int, str, int]:
        """Left operand, symbol and right operand of a derived quantity."""
        _, _, operands, constant, _ = self.nodes[node]
        right = self.nodes[operands[1]].value if constant is None else constant
        return self.nodes[operands[0]].value, self.nodes[node].symbol, right

    def trace(self) -> dict[str, Any]:
        """The JSON form."""
        return {
            "nodes": [
                {
                    "name": str(node.name),
                    "owner": node.name.owner,
                    "thing": node.name.thing,
                    "op": node.op,
                    "operands": list(node.operands),
                    "constant": node.constant,
                    "value": node.value,
                    "needed": i in self.needed,
                }
                for i, node in enumerate(self.nodes)
            ],
            "order": list(self.order),
            "asked": self.asked,
        }


def read_trace(trace: Mapping[str, Any] | None) -> Problem:
    """The problem of a question's trace.

    Raises:
        InputError: the trace is missing, or not one of this laboratory.
    """
    if trace is None:
        raise InputError("the question has no trace: only questions of the task gsm_synth have one")
    try:
        nodes = tuple(
            Node(Name(row["owner"], row["thing"]), row["op"], tuple(row["operands"]), row["constant"], row["value"])
            for row in trace["nodes"]
        )
        return Problem(nodes, trace["asked"])
    except (KeyError, TypeError) as fault:
        raise InputError(f"the trace of the question is not one of gsm_synth: {fault!r}") from None
