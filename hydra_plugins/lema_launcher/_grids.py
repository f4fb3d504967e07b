"""What a sweep file sweeps over: grids, and the overrides that they are made of."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from lema.base.errors import ConfigError


def grids(params: Any) -> Iterator[Mapping[str, Any]]:
    """The grids of a sweep file's `hydra.sweeper.params`: one mapping, or a list of them.

    Raises:
        ConfigError: it is neither.
    """
    several = [params] if isinstance(params, Mapping) else params or ()
    if isinstance(several, str) or not all(isinstance(grid, Mapping) for grid in several):
        raise ConfigError("hydra.sweeper.params: expected keys with their values, or a list of such grids")
    yield from several


def swept(key: str, value: Any) -> str:
    """An override of a sweep file as a line.

    Raises:
        ConfigError: the value is a list or a mapping, of which it is unclear whether it is one value or several.
    """
    if isinstance(value, str | int | float | bool):
        return f"{key}={str(value).lower() if isinstance(value, bool) else value}"
    raise ConfigError(f"hydra.sweeper.params.{key}: write the values as text, such as 'a,b' or 'range(0,3)'")
