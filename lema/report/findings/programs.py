"""What running a model's programs showed (PaD, arXiv 2305.13888)."""

from __future__ import annotations

from collections.abc import Sequence

from lema.report.findings.arms import Evaluated
from lema.report.tables.parts import ProgramRow


def program_rows(arms: Sequence[Evaluated]) -> tuple[ProgramRow, ...]:
    """One row an arm, seed and task whose answers are programs."""
    found = []
    for arm in arms:
        counts = arm.artifact.summary.get("programs")
        if counts is not None and not arm.grader:
            found.append(
                ProgramRow(
                    arm=arm.arm,
                    seed=arm.seed,
                    task=arm.task,
                    n=arm.artifact.summary["questions"],
                    right=arm.artifact.summary["right"],
                    executed=counts["executed"],
                    errors=counts["errors"],
                    refined=counts["refined"],
                    refined_executed=counts["refined_executed"],
                    right_pad_v1=counts["right_pad_v1"],
                )
            )
    return tuple(found)
