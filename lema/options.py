"""What a command asks for beside its experiments: what to do, where, and how."""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import Field

from lema.errors import ConfigError
from lema.experiment import Experiment
from lema.profile import Profile
from lema.spec import Spec, runtime, spec

Mode = Literal["run", "plan", "status", "compare", "report", "gc", "doctor", "wait", "cancel"]


@spec
class Options(Spec):
    """Root settings that decide no result. All are `runtime`."""

    kind = "options"
    mode: Mode = runtime(default="run")
    store: str = runtime(default="store")  # folder of artifacts; relative to where the command is typed
    workers: Annotated[int, Field(ge=1)] | None = runtime(default=None)  # None: one a core, one a GPU machine
    slurm: Profile | None = runtime(default=None)  # None: on this machine
    report: str = runtime(default="report.html")
    push: bool = runtime(default=False)  # mode=run, report: send the W&B report that tracking=wandb keeps in a file
    delete: bool = runtime(default=False)  # mode=gc: remove, not only list
    unreachable: bool = runtime(default=False)  # mode=gc: also artifacts that these experiments do not need

    def check(self) -> None:
        if self.push and self.mode not in ("run", "report"):
            raise ConfigError(f"push: only mode=run and mode=report make a report to send, got mode={self.mode}")

        if self.slurm is None and self.mode in ("wait", "cancel"):
            raise ConfigError(f"slurm: mode={self.mode} is about jobs of a cluster; say which, as in slurm=testbed")

    def store_path(self) -> Path:
        return Path(self.store).expanduser().resolve()


@dataclasses.dataclass(frozen=True)
class Point:
    """One experiment of a command, with what rebuilds it elsewhere and what names it."""

    experiment: Experiment
    raw: dict[str, Any]  # the composed configuration: plain values, no interpolations
    overrides: tuple[str, ...] = ()  # what the user or the sweep set, e.g. ("data_mix=cot", "seed=1")
