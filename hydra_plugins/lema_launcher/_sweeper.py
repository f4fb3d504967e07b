"""The points of a sweep: as Hydra's basic sweeper, without its files, its second composition and its precedence."""

from __future__ import annotations

import itertools
import math
from collections.abc import Sequence
from typing import Any

from hydra.core.override_parser.overrides_parser import OverridesParser
from hydra.core.override_parser.types import ChoiceSweep, Glob, Override, RangeSweep
from hydra.core.plugins import Plugins
from hydra.plugins.sweeper import Sweeper
from hydra.types import HydraContext, TaskFunction
from omegaconf import DictConfig

from hydra_plugins.lema_launcher._grids import grids, swept
from hydra_plugins.lema_launcher._loader import Loader
from hydra_plugins.lema_launcher._overrides import NO_INTERVAL, bare_key
from hydra_plugins.lema_launcher._stock import check
from lema.base.errors import ConfigError

MOST_POINTS = 10_000
STOCK = "hydra_plugins.hydra_submitit_launcher."  # Hydra's launchers that make each point a job of its own


class LemaSweeper(Sweeper):
    """All points of one grid, or of several, in one batch.

    A grid is the product of its swept keys; a sweep file that gives a list of grids compares what is no
    product, such as four arms of which one has a budget. A key given on the command line replaces what
    the file says of it, in each grid.
    """

    def __init__(self, params: Any = None) -> None:
        self.grids = params

    def setup(self, *, hydra_context: HydraContext, task_function: TaskFunction, config: DictConfig) -> None:
        self.hydra_context = hydra_context
        self.launcher = Plugins.instance().instantiate_launcher(
            hydra_context=hydra_context, task_function=task_function, config=config
        )

    def sweep(self, arguments: list[str]) -> Any:
        """Expand, and launch all points at once."""
        assert self.launcher is not None and self.hydra_context is not None
        given = {bare_key(line) for line in arguments}
        parser = OverridesParser.create(config_loader=self.hydra_context.config_loader)
        points: list[list[str]] = []
        for grid in list(grids(self.grids)) or [{}]:
            lines = [swept(key, value) for key, value in grid.items() if bare_key(f"{key}=0") not in given]
            points += product(parser.parse_overrides([*lines, *last_given(arguments)]))
        if type(self.launcher).__module__.startswith(STOCK):
            loader = self.hydra_context.config_loader
            assert isinstance(loader, Loader)
            check(loader, points)
        return self.launcher.launch(points, initial_job_idx=0)


def product(overrides: Sequence[Override]) -> list[list[str]]:
    """The overrides of each point, the last sweep running fastest.

    Raises:
        ConfigError: one of them is a sweep without a list of values, or of none; or they are too many.
    """
    total = 1
    for override in overrides:
        total *= _count(override)
        if total > MOST_POINTS:
            raise ConfigError(f"{override.key_or_group}: a sweep of more than {MOST_POINTS:,} points. Sweep over fewer")
    return [list(point) for point in itertools.product(*map(_values, overrides))]


def _count(override: Override) -> int:
    """How many values an override has, without making them.

    Raises:
        ConfigError: none, or more than can be counted.
    """
    swept = override.value() if override.is_sweep_override() else None
    if isinstance(swept, RangeSweep):
        start, stop, step = swept.start or 0, swept.stop, swept.step
        if stop is None or not step or not all(map(math.isfinite, (start, stop, step))):
            raise ConfigError(f"{override.key_or_group}: expected range(start,stop,step) with a step other than 0")
        count = max(0, math.ceil((stop - start) / step))
    elif isinstance(swept, ChoiceSweep):
        count = len(list(swept.list))
    elif isinstance(swept, Glob):
        loader = override.config_loader
        group = loader is not None and loader.list_groups("") and override.key_or_group in loader.list_groups("")
        if not group:
            raise ConfigError(f"{override.key_or_group}: glob(...) takes options of a group, and this is none")
        count = sum(1 for _ in override.sweep_string_iterator())
    else:
        return 1
    if not count:
        raise ConfigError(f"{override.key_or_group}: a sweep without any value")
    return count


def _values(override: Override) -> list[str]:
    key = override.get_key_element()
    if not override.is_sweep_override():
        return [f"{key}={override.get_value_element_as_str()}"]
    if not override.is_discrete_sweep():
        raise ConfigError(f"{override.key_or_group}: {NO_INTERVAL}")
    return [f"{key}={value}" for value in override.sweep_string_iterator()]


def last_given(arguments: list[str]) -> list[str]:
    """Of several overrides of one key, however they are written, the last: as in a run without a sweep."""
    return list({bare_key(line): line for line in arguments}.values())
