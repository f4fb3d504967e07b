"""What `json=true` prints: one JSON document on standard output, and nothing else there.

mode=plan, status, wait    `Stages`
mode=cancel                `Cancelled`
mode=doctor                `Findings`

Names and meanings of fields stay; new fields may come. What is not known, or means nothing in that mode, is null.
Exit codes are those of the command without `json=true`. A command that ends with code 2 before it knew anything
prints no document; what was wrong is on standard error, as always.
"""

from __future__ import annotations

import sys
from collections import Counter
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import msgspec


class StageState(msgspec.Struct, frozen=True, kw_only=True):
    """One stage of the merged plan."""

    kind: str
    key: str
    #: Without slurm=: have, running, ready, waiting. With it: have, waiting, running, ending, elsewhere, failed,
    #: stopped, lost, missing (`lema.cluster.watch.State`); in mode=plan the former.
    state: str
    needs: str  # "cpu", "gpu" or "teacher"
    upstream: tuple[str, ...]  # keys of the stages that it needs
    experiments: tuple[int, ...]  # numbers, from 0, of the command's experiments that need it
    done: int | None = None  # of `total`, of unfinished work
    total: int | None = None
    job: str | None = None  # of SLURM: the last one
    where: str | None = None  # host, host:pid, or why the job waits
    error: str | None = None  # what it said last
    log: str | None = None
    asks: dict[str, Any] | None = None  # mode=plan slurm=: what the job of a missing stage asks for


class Stages(msgspec.Struct, frozen=True, kw_only=True):
    """mode=plan, status, wait. The stages are in an order in which each comes after what it needs."""

    mode: str
    store: str
    experiments: int
    counts: dict[str, int]  # stages by state
    stages: tuple[StageState, ...]


class CancelledJob(msgspec.Struct, frozen=True, kw_only=True):
    """One job that was taken out of the queue."""

    kind: str
    key: str
    job: str


class Cancelled(msgspec.Struct, frozen=True, kw_only=True):
    """mode=cancel."""

    mode: str
    store: str
    cancelled: tuple[CancelledJob, ...]
    ending: int  # how many of them were still ending when the command gave up waiting


class Found(msgspec.Struct, frozen=True, kw_only=True):
    """One thing that was looked at."""

    what: str
    state: str  # "ok", "note" or "bad"
    said: str


class Findings(msgspec.Struct, frozen=True, kw_only=True):
    """mode=doctor."""

    mode: str
    findings: tuple[Found, ...]


def stages(mode: str, store: Path, experiments: int, listed: Iterable[StageState]) -> Stages:
    """The document of mode=plan, status and wait."""
    whole = tuple(listed)
    counts = dict(Counter(stage.state for stage in whole))
    return Stages(mode=mode, store=str(store), experiments=experiments, counts=counts, stages=whole)


def write(document: msgspec.Struct) -> None:
    """Print a document."""
    sys.stdout.write(msgspec.json.format(msgspec.json.encode(document), indent=1).decode() + "\n")
