"""Parts of a report about soundness: answers that are right for the right reason."""

from __future__ import annotations

from lema.report.tables.parts import Part


class SoundRow(Part, frozen=True, kw_only=True):
    """One arm on one task whose questions have a trace; shares of 1, over its runs.

    Sound: the answer is right, and no step of the path is wrong against the trace. `faults_of_right` and
    `faults_of_wrong` are classes of the first wrong step (`lema.synth.reading`) as shares of all answers; together
    with `sound` they make up all answers but those that are wrong without a wrong step, which cannot be.
    """

    arm: str
    task: str
    n: int
    seeds: tuple[int, ...]
    accuracy: float
    sound: float
    low: float  # of `sound`, 95 %
    high: float
    interval: str  # how low and high were made
    by_seed: tuple[float, ...]
    of_right: float | None  # share of the right answers that are sound; None where none is right
    faults_of_right: dict[str, float]
    faults_of_wrong: dict[str, float]
