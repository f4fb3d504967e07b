"""Two arms side by side: does one tell its own right answers from its wrong ones better than the other?

Each run of an arm picks among candidates of its own, so that no candidate is shared; the questions are. Everything is
first a mean over the samplings of a question within a run; runs are then what they are for accuracies
(`lema.base.differences`): draws of a training, which do not pair.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING

import msgspec

from lema.base.differences import Difference, difference
from lema.base.errors import InputError

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    Floats = NDArray[np.float64]


class Ability(msgspec.Struct, frozen=True):
    """One run on one question, as means over its samplings: scores of 0 to 1."""

    gen: float  # of a candidate drawn at random
    disc: float  # of the candidate that is picked
    oracle: float  # of the best candidate
    vote: float  # of the majority's answer


class Arm(msgspec.Struct, frozen=True, kw_only=True):
    """The runs of one arm, each by question id. `drawn`: new ones could be trained; not so a model before training."""

    runs: Sequence[Mapping[str, Ability]]
    drawn: bool


class Between(msgspec.Struct, frozen=True, kw_only=True):
    """What the second arm has more of than the first, over the questions that all their runs have."""

    questions: int
    gen: Difference
    difference: Difference  # of DG-DIFF
    headroom: Difference  # of oracle less S_gen
    vote: Difference  # of the majority's gain over S_gen


#: What is compared, of one run on one question.
MEASURES: dict[str, Callable[[Ability], float]] = {
    "gen": lambda one: one.gen,
    "difference": lambda one: one.disc - one.gen,
    "headroom": lambda one: one.oracle - one.gen,
    "vote": lambda one: one.vote - one.gen,
}


def between(first: Arm, second: Arm, lenders: Sequence[Arm] = ()) -> Between:
    """Compare two arms.

    Args:
        lenders: other arms of the same kind of training on the same task, which tell how far runs spread.

    Raises:
        InputError: they have no question in common.
    """
    shared = common([*first.runs, *second.runs])
    if not shared:
        raise InputError("the two models have picked among answers to different questions")
    others = [(arm, ids) for arm in lenders if arm.drawn and len(arm.runs) > 1 and (ids := common(arm.runs))]
    return Between(
        questions=len(shared),
        **{
            name: difference(
                scores(second, shared, of),
                scores(first, shared, of),
                drawn=(second.drawn, first.drawn),
                lenders=[scores(arm, ids, of) for arm, ids in others],
            )
            for name, of in MEASURES.items()
        },
    )


def common(runs: Sequence[Mapping[str, Ability]]) -> list[str]:
    """The questions that all runs have, in order of the first."""
    return [id_ for id_ in runs[0] if all(id_ in run for run in runs)]


def scores(arm: Arm, questions: Sequence[str], of: Callable[[Ability], float]) -> Floats:
    """[runs x questions]"""
    import numpy as np

    return np.array([[of(run[id_]) for id_ in questions] for run in arm.runs], dtype=np.float64)
