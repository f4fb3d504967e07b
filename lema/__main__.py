"""The one entry point: `lema key=value ...`, or `python -m lema key=value ...`."""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, NoReturn

from lema import __version__
from lema.base.errors import ConfigError, LemaError

if TYPE_CHECKING:
    from hydra_plugins.lema_launcher._hydra_inside import Hydra
    from hydra_plugins.lema_launcher._loader import Loader

DEFAULT_SWEEP = "demo"  # what a command that chooses no experiment and no sweep is about
INTERRUPTED = 130


def main(words: Sequence[str] | None = None) -> int:
    """Run one command and return its exit code.

    0 done; 2 the user's configuration or input; 3 some stages failed; 75 preempted; 130 interrupted.
    A bug is not caught: its traceback is printed, and the exit code is 1.
    """
    try:
        code = _recalled() if words is None else None
        if code is None:
            code = command(list(sys.argv[1:] if words is None else words))
        sys.stdout.flush()
        return code
    except LemaError as error:
        _say(str(error))
        return error.exit_code
    except KeyboardInterrupt:
        _say("interrupted; what is finished is kept, and the same command goes on from here")
        return INTERRUPTED
    except BrokenPipeError:  # `lema --help | head`: nobody reads on
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0


def _recalled() -> int | None:
    """What looks after jobs of a cluster is done from the plan that was submitted, where it is sure to be the same."""
    if not any(word.startswith("slurm=") for word in sys.argv[1:]):
        return None
    from lema.cluster.recall import recalled

    return recalled(sys.argv[1:])


def _say(text: str) -> None:
    from lema.config.wording import redacted

    first, *more = redacted(text).splitlines() or [""]
    sys.stderr.write("\n".join([f"lema: {first}", *(f"      {line}" for line in more)]) + "\n")


def command(words: list[str]) -> int:
    """Compose what the words ask for, and do it.

    Raises:
        LemaError: it cannot be done.
    """
    # Alone, as it is mostly typed, it needs nothing of Hydra.
    if words == ["--version"] or (asked := arguments(words)).version:
        sys.stdout.write(f"lema {__version__}\n")
        return 0
    from hydra import version
    from hydra.core.global_hydra import GlobalHydra
    from hydra.core.plugins import Plugins

    version.setbase("1.3")
    Plugins.instance()  # finds this project's source of configuration files
    from hydra_plugins.lema_launcher._hydra_inside import Hydra
    from hydra_plugins.lema_launcher._loader import Loader
    from lema.config.config import root

    loader = Loader(root(), _folder(asked.config_dir))
    hydra = Hydra(task_name="lema", config_loader=loader)
    GlobalHydra.instance().clear()
    GlobalHydra.instance().initialize(hydra)
    try:
        return _shown(hydra, loader, asked) if _wants_to_see(asked) else _done(hydra, loader, asked)
    finally:
        GlobalHydra.instance().clear()


def arguments(words: list[str]) -> argparse.Namespace:
    """Hydra's command line, with our version, our errors, and without what reads pickles.

    Raises:
        ConfigError: an option is unknown or lacks its value, or two exclude each other.
    """
    from hydra_plugins.lema_launcher._hydra_inside import args_parser

    # An option that is there already is replaced.
    parser = _Parser(prog="lema", parents=[args_parser()], add_help=False, conflict_handler="resolve")
    parser.add_argument("--version", action="store_true")
    asked = parser.parse_intermixed_args(words)
    if asked.experimental_rerun is not None:
        raise ConfigError("--experimental-rerun reads a pickle, which can run anything; type the overrides instead")
    if asked.config_path is not None or asked.config_name is not None:
        raise ConfigError(
            "--config-path and --config-name: lema has one root configuration. --config-dir adds a folder"
        )
    if asked.resolve and asked.cfg is None:
        raise ConfigError("--resolve belongs to --cfg job")
    exclusive = {"--multirun": asked.multirun, "--cfg": asked.cfg, "--info": asked.info, "-sc": asked.shell_completion}
    if len(given := [name for name, value in exclusive.items() if value]) > 1:
        raise ConfigError(f"{' and '.join(given)} exclude each other")
    return asked


class _Parser(argparse.ArgumentParser):
    def error(self, message: str) -> NoReturn:
        raise ConfigError(f"{message}. `lema --help` shows what there is")


def _folder(given: str | None) -> Path | None:
    if given is None:
        return None
    folder = Path(given).expanduser().resolve()
    if not folder.is_dir():
        raise ConfigError(f"--config-dir: there is no folder {folder}")
    return folder


def _wants_to_see(asked: argparse.Namespace) -> bool:
    return bool(asked.help or asked.hydra_help or asked.cfg or asked.info or asked.shell_completion)


def _shown(hydra: Hydra, loader: Loader, asked: argparse.Namespace) -> int:
    """Help, the composed configuration, or what the shell may complete."""
    from hydra_plugins.lema_launcher._hydra_inside import args_parser
    from hydra_plugins.lema_launcher._loader import CONFIG

    if asked.shell_completion:
        loader.completing = True
        hydra.shell_completion(CONFIG, asked.overrides)
        return 0
    if asked.hydra_help:
        hydra.hydra_help(CONFIG, args_parser(), asked)
        return 0
    if asked.help:
        hydra.app_help(CONFIG, args_parser(), asked)
        return 0
    overrides = _overrides(loader, asked)
    if asked.cfg:
        hydra.show_cfg(CONFIG, overrides, asked.cfg, asked.package, asked.resolve)
        return 0
    hydra.show_info(asked.info, CONFIG, overrides)
    return 0


def _overrides(loader: Loader, asked: argparse.Namespace) -> list[str]:
    """The words, and the default sweep where they leave it open."""
    from hydra_plugins.lema_launcher._overrides import bare_key, check, chosen_groups

    check(asked.overrides, loader.known, sweep=True)
    given = {bare_key(line) for line in asked.overrides}
    loader.chosen = chosen_groups(asked.overrides, loader.known)
    swept = loader.swept_by(DEFAULT_SWEEP)
    chooses = asked.multirun or not swept or given & {"experiments", "sweeps", *swept}
    chooses = chooses or "mode=grade" in asked.overrides  # which is about a task, and that of all points is one
    return list(asked.overrides) if chooses else [*asked.overrides, f"sweeps={DEFAULT_SWEEP}"]


def _done(hydra: Hydra, loader: Loader, asked: argparse.Namespace) -> int:
    """Expand the sweep, if it is one, and do what the command asks for."""
    from hydra.core.plugins import Plugins
    from hydra.types import HydraContext, RunMode
    from omegaconf import OmegaConf

    from hydra_plugins.lema_launcher._hydra_inside import Callbacks
    from hydra_plugins.lema_launcher._loader import CONFIG
    from hydra_plugins.lema_launcher._overrides import check
    from hydra_plugins.lema_launcher._stock import outcome, run_point
    from hydra_plugins.lema_launcher._sweeper import STOCK

    overrides = _overrides(loader, asked)
    master = hydra.compose_config(CONFIG, overrides, RunMode.MULTIRUN)
    stock = master.hydra.launcher._target_.startswith(STOCK)
    for part in ("launcher", "sweeper"):
        own = master.hydra[part]._target_.startswith("hydra_plugins.lema_launcher.")
        if not own and not (stock and part == "launcher"):
            raise ConfigError(
                f"hydra/{part}: lema has its own, since it runs the stages of all points as one plan. For jobs of a "
                "cluster there is slurm=; hydra/launcher=submitit_slurm runs each point as a job of its own"
            )
    sweeps = asked.multirun or master.hydra.mode is RunMode.MULTIRUN or bool(master.hydra.sweeper.get("params"))
    check(overrides, loader.known, sweep=sweeps)
    context = HydraContext(config_loader=loader, callbacks=Callbacks())
    task = partial(run_point, config_dir=str(loader.extra) if loader.extra else None) if stock else _never
    sweeper = Plugins.instance().instantiate_sweeper(config=master, hydra_context=context, task_function=task)
    # as typed: `${...}` in them is of the points
    typed: Any = OmegaConf.to_container(master.hydra.overrides.task, resolve=False)
    returned: list[Any] = sweeper.sweep(typed)
    return outcome(returned, master.hydra.sweep.dir) if stock else max(int(one.return_value) for one in returned)


def _never(_: Any) -> NoReturn:
    raise AssertionError("the launcher hands over all points at once")


if __name__ == "__main__":
    sys.exit(main())
