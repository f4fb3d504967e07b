"""What a vote among the candidates scores: the selector that needs no discriminator at all."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from statistics import fmean

Equal = Callable[[str, str], bool]


def classes(answers: Sequence[str | None], equal: Equal) -> list[list[int]]:
    """Numbers of the candidates by equal answers, in order of appearance; those without an answer are in none."""
    found: list[list[int]] = []
    for number, answer in enumerate(answers):
        if answer is None:
            continue
        same = next((one for one in found if equal(answers[one[0]] or "", answer)), None)
        if same is None:
            found.append([number])
        else:
            same.append(number)
    return found


def plurality(answers: Sequence[str | None], values: Sequence[float], equal: Equal) -> float:
    """The expected score of the answer that most candidates have, ties broken at random.

    Of an answer that several candidates have, their mean. Without any answer the worst score: there is nothing to say.
    """
    groups = classes(answers, equal)
    if not groups:
        return min(values)
    most = max(map(len, groups))
    return fmean(fmean(values[number] for number in group) for group in groups if len(group) == most)
