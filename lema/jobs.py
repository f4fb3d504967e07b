"""What a stage's process is told, and what it answers: plain JSON on both sides."""

from __future__ import annotations

from typing import Any

import msgspec


class Job(msgspec.Struct, frozen=True, kw_only=True):
    """What a worker is told."""

    key: str
    store: str
    point: dict[str, Any]
    overrides: tuple[str, ...] = ()
    group: str = ""


class Result(msgspec.Struct, frozen=True, kw_only=True):
    """What a worker says when it ends; `exit_code` is that of the process."""

    exit_code: int
    error: str = ""
    seconds: float = 0.0
    elsewhere: bool = False  # somebody else published the stage while we waited
