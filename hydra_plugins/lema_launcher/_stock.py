"""`hydra/launcher=submitit_slurm` and `submitit_local`: Hydra's stock launcher, with each point as a job of its own.

A job runs its point's whole pipeline as a command on one machine does. Points share a store, so that what they have
in common is made once; but a job keeps all that it asked for while it waits for another, and in stages that
need no GPU. `slurm=` submits stages, and lets go of the shell at once.
"""

from __future__ import annotations

import shlex
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from hydra.core.hydra_config import HydraConfig
from hydra.core.utils import JobReturn, JobStatus
from omegaconf import DictConfig

from hydra_plugins.lema_launcher._loader import Loader
from lema.base.errors import ConfigError, Preempted, StageFailed
from lema.config.config import points


def check(loader: Loader, overrides: Sequence[Sequence[str]]) -> None:
    """Refuse before any job is submitted what no job could do.

    Raises:
        ConfigError: a point is wrong, or the command is about more than running them.
    """
    _, options = points([loader.point(one) for one in overrides], loader.known.groups)
    if options.mode != "run":
        raise ConfigError(f"hydra/launcher: it only runs experiments; type mode={options.mode} without it")
    if options.slurm is not None:
        raise ConfigError("hydra/launcher: slurm= submits the stages itself; give one of the two")
    if options.push:
        raise ConfigError("push: each point has a report of its own here; send that of mode=report when all are done")


def run_point(config: DictConfig, config_dir: str | None = None) -> int:
    """What a job does: the point as a command of its own, whose exit code is returned."""
    held = HydraConfig.get()
    report = Path(config.report)
    words = [
        *held.overrides.task,
        "hydra.sweeper.params=null",  # the sweep is expanded already
        f'report="{report.with_stem(f"{report.stem}.{held.job.num}")}"',
        *(["--config-dir", config_dir] if config_dir else []),
    ]
    return subprocess.run([sys.executable, "-u", "-m", "lema", "-m", *words], check=False).returncode


def outcome(returned: Sequence[JobReturn], folder: str) -> int:
    """The exit code of a command whose points were jobs of their own.

    Raises:
        StageFailed, Preempted: not all points are done.
    """
    codes = [int(one.return_value) if one.status is JobStatus.COMPLETED else 1 for one in returned]
    wrong = [f"  {told(one)}: exit code {code}" for one, code in zip(returned, codes, strict=True) if code]
    if not wrong:
        sys.stdout.write(f"{len(codes)} experiment(s) done, each as a job of its own. mode=report compares them.\n")
        return 0
    words = shlex.join(["lema", *sys.argv[1:]])
    said = [f"{len(wrong)} of {len(codes)} experiments are not done:", *wrong, f"Logs: {folder}/.submitit"]
    fault = Preempted if set(codes) <= {0, Preempted.exit_code} else StageFailed
    raise fault("\n".join([*said, "What finished is kept. To go on, type:", f"  {words}"]))


def told(one: Any) -> str:
    return " ".join(one.overrides or ()) or "the defaults"
