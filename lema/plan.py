"""The merged plan: the stages of all points of a sweep, each once, against the store."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable, Sequence
from typing import Literal

from lema.errors import ConfigError
from lema.options import Point
from lema.pipeline import pipeline
from lema.spec import key
from lema.stage import Stage
from lema.store import Store

State = Literal["have", "running", "ready", "waiting"]


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


@dataclasses.dataclass(frozen=True)
class Plan:
    """Stages in an order in which each comes after what it needs."""

    steps: tuple[Step, ...]

    def missing(self) -> list[Step]:
        return [step for step in self.steps if step.missing]


class _Walk:
    """Stages reached so far, in topological order, with their keys computed once."""

    def __init__(self) -> None:
        self.keys: dict[int, str] = {}
        self.stages: dict[str, Stage] = {}
        self.upstream: dict[str, tuple[str, ...]] = {}

    def visit(self, stage: Stage) -> str:
        found = self.keys.get(id(stage))
        if found is not None:
            return found
        above = tuple(dict.fromkeys(self.visit(needed) for needed in stage.upstream()))
        own = key(stage)
        self.keys[id(stage)] = own
        self.stages.setdefault(own, stage)
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
    """Merge the points' stages by key and look each up in the store.

    A stage that is finished hides what it needed: upstream artifacts that were removed to save
    space are not made again.
    """
    walk = _Walk()
    pipelines = [pipeline(point.experiment) for point in points]  # alive, since the walk knows stages by id
    wanted: dict[str, list[int]] = {}
    for number, stages in enumerate(pipelines):
        for own in sorted({own for target in stages.targets() for own in walk.reach(target)}):
            wanted.setdefault(own, []).append(number)
    have = {own for own, stage in walk.stages.items() if own in wanted and store.find(stage) is not None}
    needed = _needed(walk, (walk.visit(target) for stages in pipelines for target in stages.targets()), have)
    steps = []
    for own, stage in walk.stages.items():
        if own in have or own in needed:
            above = walk.upstream[own]
            steps.append(Step(stage, own, above, tuple(wanted[own]), _state(stage, own, above, have, store)))
    return Plan(tuple(steps))


def _needed(walk: _Walk, targets: Iterable[str], have: set[str]) -> set[str]:
    """Keys that must be made: missing targets, and what missing stages need."""
    needed: set[str] = set()
    todo = [own for own in targets if own not in have]
    while todo:
        own = todo.pop()
        if own not in needed:
            needed.add(own)
            todo.extend(above for above in walk.upstream[own] if above not in have)
    return needed


def _state(stage: Stage, own: str, above: tuple[str, ...], have: set[str], store: Store) -> State:
    if own in have:
        return "have"
    if store.running(stage) is not None:
        return "running"
    return "ready" if all(needed in have for needed in above) else "waiting"


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
