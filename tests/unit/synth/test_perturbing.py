"""Edits of a graph: exactly one thing changes, and what comes out is a graph like any other."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator

import pytest

from lema.synth.difficulty import LEVELS
from lema.synth.draw import Draw
from lema.synth.graph import GIVEN, OPERATIONS, PACKING, UNNAMED, Graph, Shape, draw_graph, needed
from lema.synth.perturbing import add_distractor, add_operation, ask_further, derive_given, replace_operation
from lema.synth.quantities import draw_quantities

EDITS = (add_distractor, ask_further, derive_given, replace_operation)


def graphs() -> Iterator[tuple[Graph, Draw]]:
    for number in range(600):
        draw = Draw("graph", number)
        yield draw_graph(draw, draw.between(1, 6), draw.between(0, 3)), draw


def operations(graph: Graph) -> int:
    """How many the answer needs."""
    return sum(bool(graph.nodes[i].operands) for i in needed(graph))


@pytest.mark.parametrize("edit", EDITS)
def test_an_edited_graph_keeps_the_layout_of_all_graphs(edit: object) -> None:
    for graph, draw in graphs():
        nodes, asked = edited = edit(graph, draw)  # type: ignore[operator]
        assert needed(edited) == set(range(asked + 1)), "what the answer needs stands first"
        for at, (op, operands) in enumerate(nodes):
            assert len(set(operands)) == len(operands) == (0 if op == GIVEN else OPERATIONS[op][1])
            assert all(operand < at for operand in operands)
            assert op not in UNNAMED.values() or at == asked, "only what is asked for may lack a name"
        packed = [node.operands[0] for node in nodes if node.op in PACKING]
        assert len(set(packed)) == len(packed), "a box holds one sort of thing only"
        used = {operand for node in nodes for operand in node.operands}
        assert nodes[asked].op not in UNNAMED.values() or asked not in used, "what lacks a name is nobody's operand"


@pytest.mark.parametrize(
    ("edit", "more_operations", "more_aside"),
    [(add_operation, 1, 0), (add_distractor, 0, 1), (replace_operation, 0, 0)],
)
def test_an_edit_adds_what_it_says_and_nothing_else(edit: object, more_operations: int, more_aside: int) -> None:
    for graph, draw in graphs():
        edited = edit(graph, draw)  # type: ignore[operator]
        assert operations(edited) == operations(graph) + more_operations
        aside = len(edited.nodes) - len(needed(edited))
        assert aside == len(graph.nodes) - len(needed(graph)) + more_aside


def test_a_replaced_operation_is_another_one_on_the_same_operands() -> None:
    named = {unnamed: op for op, unnamed in UNNAMED.items()}
    for graph, draw in graphs():
        edited = replace_operation(graph, draw)
        changed = [i for i, pair in enumerate(zip(graph.nodes, edited.nodes, strict=True)) if pair[0] != pair[1]]
        assert len(changed) == 1
        before, after = graph.nodes[changed[0]], edited.nodes[changed[0]]
        assert before.operands == after.operands
        assert named.get(before.op, before.op) != named.get(after.op, after.op), "a total is a sum without a name"


def test_distractors_still_refer_to_what_they_did_after_an_operation_was_put_before_them() -> None:
    graph = Graph((Shape(GIVEN), Shape("more", (0,)), Shape("fewer", (1,)), Shape("times", (2,))), 1)
    for number in range(50):
        nodes, asked = add_operation(graph, Draw(number))
        aside = nodes[asked + 1 :]
        assert [node.op for node in aside] == ["fewer", "times"]
        old = aside[0].operands[0]  # the node that was asked for
        assert nodes[old].op == "more"
        assert aside[1].operands == (asked + 1,)


def test_every_operation_comes_about_in_every_way() -> None:
    made: Counter[str] = Counter()
    for graph, draw in graphs():
        for edit in (ask_further, replace_operation):
            made.update({node.op for node in edit(graph, draw).nodes})
    assert set(made) == {GIVEN, *OPERATIONS}


def test_almost_every_edited_graph_of_default_size_has_numbers() -> None:
    dials = LEVELS["default"]
    without = 0
    for number in range(300):
        draw = Draw("numbers", number)
        graph = add_operation(draw_graph(draw, draw.between(2, 3), 1), draw)
        without += not draw_quantities(draw, graph, dials, lambda _: True)
    assert without < 15
