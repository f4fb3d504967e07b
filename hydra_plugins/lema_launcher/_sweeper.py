"""The points of a sweep: Hydra's basic sweeper, without its files, its second composition and its precedence."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from hydra._internal.core_plugins.basic_sweeper import BasicSweeper
from hydra.core.override_parser.overrides_parser import OverridesParser

from hydra_plugins.lema_launcher._overrides import bare_key
from lema.base.errors import ConfigError

STOCK = "hydra_plugins.hydra_submitit_launcher."  # Hydra's launchers that make each point a job of its own


class LemaSweeper(BasicSweeper):
    """All points of one grid, or of several, in one batch.

    A grid is the product of its swept keys; a sweep file that gives a list of grids compares what is no
    product, such as four arms of which one has a budget. A key given on the command line replaces what
    the file says of it, in each grid.
    """

    def __init__(self, params: Any = None) -> None:
        super().__init__(max_batch_size=None, params={})
        self.grids = params

    def sweep(self, arguments: list[str]) -> Any:
        """Expand, and launch all points at once."""
        assert self.launcher is not None and self.hydra_context is not None
        given = {bare_key(line) for line in arguments}
        parser = OverridesParser.create(config_loader=self.hydra_context.config_loader)
        points: list[list[str]] = []
        for grid in list(grids(self.grids)) or [{}]:
            lines = [swept(key, value) for key, value in grid.items() if bare_key(f"{key}=0") not in given]
            (product,) = self.split_arguments(parser.parse_overrides([*lines, *last_given(arguments)]), None)
            points += product
        if type(self.launcher).__module__.startswith(STOCK):
            from hydra_plugins.lema_launcher._loader import Loader
            from hydra_plugins.lema_launcher._stock import check

            loader = self.hydra_context.config_loader
            assert isinstance(loader, Loader)
            check(loader, points)
        return self.launcher.launch(points, initial_job_idx=0)


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


def last_given(arguments: list[str]) -> list[str]:
    """Of several overrides of one key, however they are written, the last: as in a run without a sweep."""
    return list({bare_key(line): line for line in arguments}.values())
