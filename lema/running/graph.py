"""The merged plan as plain records: which stages there are, and what each needs."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Literal

import msgspec

from lema.store import Store

State = Literal["have", "running", "ready", "waiting"]


class Node(msgspec.Struct, frozen=True, kw_only=True):
    """One stage."""

    kind: str
    key: str
    spec: str  # SHA-256 of the canonical form, of which the key is the beginning
    upstream: tuple[str, ...]  # keys
    points: tuple[int, ...]  # numbers of the experiments that need it
    needs: str  # what a cluster must give it: "cpu", "gpu" or "teacher"

    @property
    def address(self) -> str:
        return f"{self.kind}-{self.key}"

    @property
    def label(self) -> str:
        return f"{self.kind}-{self.key[:8]}"


class Graph(msgspec.Struct, frozen=True, kw_only=True):
    """Stages in an order in which each comes after what it needs, finished or not."""

    experiments: int
    nodes: tuple[Node, ...]
    targets: tuple[str, ...]  # keys of stages that nothing follows


def states(graph: Graph, store: Store) -> dict[str, State]:
    """How far the stages are that count: those that are finished, and those that must be made, by key in order.

    A stage that is finished hides what it needed: upstream artifacts that were removed to save space are
    not made again.

    Raises:
        StoreError: an artifact was altered, or the store cannot be read.
    """
    have = {node.key for node in graph.nodes if store.has(node.address, node.spec)}
    needed = _needed(graph, have)
    found: dict[str, State] = {}
    for node in graph.nodes:
        if node.key in have:
            found[node.key] = "have"
        elif node.key in needed:
            ready = have.issuperset(node.upstream)
            found[node.key] = "running" if store.holder(node.address) else "ready" if ready else "waiting"
    return found


def _needed(graph: Graph, have: set[str]) -> set[str]:
    """Keys that must be made: missing targets, and what missing stages need."""
    upstream = {node.key: node.upstream for node in graph.nodes}
    needed: set[str] = set()
    todo = _missing(graph.targets, have)
    while todo:
        own = todo.pop()
        if own not in needed:
            needed.add(own)
            todo += _missing(upstream[own], have)
    return needed


def _missing(keys: Iterable[str], have: set[str]) -> list[str]:
    return [own for own in keys if own not in have]
