"""Hydra's side of the edge: sweeps are expanded, composed once a point, and handed over as one command.

Modules whose name begins with an underscore are left alone by Hydra's plugin scanner, which would
execute them a second time; the plugins are found through their names here.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from hydra.core.config_store import ConfigStore

from hydra_plugins.lema_launcher._launcher import LemaLauncher
from hydra_plugins.lema_launcher._source import LemaSource
from hydra_plugins.lema_launcher._sweeper import LemaSweeper

__all__ = ["LemaLauncher", "LemaSource", "LemaSweeper"]


@dataclass
class LauncherConf:
    """`hydra/launcher: lema`"""

    _target_: str = "hydra_plugins.lema_launcher._launcher.LemaLauncher"


@dataclass
class SweeperConf:
    """`hydra/sweeper: lema`; `params` are the keys that a file of sweeps/ sweeps over, or a list of such grids."""

    _target_: str = "hydra_plugins.lema_launcher._sweeper.LemaSweeper"
    params: Any = None


ConfigStore.instance().store(group="hydra/launcher", name="lema", node=LauncherConf, provider="lema")
ConfigStore.instance().store(group="hydra/sweeper", name="lema", node=SweeperConf, provider="lema")
