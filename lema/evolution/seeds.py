"""Which questions are evolved: draws with replacement (paper §2.2, App. C.5)."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

from lema.base.errors import InputError
from lema.synth.draw import Draw


def draw_seeds(ids: Sequence[str], count: int, seed: int) -> list[tuple[str, int]]:
    """`count` draws with replacement from rows of question ids: (id, number of this draw among those of the id).

    Raises:
        InputError: there is nothing to draw from.
    """
    if not ids:
        raise InputError(
            "evolution has no seeds: there is not one accepted correction, or not one question, to draw from. "
            "Collect more mistakes: generation.questions.stop, generation.sampling.n."
        )
    draw = Draw("evolution seeds", seed)
    copies: Counter[str] = Counter()
    seeds = []
    for _ in range(count):
        drawn = draw.pick(ids)
        seeds.append((drawn, copies[drawn]))
        copies[drawn] += 1
    return seeds
