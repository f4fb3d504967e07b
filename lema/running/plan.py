"""The merged plan: the stages of all points of a sweep, each once, against the store."""

from __future__ import annotations

import dataclasses
import hashlib
from collections.abc import Mapping, Sequence
from typing import Any

from lema.base.errors import ConfigError
from lema.base.spec import DIGITS, canonical, encode
from lema.config.options import Point
from lema.config.profile import needs
from lema.experiment.pipeline import pipeline
from lema.running.graph import Graph, Node, State, states
from lema.running.json_listing import StageState
from lema.store import Store
from lema.store.stage import Stage


@dataclasses.dataclass(frozen=True)
class Step:
    """One stage of the plan. `points` are the numbers of the sweep points that need it."""

    stage: Stage
    key: str
    upstream: tuple[str, ...]
    points: tuple[int, ...]
    state: State

    @property
    def missing(self) -> bool:
        return self.state != "have"

    @property
    def address(self) -> str:
        return f"{self.stage.kind}-{self.key}"


@dataclasses.dataclass(frozen=True)
class Plan:
    """Stages in an order in which each comes after what it needs."""

    steps: tuple[Step, ...]
    graph: Graph  # the same with the stages that finished ones hide

    def have(self) -> list[Step]:
        return [step for step in self.steps if not step.missing]

    def missing(self) -> list[Step]:
        return [step for step in self.steps if step.missing]


def listed(planned: Plan, asks: Mapping[str, dict[str, Any]] | None = None) -> list[StageState]:
    """The stages as `json=true` shows them. `asks`: what the jobs of missing ones ask for, by key."""
    nodes = {node.key: node for node in planned.graph.nodes}
    return [
        StageState(
            kind=step.stage.kind,
            key=step.key,
            state=step.state,
            needs=nodes[step.key].needs,
            upstream=step.upstream,
            experiments=step.points,
            asks=(asks or {}).get(step.key),
        )
        for step in planned.steps
    ]


class _Walk:
    """Stages reached so far, in topological order, with their keys computed once."""

    def __init__(self) -> None:
        self.keys: dict[int, str] = {}
        self.stages: dict[str, Stage] = {}
        self.specs: dict[str, str] = {}
        self.upstream: dict[str, tuple[str, ...]] = {}

    def visit(self, stage: Stage) -> str:
        found = self.keys.get(id(stage))
        if found is not None:
            return found
        above = tuple(dict.fromkeys(self.visit(needed) for needed in stage.upstream()))
        whole = hashlib.sha256(encode(canonical(stage))).hexdigest()
        own = whole[:DIGITS]
        self.keys[id(stage)] = own
        self.stages.setdefault(own, stage)
        self.specs[own] = whole
        self.upstream[own] = above
        return own

    def reach(self, stage: Stage) -> set[str]:
        """Keys of a stage and of everything that it needs."""
        reached: set[str] = set()
        todo = [self.visit(stage)]
        while todo:
            own = todo.pop()
            if own not in reached:
                reached.add(own)
                todo.extend(self.upstream[own])
        return reached


def plan(points: Sequence[Point], store: Store) -> Plan:
    """Merge the points' stages by key and look each up in the store (`lema.running.graph.states`)."""
    graph, stages = merge(points)
    found = states(graph, store)
    steps = [Step(stages[n.key], n.key, n.upstream, n.points, found[n.key]) for n in graph.nodes if n.key in found]
    return Plan(tuple(steps), graph)


def merge(points: Sequence[Point]) -> tuple[Graph, dict[str, Stage]]:
    """The stages of all points, each once, and their specs by key."""
    walk = _Walk()
    pipelines = [pipeline(point.experiment) for point in points]  # alive, since the walk knows stages by id
    wanted: dict[str, list[int]] = {}
    for number, stages in enumerate(pipelines):
        for own in {own for target in stages.targets() for own in walk.reach(target)}:
            wanted.setdefault(own, []).append(number)
    nodes = [
        Node(
            kind=stage.kind,
            key=own,
            spec=walk.specs[own],
            upstream=walk.upstream[own],
            points=tuple(wanted[own]),
            needs=needs(stage),
        )
        for own, stage in walk.stages.items()
    ]
    targets = dict.fromkeys(walk.visit(target) for stages in pipelines for target in stages.targets())
    return Graph(experiments=len(points), nodes=tuple(nodes), targets=tuple(targets)), walk.stages


def reachable(points: Sequence[Point]) -> set[str]:
    """Keys of all stages of these points, finished or not."""
    walk = _Walk()
    pipelines = [pipeline(point.experiment) for point in points]
    return {own for stages in pipelines for target in stages.targets() for own in walk.reach(target)}


def find_stages(points: Sequence[Point], wanted: Sequence[str]) -> list[Stage]:
    """The stages of these points that have these keys, in their order.

    Raises:
        ConfigError: none has one of them, so that code and configuration are not those that planned it.
    """
    walk = _Walk()
    pipelines = [pipeline(point.experiment) for point in points]
    for stages in pipelines:
        for target in stages.targets():
            walk.visit(target)
    try:
        return [walk.stages[own] for own in wanted]
    except KeyError as fault:
        raise ConfigError(
            f"no stage of this configuration has the key {fault.args[0]}: the code or a data file changed since it was "
            "planned. Run the same command again."
        ) from None
