"""New problems from the graph of a generated one: no model, no network, and the generator knows the answer."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated

from pydantic import Field

from lema.base.errors import ConfigError
from lema.base.protocols import Evolve, Task
from lema.base.records import Evolved, Question, Seed
from lema.base.spec import Spec, spec
from lema.synth.cast import draw_cast
from lema.synth.difficulty import Dialled, Difficulty
from lema.synth.draw import Draw
from lema.synth.graph import Graph, signature
from lema.synth.perturbing import add_distractor, add_operation, replace_operation
from lema.synth.problem import Node, Problem, read_trace
from lema.synth.quantities import Quantity, draw_quantities, stated_numbers
from lema.synth.splits import make_question, split_of
from lema.synth.wording import tell

SPLIT = "train"  # of every child, by structure and by numbers: test sets stay disjoint by construction
Weight = Annotated[float, Field(ge=0)]
EDITS: dict[str, Callable[[Graph, Draw], Graph]] = {
    "operation": add_operation,
    "distractor": add_distractor,
    "replacement": replace_operation,
}


@spec
class Procedural(Spec):
    """Changes a seed problem in one way, drawn by weight, and tells it anew.

    `numbers` keeps graph and names, `surface` keeps graph and numbers; `operation` and `distractor` add one,
    `replacement` exchanges an operation, and these three draw numbers and names anew. A child stays within
    the dials of its task: one with more operations would be of the kind that `test_longer` holds back.

    A change is drawn again, up to `tries` times, until structure and numbers of the child are those of
    the split `train`; a seed without such a child is rejected by name.
    """

    kind = "procedural"
    numbers: Weight = 1.0
    surface: Weight = 1.0
    operation: Weight = 1.0
    distractor: Weight = 1.0
    replacement: Weight = 1.0
    tries: Annotated[int, Field(ge=1)] = 50
    seed: int = 0

    @property
    def name(self) -> str:
        return "procedural"

    @property
    def labels(self) -> bool:
        return True

    def check(self) -> None:
        if not self.numbers + self.surface + self.replacement > 0:
            raise ConfigError(
                "numbers, surface and replacement are all 0, and the other changes do not apply to every problem. "
                "Give one of the three a weight above 0."
            )

    def check_task(self, task: Task) -> None:
        if not isinstance(task, Dialled):
            raise ConfigError(
                f"evolution_strategy.evolver: procedural changes the graphs of generated problems, and {task.name} "
                "has none. Choose task=gsm_synth, or an evolver that asks a model: evolution_strategy=teacher_general."
            )

    @contextmanager
    def open(self, task: Task, *, replies: Path | None = None) -> Iterator[Evolve]:  # noqa: ARG002 (it pays for none)
        self.check_task(task)
        assert isinstance(task, Dialled)
        dials = task.dials

        def evolve(seeds: Sequence[Seed]) -> list[Evolved]:
            return [self.evolve_one(seed, dials) for seed in seeds]

        yield evolve

    def evolve_one(self, seed: Seed, dials: Difficulty) -> Evolved:
        """The child of one drawn seed.

        Raises:
            InputError: the seed has no trace.
        """
        parent = read_trace(seed.question.trace)
        draw = Draw("procedural", self.seed, seed.question.id, seed.copy)
        change = self.draw_change(parent, dials, draw)
        for _ in range(self.tries):
            child = changed(parent, change, draw, dials)
            if child is not None:
                made = told(child, draw, dials, seed.question)
                return Evolved(seed=seed.question.id, copy=seed.copy, change=change, question=made)
        return Evolved(seed=seed.question.id, copy=seed.copy, change=change, reject=f"no_{change}_in_{SPLIT}")

    def draw_change(self, parent: Problem, dials: Difficulty, draw: Draw) -> str:
        """One of the changes that leave the problem within the dials, by weight."""
        weights = {"numbers": self.numbers, "surface": self.surface, "replacement": self.replacement}
        if len(parent.order) < dials.operations[1]:
            weights["operation"] = self.operation
        if len(parent.nodes) - len(parent.needed) < dials.distractors[1]:
            weights["distractor"] = self.distractor
        return draw.weighted(weights)


def changed(parent: Problem, change: str, draw: Draw, dials: Difficulty) -> Problem | None:
    """The problem with one change; None when this draw of it is not of the split, or has no numbers or names."""
    graph = EDITS[change](parent.graph, draw) if change in EDITS else parent.graph
    if split_of(signature(graph)) != SPLIT:
        return None
    quantities: list[Quantity] = [Quantity(*node[1:]) for node in parent.nodes]
    if change != "surface":
        quantities = draw_quantities(draw, graph, dials, lambda core: fresh(core, parent))
    elif split_of(parent.numbers) != SPLIT:
        return None
    names = [node.name for node in parent.nodes]
    if change != "numbers":
        names = draw_cast(draw, graph, one_each=dials.one_each)
    if not quantities or not names:
        return None
    return Problem(tuple(Node(name, *rest) for name, rest in zip(names, quantities, strict=True)), graph.asked)


def fresh(core: Sequence[Quantity], parent: Problem) -> bool:
    """Whether these numbers are of the split, and not those of the parent."""
    numbers = stated_numbers(core)
    return split_of(numbers) == SPLIT and numbers != parent.numbers


def told(child: Problem, draw: Draw, dials: Difficulty, parent: Question) -> Question:
    """The record of a child, in sentences of the training templates."""
    text = tell(child, draw, shuffle=draw.chance(dials.shuffle))
    return make_question(child, text, task=parent.task, parent=parent.id)
