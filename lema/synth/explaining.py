"""What is said of a mistake: phrasings for each class, in the closed vocabulary of the task.

Slots: `{Q}` the quantity of the step and `{is}` its verb; `{l} {s} {r}` and `{v}` its right arithmetic and
value; `{w}` the wrong number, `{u}` the wrong sign; `{O}` a quantity that is needed and `{o}` its value;
`{D}` the quantity that the wrong number belongs to; `{k}` the number that the text states; `{P}` a
quantity of the path that the text does not have; `{meaning}` the definition in words. A phrasing
can be used where all of its slots are filled.
"""

from __future__ import annotations

import re

from lema.synth.difficulty import LARGEST_BOUND
from lema.synth.draw import Draw
from lema.synth.graph import COMMUTATIVE
from lema.synth.lexicon import PARTS, TIMES
from lema.synth.problem import Problem
from lema.synth.reading import Mistake

PHRASES: dict[str, tuple[str, ...]] = {
    "arithmetic_slip": (
        "{l} {s} {r} is {v}, not {w}.",
        "{l} {s} {r} makes {v}.",
        "The numbers are right, but {l} {s} {r} = {v}.",
        "The result is wrong, since {l} {s} {r} is {v}.",
        "{w} is wrong, since {l} {s} {r} = {v}.",
        "The result should be {v}, not {w}.",
    ),
    "wrong_operand": (
        "{meaning}, so it should be {l} {s} {r}.",
        "The number of {O} is {o}, not {w}.",
        "This step needs {O}, so use {o} and not {w}.",
        "{w} is the number of {D}, but this step needs {O}.",
        "It should be {o}, the number of {O}.",
        "The question says {k}, not {w}.",
        "The number in the question is {k}, so {w} is wrong.",
        "The numbers should be {l} and {r}, since {meaning}.",
        "A number is wrong: it should be {l} {s} {r}.",
    ),
    "wrong_operation": (
        "{meaning}, so it should be {l} {s} {r}.",
        "The sign is wrong: it should be {l} {s} {r}.",
        "The sign should be {s}, since {meaning}.",
        "This step needs {s}, not {u}.",
        "{Q} {is} {l} {s} {r}, not {l} {u} {r}.",
        "Use {s} and not {u}, since {meaning}.",
    ),
    "not_to_compute": (
        "The question says that {Q} {is} {v}.",
        "{Q} {is} {v} in the question, so there is nothing to find.",
    ),
    "undefined_quantity": (
        "The question says nothing of {P}.",
        "{P} are not in the question.",
        "There are no {P} in the question.",
        "This quantity is not in the question.",
    ),
    "out_of_order": (
        "{Q} {is} not known before {O}.",
        "This step comes before {O} are known.",
        "{meaning}, so {O} must be found first.",
        "This step needs {O}, and they are not known.",
    ),
    "missing_step": (
        "A step is missing: {O} must be found first.",
        "{O} must be found before this step.",
        "The step that finds {O} is missing.",
        "There is no step for {O}, and they are needed.",
    ),
    "ends_too_soon": (
        "The answer comes before {Q} {is} found.",
        "A step is missing: {Q} {is} not found.",
        "The step that finds {Q} is missing.",
    ),
    "wrong_final": (
        "The question asks for {Q}, so the answer is {v}.",
        "The answer should be {v}, not {w}.",
        "{Q} {is} {v}, so the answer is not {w}.",
        "{w} is the number of {D}, but the question asks for {Q}.",
        "The steps are right, but the answer should be {v}.",
    ),
    "malformed": (
        "This step is not clear.",
        "This is not a step of the solution.",
        "This step says nothing that is right or wrong.",
    ),
    "no_answer": (
        "The answer is missing.",
        "The solution has no answer.",
        "The solution is left before the answer.",
    ),
}

# What each operation says of a quantity. `{R}` and `{S}` are its operands.
MEANINGS = {
    "sum": "{Q} {is} the total of {R} and {S}",
    "total": "the question asks for the total of {R} and {S}",
    "difference": "{Q} {is} the difference between {R} and {S}",
    "gap": "the question asks for the difference between {R} and {S}",
    "more": "{Q} {is} {k} more than {R}",
    "fewer": "{Q} {is} {k} fewer than {R}",
    "times": "{Q} {is} {times} as many as {R}",
    "share": "{Q} {is} {part} of {R}",
    "pack": "{R} hold {Q}, {k} in each",
    "fill": "{R} hold {Q}, as many as {S} in each",
}


def explain(problem: Problem, mistake: Mistake, draw: Draw) -> str:
    """What is wrong, in one of the phrasings that fit the mistake."""
    return phrase(situation(problem, mistake), filled_slots(problem, mistake), draw)


def phrase(kind: str, slots: dict[str, str], draw: Draw) -> str:
    """One of the phrasings of a kind of mistake whose slots are all filled."""
    usable = [text for text in PHRASES[kind] if slots.keys() >= set(re.findall(r"\{(\w+)\}", text))]
    text = draw.pick(usable).format_map(slots)
    return text[0].upper() + text[1:]


def situation(problem: Problem, mistake: Mistake) -> str:
    """The key of `PHRASES` that a mistake calls for."""
    if mistake.fault == "malformed":
        return "no_answer" if mistake.absent is not None else "malformed"
    if mistake.fault == "undefined_quantity":
        return "undefined_quantity" if mistake.node is None else "out_of_order"
    if mistake.fault == "missing_step" and mistake.claim and mistake.claim.final:
        return "ends_too_soon"
    if mistake.fault == "wrong_operation" and mistake.node is not None and not problem.nodes[mistake.node].operands:
        return "not_to_compute"
    return mistake.fault


def filled_slots(problem: Problem, mistake: Mistake) -> dict[str, str]:
    """Everything that can be said about a mistake."""
    claim = mistake.claim
    slots: dict[str, str] = {}
    if mistake.node is not None:
        slots |= truth_slots(problem, mistake.node)
    if mistake.absent is not None and problem.nodes[mistake.absent].name.owner:
        slots["O"] = str(problem.nodes[mistake.absent].name)
    if claim is None:
        return slots
    if mistake.node is None and claim.name and claim.name.owner:
        slots["P"] = str(claim.name)
    if mistake.fault in ("arithmetic_slip", "wrong_final"):
        slots |= wrong_number(problem, claim.result, mistake.node)
    if mistake.fault == "wrong_operation" and {str(claim.left), str(claim.right)} == {slots.get("l"), slots.get("r")}:
        slots["u"] = claim.sign or ""
    if mistake.fault == "wrong_operand":
        slots |= operand_slots(problem, mistake)
    return slots


def truth_slots(problem: Problem, node: int) -> dict[str, str]:
    """The quantity, its value, its arithmetic and its definition."""
    name, op, operands, constant, value = problem.nodes[node]
    slots = {"Q": str(name), "is": "are" if name.owner else "is", "v": str(value)}
    if not operands:
        return slots
    left, sign, right = problem.arithmetic(node)
    slots |= {"l": str(left), "s": sign, "r": str(right), "R": str(problem.nodes[operands[0]].name)}
    if constant is None:
        slots["S"] = str(problem.nodes[operands[1]].name)
    meaning = MEANINGS[op].format_map(
        slots | {"k": str(constant), "times": TIMES.get(constant or 0, ""), "part": PARTS.get(constant or 0, "")}
    )
    return slots | {"meaning": meaning}


def wrong_number(problem: Problem, number: int | None, node: int | None) -> dict[str, str]:
    """A wrong number and, if there is one, another quantity that has it. Numbers without a token are not quoted."""
    if number is None or not 0 <= number <= LARGEST_BOUND:
        return {}
    slots = {"w": str(number)}
    holders = [str(n.name) for i, n in enumerate(problem.nodes) if n.value == number and n.name.owner and i != node]
    if holders:
        slots["D"] = holders[0]
    return slots


def operand_slots(problem: Problem, mistake: Mistake) -> dict[str, str]:
    """The one operand that is wrong and what it should be; nothing if both are, or only their order."""
    claim, node = mistake.claim, mistake.node
    if claim is None or node is None:
        return {}
    truth = problem.nodes[node]
    if claim.sign is None:
        return {"O": str(truth.name), "o": str(truth.value)} | wrong_number(problem, claim.result, node)
    left, _, right = problem.arithmetic(node)
    said, wanted = [claim.left, claim.right], [left, right]
    if truth.symbol in COMMUTATIVE and (claim.left == right or claim.right == left):
        said.reverse()
    wrong = [place for place in (0, 1) if said[place] != wanted[place]]
    if len(wrong) != 1:
        return {}
    place = wrong[0]
    if place == 1 and truth.constant is not None:
        stated = {"k": str(right)} if truth.op in ("more", "fewer", "pack") else {}
        return stated | wrong_number(problem, said[1], node)
    operand = truth.operands[place]
    return {"O": str(problem.nodes[operand].name), "o": str(wanted[place])} | wrong_number(
        problem, said[place], operand
    )
