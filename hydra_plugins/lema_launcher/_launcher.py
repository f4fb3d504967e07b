"""All points of a sweep as one command: composed once each, built, checked, and handed over together."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from typing import Any

from hydra.core.utils import JobReturn, JobStatus
from hydra.plugins.launcher import Launcher
from hydra.types import HydraContext, TaskFunction
from omegaconf import DictConfig

from hydra_plugins.lema_launcher._loader import Loader
from lema.config.config import points


class LemaLauncher(Launcher):
    """Hydra's launcher interface on `lema.cli.modes.run`."""

    def setup(self, *, hydra_context: HydraContext, task_function: TaskFunction, config: DictConfig) -> None:  # noqa: ARG002
        self.loader = hydra_context.config_loader

    def launch(self, job_overrides: Sequence[Sequence[str]], initial_job_idx: int) -> Sequence[JobReturn]:  # noqa: ARG002
        """Do what the command asks for, for all its points; the return value is the exit code.

        Raises:
            ConfigError: any point is wrong; nothing was started.
        """
        assert isinstance(self.loader, Loader), "hydra/launcher=lema needs lema's entry point"
        composed = [self.loader.point(overrides) for overrides in job_overrides]
        experiments, options = points(composed, self.loader.known.groups)
        if self.loader.dropped:
            left_out = ", ".join(self.loader.dropped)
            sys.stderr.write(f"lema: note: a group chosen on the command line comes whole. Left out: {left_out}\n")
        from lema.cli.modes import run

        return [_returned(run(experiments, options))]


def _returned(code: int) -> Any:
    result = JobReturn(status=JobStatus.COMPLETED)
    result.return_value = code
    return result
