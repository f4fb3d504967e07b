"""What every conf/evolution_strategy/*.yaml promises."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
import yaml
from conftest import ROOT

from lema.base.protocols import Evolve, Evolver, Task
from lema.base.records import Seed
from lema.base.spec import Spec, key
from lema.config.config import build
from lema.engines.scripted import Scripted
from lema.experiment.evolution import Strategy

FOLDER = ROOT / "conf" / "evolution_strategy"
FILES = sorted(path for path in FOLDER.glob("*.yaml") if path.stem != "none")
WRITER = Scripted(default="{Ann|Ben|Cleo} has {3|4|5|6|7|8|9} pens, number {seed}. How many pens are that?")


def node(path: Path) -> dict[str, Any]:
    """A file's configuration, on top of the one that it starts from; `${teacher}` is a script."""
    held: dict[str, Any] = yaml.safe_load(path.read_text())
    for base in held.pop("defaults", []):
        if base != "_self_":
            held = {**node(FOLDER / f"{base}.yaml"), **held}
    for asks in ("evolver", "voting"):
        if held[asks] and held[asks].get("engine") == "${teacher}":
            held[asks] = {**held[asks], "engine": WRITER}
    return held


def made(path: Path) -> Strategy:
    strategy = build(node(path), "evolution_strategy")
    assert isinstance(strategy, Strategy)
    return strategy


@pytest.fixture(params=FILES, ids=lambda path: path.stem)
def strategy(request: pytest.FixtureRequest) -> Strategy:
    return made(request.param)


@pytest.fixture(scope="module")
def task() -> Task:
    built: Task = build(yaml.safe_load((ROOT / "conf" / "task" / "gsm_synth.yaml").read_text()), "task")
    return built


@pytest.fixture(scope="module")
def seeds(task: Task) -> list[Seed]:
    """Thirty questions, each drawn twice."""
    return [Seed(question=question, copy=copy) for question in task.questions("train", 0, 30) for copy in range(2)]


@contextmanager
def opened(strategy: Strategy, task: Task) -> Iterator[Evolve]:
    with strategy.evolver.open(task) as evolve:
        yield evolve


def test_none_is_no_strategy() -> None:
    assert yaml.safe_load((FOLDER / "none.yaml").read_text()) == {"evolution_strategy": None}


def test_an_evolver_is_a_spec_with_a_name(strategy: Strategy) -> None:
    assert isinstance(strategy.evolver, Evolver)
    assert isinstance(strategy.evolver, Spec)
    assert strategy.evolver.name
    assert len(key(strategy)) == 16


def test_each_seed_comes_out_once_in_order(strategy: Strategy, task: Task, seeds: list[Seed]) -> None:
    with opened(strategy, task) as evolve:
        rows = evolve(seeds)
    assert [(row.seed, row.copy) for row in rows] == [(seed.question.id, seed.copy) for seed in seeds]
    assert all((row.question is None) == bool(row.reject) for row in rows)
    assert sum(row.question is not None for row in rows) > 40


def test_children_name_their_parent(strategy: Strategy, task: Task, seeds: list[Seed]) -> None:
    with opened(strategy, task) as evolve:
        for row, seed in zip(evolve(seeds), seeds, strict=True):
            if row.question is not None:
                assert row.question.parent == seed.question.id
                assert row.question.task == seed.question.task
                assert row.question.id != seed.question.id


def test_same_seed_same_questions_whatever_the_order_and_the_chunks(
    strategy: Strategy, task: Task, seeds: list[Seed]
) -> None:
    with opened(strategy, task) as evolve:
        rows = evolve(seeds)
        again = [row for start in range(0, len(seeds), 7) for row in evolve(seeds[start : start + 7])]
        backwards = evolve(seeds[::-1])
    assert again == rows == backwards[::-1]
    with opened(strategy, task) as evolve:
        assert evolve(seeds) == rows


def test_a_question_that_is_drawn_twice_has_two_children(strategy: Strategy, task: Task, seeds: list[Seed]) -> None:
    with opened(strategy, task) as evolve:
        texts = [row.question and row.question.text for row in evolve(seeds)]
    pairs = [(one, two) for one, two in zip(texts[::2], texts[1::2], strict=True) if one and two]
    assert len(pairs) > 15
    assert all(one != two for one, two in pairs)


def test_what_an_evolver_says_of_labels_is_true_and_somebody_labels(
    strategy: Strategy, task: Task, seeds: list[Seed]
) -> None:
    with opened(strategy, task) as evolve:
        children = [row.question for row in evolve(seeds) if row.question is not None]
    assert {bool(child.answer) for child in children} == {strategy.evolver.labels}
    assert strategy.evolver.labels or strategy.voting is not None
    if strategy.evolver.labels:
        verdicts = {task.verifier.judge(child.solution, child).verdict.value for child in children}
        assert verdicts == {"right"}


def test_nothing_in_nothing_out(strategy: Strategy, task: Task) -> None:
    with opened(strategy, task) as evolve:
        assert evolve([]) == []
