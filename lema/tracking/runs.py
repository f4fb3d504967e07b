"""W&B: one run a stage, whose id is the stage's key, in one group a sweep. Never a key in what is sent or written.

A stage that is resumed or logged again reopens the same run. Offline W&B does not know how far a run was, so whoever
logs says the step.
"""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any, Literal

from lema.base.errors import ConfigError
from lema.base.optional import require
from lema.base.spec import Spec, canonical, key, runtime, spec

#: Names of environment variables whose values are secret. Whole words only: TOKENIZERS_PARALLELISM is none.
SECRET_NAME = re.compile(r"(^|_)(API)?(KEYS?|TOKENS?|SECRETS?|PASSWORDS?|PASSWD|CREDENTIALS?)(_|$)", re.IGNORECASE)
REMOVED = "<removed>"
INSIDE = 8  # characters from which on a secret is looked for inside longer texts
EQUAL = 4  # shorter values, such as `1`, are no secrets

#: Takes numbers by name, and the step that they belong to.
Log = Callable[[Mapping[str, float], int], None]


@spec
class Tracking(Spec):
    """Where finished stages are logged. Nothing of this is part of any key."""

    kind = "tracking"
    backend: Literal["none", "wandb"] = runtime(default="none")
    project: str = runtime(default="lema")
    entity: str | None = runtime(default=None)
    group: str | None = runtime(default=None)  # None: what the command gives
    mode: Literal["auto", "online", "offline"] = runtime(default="auto")
    dir: str | None = runtime(default=None)  # None: WANDB_DIR, or the working folder

    def check(self) -> None:
        if self.backend == "wandb" and self.mode == "online" and not os.environ.get("WANDB_API_KEY"):
            raise ConfigError(
                "tracking.mode: online needs WANDB_API_KEY in the environment; set it, or choose tracking.mode=offline"
            )

    def settled_mode(self) -> Literal["online", "offline"]:
        """`auto` as what it means here: online when there is a key."""
        if self.mode == "auto":
            return "online" if os.environ.get("WANDB_API_KEY") else "offline"
        return self.mode


def log_stage(stage: Spec, summary: Mapping[str, Any], settings: Mapping[str, Any], group: str = "") -> None:
    """Log a finished stage: its whole spec as configuration, its summary's numbers as the run's summary.

    Args:
        settings: the fields of `Tracking`; nothing happens unless its backend is `wandb`.
        group: the sweep, unless the settings name a group themselves.

    Raises:
        MissingExtra: wandb is not installed.
        ConfigError: W&B refused the run.
    """
    tracking = Tracking(**{name: held for name, held in settings.items() if name != "id"})
    with open_run(tracking, run_id=key(stage), job_type=stage.kind, config=canonical(stage), group=group) as run:
        if run is not None:
            run.summary.update(scrub(dict(flat(summary))))


@contextmanager
def open_run(
    tracking: Tracking,
    *,
    run_id: str,
    job_type: str,
    config: Mapping[str, Any],
    group: str = "",
) -> Iterator[Any]:
    """A W&B run, reopened if it exists; None when tracking is off. Log to it with `logger(run)`.

    Nothing of the machine is sent: no output, host, user, code or hardware.

    Raises:
        MissingExtra, ConfigError: as `log_stage`.
    """
    if tracking.backend == "none":
        yield None
        return
    wandb = require("wandb", extra="wandb", why="tracking=wandb")
    try:
        run = wandb.init(
            project=tracking.project,
            entity=tracking.entity,
            group=tracking.group or group or None,
            id=run_id,
            name=f"{job_type}-{run_id[:8]}",
            job_type=job_type,
            mode=tracking.settled_mode(),
            dir=tracking.dir,
            resume="allow",
            reinit="finish_previous",
            config=scrub(dict(config)),
            settings=wandb.Settings(**QUIET),
        )
    except wandb.errors.Error as fault:
        raise ConfigError(
            f"W&B refused the run: {scrub(str(fault))}. To log without it: tracking.mode=offline, then `wandb sync`"
        ) from None
    try:
        yield run
    except BaseException:
        run.finish(exit_code=1)
        raise
    run.finish()


QUIET = {
    "console": "off",
    "silent": True,
    "disable_code": True,
    "disable_git": True,
    "host": "hidden",
    "x_disable_machine_info": True,
    "x_disable_meta": True,
    "x_disable_stats": True,
    "x_save_requirements": False,
}


def logger(run: Any) -> Log:
    """A function that logs numbers at a step; one that does nothing when there is no run."""
    if run is None:
        return lambda numbers, step: None  # noqa: ARG005
    return lambda numbers, step: run.log(dict(numbers), step=step)


def secrets(environ: Mapping[str, str] | None = None) -> list[str]:
    """Values of environment variables that are secret by name, longest first."""
    held = os.environ if environ is None else environ
    found = {value for name, value in held.items() if SECRET_NAME.search(name) and len(value) >= EQUAL}
    return sorted(found, key=lambda value: (-len(value), value))


def scrub(value: Any, hidden: list[str] | None = None) -> Any:
    """The same value without any secret of the environment, in keys, in texts, and at any depth."""
    hidden = secrets() if hidden is None else hidden
    if isinstance(value, Mapping):
        return {scrub(name, hidden): scrub(held, hidden) for name, held in value.items()}
    if isinstance(value, list | tuple):
        return [scrub(held, hidden) for held in value]
    if not isinstance(value, str):
        return REMOVED if str(value) in hidden and len(str(value)) >= INSIDE else value
    for secret in hidden:
        if value == secret:
            return REMOVED
        if len(secret) >= INSIDE:
            value = value.replace(secret, REMOVED)
    return value


def flat(summary: Mapping[str, Any], above: str = "") -> Iterator[tuple[str, Any]]:
    """Numbers, texts and truths of a nested summary under names like `funnel/rejected/wrong_answer`."""
    for name, held in summary.items():
        if isinstance(held, Mapping):
            yield from flat(held, f"{above}{name}/")
        elif isinstance(held, int | float | str):
            yield f"{above}{name}", held
