"""From a problem to its text: one sentence a quantity, the question last.

Slots: `{A}` owner and `{X}` thing of the quantity that is defined, `{R}` and `{S}` its operands
(`Tom's shells`), `{T}` the first operand after "than" or "as" (`Tom`, `shells`, or `Tom has
shells`), `{k}` the stated number, `{h}` her or his, `{Cs}` and `{C}` plural and singular of the
containers. Held-out templates are of words that the others have, so that what the split
`test_reworded` asks is whether a known word in a new sentence is understood.
"""

from __future__ import annotations

from lema.synth.draw import Draw
from lema.synth.lexicon import CONTAINERS, PARTS, POSSESSIVE, TIMES
from lema.synth.problem import Node, Problem

TEMPLATES: dict[str, tuple[str, ...]] = {
    "given": (
        "{A} has {k} {X}.",
        "{A} owns {k} {X}.",
        "{A} counts {k} {X}.",
    ),
    "more": (
        "{A} has {k} more {X} than {T}.",
        "{A}'s {X} are {k} more than {R}.",
        "With {k} fewer {X}, {A} would have as many as {R}.",
    ),
    "fewer": (
        "{A} has {k} fewer {X} than {T}.",
        "{A}'s {X} are {k} fewer than {R}.",
        "With {k} more {X}, {A} would have as many as {R}.",
    ),
    "times": (
        "{A} has {times} as many {X} as {T}.",
        "{A}'s {X} are {times} as many as {R}.",
        "For each of {R}, {A} has {k} {X}.",
    ),
    "share": (
        "{A} has {part} as many {X} as {T}.",
        "The number of {A}'s {X} is {part} of {R}.",
        "If {R} were put into {k} equal groups, each group would be as many as {A}'s {X}.",
    ),
    "sum": (
        "{A} has as many {X} as {R} and {S} together.",
        "The number of {A}'s {X} is the total of {R} and {S}.",
        "Together, {R} and {S} are as many as {A}'s {X}.",
    ),
    "difference": (
        "{A} has as many {X} as the difference between {R} and {S}.",
        "The number of {A}'s {X} is {R} minus {S}.",
        "If {S} were taken from {R}, as many as {A}'s {X} would be left.",
    ),
    "pack": (
        "{A} keeps all {h} {X} in {h} {Cs}, with {k} {X} in each {C}.",
        "Each of {A}'s {Cs} holds {k} {X}, and {A} has no other {X}.",
        "All of {A}'s {X} are in {h} {Cs}, and each {C} holds {k} {X}.",
    ),
    "fill": (
        "{A} keeps all {h} {X} in {h} {Cs}, and each {C} holds as many {X} as {F}.",
        "Each of {A}'s {Cs} holds as many {X} as {F}, and {A} has no other {X}.",
    ),
    "total": ("What is the total of {R} and {S}?",),
    "gap": ("What is the difference between {R} and {S}?",),
    "asked": (
        "How many {X} does {A} have?",
        "What is the number of {A}'s {X}?",
    ),
}

HELD_OUT: dict[str, tuple[str, ...]] = {
    "given": ("The total of {A}'s {X} is {k}.", "The number of {A}'s {X} is {k}."),
    "more": ("{A} has as many {X} as {T}, and {k} more.", "The number of {A}'s {X} is {k} more than {R}."),
    "fewer": ("The number of {A}'s {X} is {R} minus {k}.", "{A} owns {k} fewer {X} than {T}."),
    "times": ("{A} owns {times} as many {X} as {T}.", "The number of {A}'s {X} is {times} {R}."),
    "share": ("{A}'s {X} are {part} as many as {R}.", "{A} owns {part} as many {X} as {T}."),
    "sum": ("{A}'s {X} are as many as {R} and {S} together.", "The total of {R} and {S} is the number of {A}'s {X}."),
    "difference": (
        "{A}'s {X} are as many as {R} minus {S}.",
        "The difference between {R} and {S} is the number of {A}'s {X}.",
    ),
    "pack": (
        "{A} has all {h} {X} in {h} {Cs}, and each holds {k}.",
        "With {k} {X} in each {C}, all of {A}'s {X} are in {h} {Cs}.",
    ),
    "fill": ("All of {A}'s {X} are in {h} {Cs}, and each {C} holds as many {X} as {F}.",),
    "total": ("How many are {R} and {S} together?",),
    "gap": ("How many more are {R} than {S}?",),
    "asked": ("How many are {A}'s {X}?",),
}

# In place of the first template of an operation, where the operands are of one thing or one owner.
SAME_THING = {
    "sum": "{A} has as many {X} as {B} and {D} together.",
    "total": "How many {Y} do {B} and {D} have together?",
    "gap": "How many more {Y} does {B} have than {D}?",
}
SAME_OWNER = {
    "total": "How many {Y} and {Z} does {B} have together?",
    "gap": "How many more {Y} than {Z} does {B} have?",
}


def tell(problem: Problem, draw: Draw, *, shuffle: bool, held_out: bool = False) -> str:
    """The text of a problem."""
    positions = [i for i in told_in_order(problem, draw) if problem.nodes[i].name.owner]
    if shuffle:
        positions = draw.shuffled(positions)
    sentences = [sentence(problem, problem.nodes[i], draw, held_out=held_out) for i in positions]
    return " ".join([*sentences, question(problem, draw, held_out=held_out)])


def told_in_order(problem: Problem, draw: Draw) -> list[int]:
    """All quantities in an order in which each can be worked out when it is told: that of the gold steps.

    What the answer does not need is told anywhere after what it is defined from.
    """
    told: list[int] = []

    def visit(node: int) -> None:
        for operand in problem.nodes[node].operands:
            visit(operand)
        if node not in told:
            told.append(node)

    visit(problem.asked)
    for node in range(len(problem.nodes)):
        if node not in problem.needed:
            after = max((told.index(operand) + 1 for operand in problem.nodes[node].operands), default=0)
            told.insert(draw.between(after, len(told)), node)
    return told


def sentence(problem: Problem, node: Node, draw: Draw, *, held_out: bool) -> str:
    """The definition of one quantity."""
    templates = (HELD_OUT if held_out else TEMPLATES)[node.op]
    template = draw.pick(templates)
    if template is TEMPLATES[node.op][0]:
        template = contracted(problem, node) or template
    return template.format_map(slots(problem, node))


def question(problem: Problem, draw: Draw, *, held_out: bool) -> str:
    """The last sentence. It also defines the asked quantity when that has no owner."""
    node = problem.nodes[problem.asked]
    if not node.name.owner:
        return sentence(problem, node, draw, held_out=held_out)
    return draw.pick((HELD_OUT if held_out else TEMPLATES)["asked"]).format(A=node.name.owner, X=node.name.thing)


def contracted(problem: Problem, node: Node) -> str | None:
    """The shorter wording for operands that share a thing or an owner, where there is one."""
    if len(node.operands) < 2:
        return None
    (owner, thing), (other, another) = (problem.nodes[i].name for i in node.operands)
    if thing == another and node.name.thing in (thing, "total", "difference"):
        return SAME_THING.get(node.op)
    return SAME_OWNER.get(node.op) if owner == other else None


def slots(problem: Problem, node: Node) -> dict[str, str]:
    """What the templates of this node's operation can mention."""
    owner, thing = node.name
    filled = {"A": owner, "X": thing, "k": str(node.value if node.constant is None else node.constant)}
    if not node.operands:
        return filled
    first = problem.nodes[node.operands[0]].name
    filled |= {"R": str(first), "B": first.owner, "Y": first.thing}
    if node.op == "times":
        filled["times"] = TIMES[node.constant or 0]
    elif node.op == "share":
        filled["part"] = PARTS[node.constant or 0]
    if len(node.operands) == 2:
        second = problem.nodes[node.operands[1]].name
        filled |= {"S": str(second), "D": second.owner, "Z": second.thing}
        filled["F"] = f"{second.owner} has" if second.thing == thing else f"{second.owner} has {second.thing}"
    else:
        filled["T"] = compared(first.owner, first.thing, owner, thing)
    if node.op in ("pack", "fill"):
        filled |= {"h": POSSESSIVE[owner], "Cs": first.thing, "C": CONTAINERS[first.thing]}
    return filled


def compared(owner: str, thing: str, to_owner: str, to_thing: str) -> str:
    """A quantity after "than" or "as", without what the sentence has said already."""
    if thing == to_thing:
        return owner
    return thing if owner == to_owner else f"{owner} has {thing}"
