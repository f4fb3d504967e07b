"""A problem as a program: its trace is one already, and needs a wording.

The answer of one in the two forms of `lema.pad.forms`: a body, as variant 0, and a function with all that varies, 7:

    Step = chests = 8              sam_cards = 3 * 8
    Step = Sam = chests * 3        return sam_cards - 2
    Step = Mia = Sam - 2
    Answer = Mia

In a body every word is one of the shipped tokenizer: a name is a person or a kind of thing. Lines begin with `Step =`,
as those of a path do with `Step`: no line can begin with a small letter, and a name that begins one is another token
than the name within it, which paths never have the model write.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection
from typing import Literal

from lema.synth.graph import COMMUTATIVE, GIVEN
from lema.synth.lexicon import CONTAINERS
from lema.synth.problem import Problem

Naming = Literal["snake", "words"]
OPENING = "Step"  # what a line of a body begins with
VARIANTS = 8


def program_lines(problem: Problem, variant: int, naming: Naming) -> list[str] | None:
    """Statements, each after those that it needs, the last one `= <expression>`; None when names run out.

    Args:
        variant: of `VARIANTS`. Its bits: the answer has no name of its own, what may be swapped is, and given numbers
            have no names. In the first four each sentence that matters is a line, in the order of the problem.
    """
    unnamed, swapped, bare = (bool(variant & bit) for bit in (1, 2, 4))
    held = list(problem.order) if bare else sorted(problem.needed)
    if unnamed:
        held.remove(problem.asked)
    names = identifiers(problem, held, naming)
    if names is None:
        return None

    def operand(node: int) -> str:
        return names[node] if node in names else str(problem.nodes[node].value)

    def expression(node: int) -> str:
        _, op, operands, constant, value = problem.nodes[node]
        if op == GIVEN:
            return str(value)
        sides = [operand(operands[0]), operand(operands[1]) if constant is None else str(constant)]
        sign = problem.nodes[node].symbol
        if swapped and sign in COMMUTATIVE:
            sides.reverse()
        return f"{sides[0]} {sign} {sides[1]}"

    opening = f"{OPENING} = " if naming == "words" else ""
    lines = [f"{opening}{names[node]} = {expression(node)}" for node in held]
    return [*lines, f"= {expression(problem.asked) if unnamed else names[problem.asked]}"]


def identifiers(problem: Problem, nodes: Collection[int], naming: Naming) -> dict[int, str] | None:
    """A name for each of these quantities; None where one word would have to stand for two of them."""
    if naming == "snake":
        return {node: snake(problem, node) for node in nodes}
    things = {node: problem.nodes[node].name.thing for node in nodes}
    owners = Counter(problem.nodes[node].name.owner for node in nodes if things[node] not in CONTAINERS)
    names = {}
    for node in nodes:
        owner, thing = problem.nodes[node].name
        names[node] = owner if owner and thing not in CONTAINERS and owners[owner] == 1 else thing
        if not owner:
            names[node] = "All" if thing == "total" else "Each"
    return names if len(set(names.values())) == len(names) else None


def snake(problem: Problem, node: int) -> str:
    owner, thing = problem.nodes[node].name
    return f"{owner.lower()}_{thing}" if owner else thing
