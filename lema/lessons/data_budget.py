"""How large a training set may be (`data_budget`), and what goes when something must."""

from __future__ import annotations

import random
from collections.abc import Callable, Sequence
from typing import Annotated, Literal, TypeVar

from pydantic import Field

from lema.base.errors import ConfigError, InputError
from lema.base.spec import Spec, since, spec

E = TypeVar("E")  # an example, or whatever stands for one


@spec
class Budget(Spec):
    """How many examples, or target tokens, a training set has; neither means all there are.

    When something must go, `keep` says what stays: `corrections` drops CoT first (LEMA-32K of
    §4.1), `cot` drops corrections first, `shares` drops both in proportion. `share` fixes how much of
    the examples corrections are, to the nearest example. `examples="cot"` is as many as the mix has CoT examples,
    leaks already left out, counted when the mix is made: the size of the arm with CoT alone.
    """

    kind = "budget"
    examples: Annotated[int, Field(ge=1)] | Literal["cot"] | None = None
    target_tokens: Annotated[int, Field(ge=1)] | None = None
    keep: Literal["corrections", "cot", "shares"] = "corrections"
    share: Annotated[float, Field(ge=0, le=1)] | None = since(None)

    def check(self) -> None:
        if self.examples is not None and self.target_tokens is not None:
            raise ConfigError("give examples or target_tokens, not both")
        if self.share is not None and self.examples is None:
            raise ConfigError("share: a share of corrections needs a number of examples to be a share of")

    @property
    def full(self) -> bool:
        return self.examples is None and self.target_tokens is None


TOLERANCE = 0.005  # of a token budget


def spend(budget: Budget, cot: Sequence[E], corrections: Sequence[E], tokens: Callable[[E], int], seed: int) -> list[E]:
    """The examples that a budget buys, in the seeded order of training.

    Raises:
        InputError: the budget is larger than what there is, or no choice of examples meets it.
    """
    draw = random.Random(seed)
    if budget.full:
        chosen = [*cot, *corrections]
    elif budget.examples is not None:
        wanted = _as_many_as(cot) if budget.examples == "cot" else budget.examples
        chosen = _by_count(budget, wanted, cot, corrections, draw)
    else:
        chosen = _by_tokens(budget, budget.target_tokens or 0, cot, corrections, tokens, draw)
    draw.shuffle(chosen)
    return chosen


def _as_many_as(cot: Sequence[E]) -> int:
    if not cot:
        raise InputError(
            "data_budget.examples=cot is as many examples as the mix has CoT examples, and it has none. Take a mix "
            "with CoT and questions for it (cot_questions, augmentation), or a number of examples."
        )
    return len(cot)


def _priority(budget: Budget, cot: Sequence[E], corrections: Sequence[E], draw: random.Random) -> list[E]:
    """All examples in the order in which they are taken until the budget is spent."""
    cot = draw.sample(cot, len(cot))
    corrections = draw.sample(corrections, len(corrections))
    if budget.keep == "corrections":
        return [*corrections, *cot]
    if budget.keep == "cot":
        return [*cot, *corrections]
    # Any prefix of this interleaving holds both in proportion, to within one example.
    places = [((i + 0.5) / len(cot), 0, i) for i in range(len(cot))]
    places += [((i + 0.5) / len(corrections), 1, i) for i in range(len(corrections))]
    return [(cot, corrections)[which][i] for _, which, i in sorted(places)]


def _by_count(budget: Budget, wanted: int, cot: Sequence[E], corrections: Sequence[E], draw: random.Random) -> list[E]:
    there = len(cot) + len(corrections)
    if wanted > there:
        raise InputError(
            f"data_budget.examples is {wanted:,} but the mix has only {there:,} examples "
            f"({len(cot):,} CoT, {len(corrections):,} from corrections). Lower data_budget.examples, or make more: "
            "cot_questions.stop, generation.questions.stop, generation.sampling.n."
        )
    if budget.share is not None:
        return _by_share(budget.share, wanted, cot, corrections, draw)
    return _priority(budget, cot, corrections, draw)[:wanted]


def _by_share(share: float, wanted: int, cot: Sequence[E], corrections: Sequence[E], draw: random.Random) -> list[E]:
    of_corrections = round(share * wanted)
    for name, there, needed in (
        ("examples from corrections", corrections, of_corrections),
        ("CoT examples", cot, wanted - of_corrections),
    ):
        if needed > len(there):
            raise InputError(
                f"data_budget.share={share:g} of data_budget.examples={wanted:,} needs {needed:,} {name}, and the mix "
                f"has {len(there):,}. Lower data_budget.examples, choose another share, or make more of them: "
                "cot_questions.stop, generation.questions.stop, generation.sampling.n."
            )
    return [*draw.sample(corrections, of_corrections), *draw.sample(cot, wanted - of_corrections)]


def _by_tokens(
    budget: Budget,
    wanted: int,
    cot: Sequence[E],
    corrections: Sequence[E],
    tokens: Callable[[E], int],
    draw: random.Random,
) -> list[E]:
    ranked = _priority(budget, cot, corrections, draw)
    sizes = [tokens(example) for example in ranked]
    there = sum(sizes)
    slack = int(wanted * TOLERANCE)
    if wanted > there + slack:
        raise InputError(
            f"data_budget.target_tokens is {wanted:,} but the mix has only {there:,} target tokens in {len(ranked):,} "
            "examples. Lower data_budget.target_tokens, or make more: cot_questions.stop, "
            "generation.questions.stop, generation.sampling.n."
        )
    # In order of priority, each example that still fits: large ones are passed over only at the end.
    chosen: list[E] = []
    left = wanted
    for example, size in zip(ranked, sizes, strict=True):
        if size <= left:
            chosen.append(example)
            left -= size
        if left <= 0:
            break
    if left > slack:
        raise InputError(
            f"data_budget.target_tokens is {wanted:,}: no choice of whole examples comes within "
            f"{TOLERANCE:.1%} of it (the nearest found is {wanted - left:,}; the smallest example has {min(sizes)} "
            "target tokens). Choose another budget."
        )
    return chosen
