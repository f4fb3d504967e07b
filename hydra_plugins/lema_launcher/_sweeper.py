"""The points of a sweep: Hydra's basic sweeper, without its files, its second composition and its precedence."""

from __future__ import annotations

from typing import Any

from hydra._internal.core_plugins.basic_sweeper import BasicSweeper
from hydra.core.override_parser.overrides_parser import OverridesParser

from hydra_plugins.lema_launcher._grids import grids, swept
from hydra_plugins.lema_launcher._loader import Loader
from hydra_plugins.lema_launcher._overrides import bare_key
from hydra_plugins.lema_launcher._stock import check

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
            loader = self.hydra_context.config_loader
            assert isinstance(loader, Loader)
            check(loader, points)
        return self.launcher.launch(points, initial_job_idx=0)


def last_given(arguments: list[str]) -> list[str]:
    """Of several overrides of one key, however they are written, the last: as in a run without a sweep."""
    return list({bare_key(line): line for line in arguments}.values())
