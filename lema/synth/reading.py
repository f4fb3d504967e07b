"""Reading a path against the truth: the first wrong step, and what kind of mistake it is.

Meaning is judged strictly, one claim after another:

- arithmetic_slip     operands and operation are right, the result is not
- wrong_operand       the operation is right, but not what it is applied to
- wrong_operation     another operation than the definition's, or arithmetic for a number that is given
- undefined_quantity  the text does not have it, or it is computed before what it is made of
- missing_step        a right number is used that no step has derived, or the answer comes too soon
- wrong_final         all steps are right, and the last line gives another number
- malformed           a step cannot be read, or the path has no last line

A step that the answer does not need is no mistake if what it says is right; neither is a step that
only repeats, or one without any number. A mistake in an unneeded step is a mistake.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal, NamedTuple

from lema.synth.claims import Claim, read_claims, unreadable
from lema.synth.graph import COMMUTATIVE
from lema.synth.problem import Problem

Fault = Literal[
    "arithmetic_slip",
    "wrong_operand",
    "wrong_operation",
    "undefined_quantity",
    "missing_step",
    "wrong_final",
    "malformed",
]
FAULTS: tuple[Fault, ...] = Fault.__args__  # type: ignore[attr-defined]


class Mistake(NamedTuple):
    """The first mistake of a path."""

    step: int  # 1-based place in the path
    fault: Fault
    claim: Claim | None = None  # what is wrong; None where nothing could be read
    node: int | None = None  # the quantity that the claim is about, if the problem has it
    absent: int | None = None  # the quantity that is used or answered with, and that no step has derived


class Reading(NamedTuple):
    """What a path claims, and where it first goes wrong."""

    claims: tuple[Claim, ...]
    mistake: Mistake | None
    derived: frozenset[int]  # quantities that steps *before* the wrong one derived, rightly


def read_path(steps: Sequence[str], problem: Problem) -> Reading:
    """Read the texts of a path's steps (see `lema.base.reasoning_steps.split_steps`)."""
    claims: list[Claim] = []
    derived: set[int] = set()
    before: frozenset[int] = frozenset()
    for number, text in enumerate(steps, 1):
        before = frozenset(derived)
        made = read_claims(number, text)
        claims += made
        if not made and unreadable(text):
            return Reading(tuple(claims), Mistake(number, "malformed"), before)
        for claim in made:
            mistake = check(claim, problem, derived)
            if mistake or claim.final:
                return Reading(tuple(claims), mistake, before)
    # Nothing is wrong but that it stops: the last step is the one from which it should have gone on.
    stopped = Mistake(max(len(steps), 1), "malformed", absent=problem.asked)
    return Reading(tuple(claims), stopped, before)


def check(claim: Claim, problem: Problem, derived: set[int]) -> Mistake | None:
    """Judge one claim; a right one adds its quantity to `derived`."""
    if claim.final:
        return check_final(claim, problem, derived)
    node = named(claim, problem, derived)
    if node is None:
        fault: Fault = "undefined_quantity" if claim.name else "malformed"
        return Mistake(claim.step, fault, claim)
    truth = problem.nodes[node]
    if claim.sign is None:
        fault_found: Fault | None = None if claim.result == truth.value else "arithmetic_slip"
        if fault_found and not truth.operands:
            fault_found = "wrong_operand"  # a number of the text, copied wrongly
    elif not truth.operands:
        fault_found = "wrong_operation"
    else:
        fault_found = compare(claim, problem.arithmetic(node), truth.value)
    absent = next((i for i in truth.operands if problem.nodes[i].operands and i not in derived), None)
    if absent is not None and truth.operands and node not in derived:
        early: Fault = "undefined_quantity" if fault_found in ("wrong_operand", "wrong_operation") else "missing_step"
        return Mistake(claim.step, early, claim, node, absent)
    if fault_found:
        return Mistake(claim.step, fault_found, claim, node)
    if truth.operands:
        derived.add(node)
    return None


def check_final(claim: Claim, problem: Problem, derived: set[int]) -> Mistake | None:
    """The last line must come after the asked quantity, and give its value."""
    if problem.asked not in derived:
        return Mistake(claim.step, "missing_step", claim, problem.asked, problem.asked)
    if claim.result != problem.answer:
        return Mistake(claim.step, "wrong_final", claim, problem.asked)
    return None


def compare(claim: Claim, arithmetic: tuple[int, str, int], value: int) -> Fault | None:
    """Judge the arithmetic of a claim against that of the definition."""
    left, sign, right = arithmetic
    operands, wanted = (claim.left, claim.right), (left, right)
    if sign in COMMUTATIVE and operands == (right, left):
        operands = wanted
    # Twice a number is the number added to itself.
    doubled = sign == "*" and right == 2 and claim.sign == "+" and operands == (left, left)
    if claim.sign != sign and not doubled:
        return "wrong_operation"
    if operands != wanted and not doubled:
        return "wrong_operand"
    return None if claim.result == value else "arithmetic_slip"


def named(claim: Claim, problem: Problem, derived: set[int]) -> int | None:
    """The quantity that a claim is about: by its name or, without one, by its arithmetic."""
    if claim.name:
        return next((i for i, node in enumerate(problem.nodes) if node.name == claim.name), None)
    if claim.final:
        return None
    order = [i for i in problem.order if i not in derived]
    order += [i for i, node in enumerate(problem.nodes) if node.operands and i not in order]
    for node in order:
        if claim.sign and compare(claim, problem.arithmetic(node), problem.nodes[node].value) is None:
            return node
    return None
