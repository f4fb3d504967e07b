"""What an answering says of its answers beside their verdicts: of a vote, how many of the samples agree."""

from __future__ import annotations

from collections.abc import Sequence

from lema.answering.answering import Measured
from lema.base.stats import clustered_mean
from lema.report.findings.arms import Evaluated
from lema.report.tables.parts import MeasureRow

FILE = "measures.jsonl"


def measure_rows(arms: Sequence[Evaluated]) -> tuple[MeasureRow, ...]:
    """One row an arm, seed, task and measure, over the questions that have the measure."""
    found = []
    for arm in arms:
        if arm.grader or FILE not in arm.artifact.manifest.files:
            continue
        rows = list(arm.artifact.rows(FILE, Measured))
        for name in dict.fromkeys(name for row in rows for name in row.measures):
            shares = [[row.measures[name]] for row in rows if name in row.measures]
            mean = clustered_mean(shares)
            found.append(
                MeasureRow(
                    arm=arm.arm,
                    seed=arm.seed,
                    task=arm.task,
                    measure=name,
                    n=len(shares),
                    mean=mean.estimate,
                    low=mean.low,
                    high=mean.high,
                )
            )
    return tuple(found)
