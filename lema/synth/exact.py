"""The exact filter of corrections: what is right about one beyond its final answer."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

from lema.base.records import Correction
from lema.synth.problem import Problem
from lema.synth.reading import read_path

Flaw = Literal["", "wrong_step", "wrong_class", "wrong_solution"]


def flaw(correction: Correction, wrong: Sequence[str], problem: Problem) -> Flaw:
    """The first thing that is wrong with a correction; empty for none.

    The step that it names must be the first wrong one, its class (where it gives one) the right
    one, and the path up to there together with its own steps free of mistakes.
    """
    mistake = read_path(wrong, problem).mistake
    if mistake is None or correction.step != mistake.step:
        return "wrong_step"
    if correction.error and correction.error != mistake.fault:
        return "wrong_class"
    whole = [*wrong[: mistake.step - 1], *correction.solution]
    return "wrong_solution" if read_path(whole, problem).mistake else ""
