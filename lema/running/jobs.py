"""What a stage's process is told, and what it answers: plain JSON on both sides; and which Python it is."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import msgspec

from lema.base.errors import ConfigError
from lema.base.optional import require_own
from lema.config.pythons import Pythons, own_python
from lema.store.stage import Stage


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


def python_of(stage: Stage, pythons: Pythons) -> str | None:
    """The Python of a stage's process on this machine; None: the one that runs now.

    Raises:
        ConfigError: the one that is named is not there.
        MissingExtra: none is named, and what the stage needs is not in this one.
    """
    name = own_python(stage)
    if name is None:
        return None
    if not (named := pythons.get(name)):
        require_own(name)
        return None
    path = Path(named).expanduser().absolute()
    if not path.is_file():
        raise ConfigError(f"pythons.{name}: {path} is not there; name the Python of the environment that has {name}")
    return None if path == Path(sys.executable) else str(path)
