"""What a stage's process is told, and what it answers: plain JSON on both sides."""

from __future__ import annotations

from typing import Any

import msgspec


class Job(msgspec.Struct, frozen=True, kw_only=True):
    """What a worker is told. Stages that share a loaded model are one job, done in the order of their `keys`."""

    keys: tuple[str, ...]
    store: str
    point: dict[str, Any]
    overrides: tuple[str, ...] = ()
    group: str = ""
    place: tuple[int, int] | None = None  # of several processes that share one stage: which, and how many there are


class Result(msgspec.Struct, frozen=True, kw_only=True):
    """What a worker says when a stage ends, one line a stage; the last `exit_code` is that of the process."""

    key: str
    exit_code: int
    error: str = ""
    seconds: float = 0.0
    elsewhere: bool = False  # somebody else published the stage while we waited
