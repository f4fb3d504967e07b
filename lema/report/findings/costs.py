"""What a report's stages cost, by kind and one by one."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from lema.report.model import Report, StageLine
from lema.report.tables.tables import Column, Table, table
from lema.report.tables.text import count, duration

NOTE = (
    "Times as measured on the machine that ran each stage; stages that ran side by side overlap. Each stage ran once, "
    "however many arms use it."
)


def by_kind(report: Report) -> Table:
    """Number, time and tokens of the stages of each kind, and of all."""
    kinds: dict[str, list[StageLine]] = {}
    for stage in report.stages:
        kinds.setdefault(stage.name, []).append(stage)
    columns: list[Column | None] = [
        ("stages", lambda kind: kind, True),
        ("number", lambda kind: count(len(kinds[kind])), False),
        ("time", lambda kind: sums(kinds[kind])[0], False),
        ("prompt tokens", lambda kind: sums(kinds[kind])[1], False),
        ("new tokens", lambda kind: sums(kinds[kind])[2], False),
    ]
    total = ("in all", count(len(report.stages)), *sums(report.stages))
    return table("Cost", kinds, columns, note=NOTE, total=total)


def one_by_one(report: Report) -> Table:
    """Time and tokens of each stage."""
    columns: list[Column | None] = [
        ("stage", lambda stage: stage.name, True),
        ("key", lambda stage: stage.key, True),
        ("time", lambda stage: duration(stage.seconds), False),
        ("prompt tokens", lambda stage: count(stage.prompt_tokens), False),
        ("new tokens", lambda stage: count(stage.completion_tokens), False),
    ]
    return table("Stage by stage", report.stages, columns)


def sums(stages: Sequence[StageLine]) -> tuple[str, str, str]:
    """Time, prompt tokens and new tokens of these stages."""
    seconds = known(stage.seconds for stage in stages)
    prompts = known(stage.prompt_tokens for stage in stages)
    return duration(seconds), count(prompts), count(known(stage.completion_tokens for stage in stages))


def known(numbers: Iterable[float | None]) -> float | None:
    """The sum of what was counted; None if nothing was."""
    counted = [number for number in numbers if number is not None]
    return sum(counted) if counted else None
