"""How a problem is told: in the order of its steps unless shuffled, and who owns what."""

from __future__ import annotations

from lema.synth.difficulty import LEVELS
from lema.synth.draw import Draw
from lema.synth.lexicon import CONTAINERS
from lema.synth.problem import read_trace
from lema.synth.splits import stream
from lema.synth.wording import tell, told_in_order


def test_quantities_are_told_in_the_order_of_the_gold_steps_and_after_what_defines_them() -> None:
    for question in stream(LEVELS["hard"], "train", 0, range(100)) + stream(LEVELS["default"], "train", 0, range(200)):
        problem = read_trace(question.trace)
        told = told_in_order(problem, Draw("test"))
        assert sorted(told) == list(range(len(problem.nodes)))
        assert [node for node in told if node in problem.order] == problem.order
        for place, node in enumerate(told):
            assert set(problem.nodes[node].operands) <= set(told[:place])


def test_the_first_sentences_of_a_problem_that_is_not_shuffled_lead_to_its_first_step() -> None:
    first = read_trace(stream(LEVELS["default"], "train", 0, range(1))[0].trace)
    text = tell(first, Draw("test"), shuffle=False)
    names = [first.nodes[node].name.owner for node in first.order if first.nodes[node].name.owner]
    places = [text.index(name) for name in names]
    assert places == sorted(places)


def test_at_the_default_nobody_owns_two_kinds_of_things_beside_containers() -> None:
    for question in stream(LEVELS["default"], "train", 0, range(300)):
        owned: dict[str, set[str]] = {}
        for node in read_trace(question.trace).nodes:
            if node.name.owner and node.name.thing not in CONTAINERS:
                owned.setdefault(node.name.owner, set()).add(node.name.thing)
        assert all(len(things) == 1 for things in owned.values()), question.text


def test_hard_problems_are_told_out_of_order_about_half_the_time() -> None:
    assert LEVELS["hard"].shuffle == 0.5
    assert not LEVELS["hard"].one_each
