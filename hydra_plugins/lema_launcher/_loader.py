"""Hydra's composition, with its rules kept and its errors in our words."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, get_args

import yaml  # type: ignore[import-untyped]
from hydra.core.default_element import GroupDefault, InputDefault, ResultDefault
from hydra.core.object_type import ObjectType
from hydra.errors import ConfigCompositionException, HydraException, MissingConfigException
from hydra.plugins.config_source import ConfigResult
from hydra.types import RunMode
from omegaconf import DictConfig, OmegaConf
from omegaconf.errors import OmegaConfBaseException

from hydra_plugins.lema_launcher._grids import grids
from hydra_plugins.lema_launcher._hydra_inside import CachingConfigRepository, Composer
from hydra_plugins.lema_launcher._overrides import Known, bare_key, check, parse
from hydra_plugins.lema_launcher._source import GLOBAL_GROUPS, bound
from hydra_plugins.lema_launcher._tasks import with_tasks
from hydra_plugins.lema_launcher._values import delete, plain
from lema.base.errors import ConfigError
from lema.config.building import Fault, Refused
from lema.config.config import Composed, root_names
from lema.config.options import Mode, Options
from lema.config.renamed import renamed, renamed_option
from lema.config.wording import suggestion

CONFIG = "config"  # conf/config.yaml
FILES = ("experiments", "sweeps")  # groups whose files set values of other groups


class Loader(Composer):
    """Composes points from the files under a root folder.

    A group's option chosen on the command line comes whole: what an experiment or a sweep file sets
    inside that group was meant for another option, and is left out (`dropped` names it).
    """

    def __init__(self, root: Path, extra: Path | None = None) -> None:
        own = [("hydra", "pkg://hydra.conf"), ("main", f"lema://{root}")]
        mine = [] if extra is None else [("command-line", f"file://{extra}")]
        super().__init__([*own, *mine, ("schema", "structured://")])
        if extra is not None:
            bound(extra)  # files there are read by Hydra's own source
        self.extra = extra
        self.chosen: frozenset[str] = frozenset()
        self.dropped: dict[str, None] = {}
        self.completing = False  # the shell asks what could come next: nothing is wrong yet
        self._known: Known | None = None

    @property
    def known(self) -> Known:
        """What overrides can name."""
        if self._known is None:
            groups = [g for g in self.repository.get_group_options("", ObjectType.GROUP) if g != "hydra"]
            options = {g: self.repository.get_group_options(g, ObjectType.CONFIG) for g in groups}
            self._known = Known(groups=options, roots=root_names(), modes=get_args(Mode), below=self.paths)
        return self._known

    def paths(self) -> list[str]:
        """Every path of the default configuration."""
        composed = super().load_configuration(CONFIG, [], RunMode.MULTIRUN)
        return list(_paths(OmegaConf.to_container(composed, resolve=False), ""))

    def swept_by(self, sweep: str) -> list[str]:
        """The keys that a sweep file sweeps over; none if there is no such file."""
        loaded = self.repository.load_config(f"sweeps/{sweep}")
        params = OmegaConf.select(loaded.config, "hydra.sweeper.params") if loaded else None
        return [str(key) for grid in grids(params) for key in grid]

    def load_configuration(
        self,
        config_name: str | None,
        overrides: list[str],
        run_mode: RunMode,
        from_shell: bool = True,
        validate_sweep_overrides: bool = True,
    ) -> DictConfig:
        """The composed configuration.

        Raises:
            ConfigError: it cannot be composed.
        """
        if self.completing:
            return super().load_configuration(config_name, overrides, run_mode, from_shell, validate_sweep_overrides)
        checked = check(overrides, self.known, sweep=run_mode is RunMode.MULTIRUN)
        with self.explained(overrides):
            composed = super().load_configuration(config_name, checked.lines, run_mode, from_shell, False)
        delete(composed, checked.deletions)
        # What a sweeper goes on from: the words as typed.
        composed.hydra.overrides.task = [line for line in overrides if not _about_hydra(line)]
        return composed

    def compose_point(self, overrides: Sequence[str]) -> DictConfig:
        """The configuration of one point, without Hydra's own part, which all points share.

        That part is over half of what a composition costs: 0.06 CPU-seconds a point without it, 0.14 with it.

        Raises:
            ConfigError: it cannot be composed.
        """
        checked = check([line for line in overrides if not _about_hydra(line)], self.known, sweep=False)
        parsed = [parse(line) for line in checked.lines]
        with self.explained(overrides):
            composed = self.composed(CONFIG, parsed, _WithoutHydra(self.repository))
        delete(composed, checked.deletions)
        return composed

    @contextmanager
    def explained(self, overrides: Sequence[str]) -> Iterator[None]:
        """Hydra's errors in our words."""
        try:
            yield
        except RecursionError:
            deep = Fault("", "something is nested too deep, or refers to itself: look at defaults and `${...}`")
            raise Refused([deep], overrides) from None
        except (HydraException, OmegaConfBaseException, yaml.YAMLError, ValueError, OSError) as error:
            raise Refused([self.explain(error, overrides)], overrides) from None

    def read(self, default: ResultDefault, result: ConfigResult) -> ConfigResult:
        """A file without what it sets inside groups of which the command line chooses another option."""
        where = default.config_path or ""
        if where.split("/")[0] in FILES and isinstance(result.config, DictConfig):
            for group in self.chosen.difference(FILES).intersection(map(str, result.config)):
                held = result.config.pop(group)
                for name in held if isinstance(held, DictConfig) else ():
                    self.dropped[f"{where}: {group}.{name!s}"] = None
        return result

    def point(self, overrides: Sequence[str]) -> Composed | Refused:
        """One point of a sweep as plain values, or everything that keeps it from being composed."""
        names = _named(overrides)
        try:
            composed = self.compose_point(overrides)
            with self.explained(overrides):
                values = plain(composed, self.known.groups)
                values = with_tasks(values, self.repository, self.known.groups["task"])
            return Composed(values, names, self.contents(overrides))
        except Refused as refused:
            return Refused(refused.faults, names)
        except ConfigError as error:
            return Refused([Fault("", str(error))], names)

    def files(self, overrides: Sequence[str]) -> dict[str, ConfigResult]:
        """The files chosen by these overrides that set keys of other groups."""
        asked = [line.lstrip("+").replace("=", "/", 1) for line in overrides if bare_key(line) in GLOBAL_GROUPS]
        loaded = {f"{path}.yaml": self.repository.load_config(path) for path in asked}
        return {path: found for path, found in loaded.items() if found is not None}

    def contents(self, overrides: Sequence[str]) -> dict[str, Any]:
        return {path: OmegaConf.to_container(found.config) for path, found in self.files(overrides).items()}

    def asked_in(self, overrides: Sequence[str], group: str, option: str) -> str:
        """The file whose defaults ask for an option, in words; nothing for the command line."""
        for path, found in self.files(overrides).items():
            for default in found.defaults_list or ():
                if isinstance(default, GroupDefault) and (str(default.group).lstrip("/"), default.value) == (
                    group,
                    option,
                ):
                    return f" (asked for in {path})"
        return ""

    def explain(self, error: Exception, overrides: Sequence[str] = ()) -> Fault:
        """Hydra's error as a fault: which name, what is allowed, which is nearest."""
        text = str(error) or str(error.__cause__)
        where = re.search(r"In '([^']+)'", text)
        file = f" (in {where[1]}.yaml)" if where and where[1] != CONFIG else ""
        if isinstance(error, MissingConfigException) and error.missing_cfg_file:
            group, _, option = error.missing_cfg_file.rpartition("/")
            asked = self.asked_in(overrides, group, option)
            if group == "hydra/launcher" and option.startswith("submitit_"):
                asked += "; pip install 'lema[launcher]' adds it"
            if (said := renamed_option(group, option)) is not None:
                return Fault(group, f"{said}{asked}")
            return Fault(
                group, f"no option {option!r}{asked}{suggestion(option, list(error.options or ()), 'Options')}"
            )
        named = re.search(r"Could not (?:override|delete) '?/?([\w./@]+)", text)
        if named and named[1].startswith("hydra"):
            return Fault(named[1], "Hydra has no such setting; `lema --cfg hydra` shows those there are")
        if isinstance(error, ConfigCompositionException) and named and (said := renamed(named[1])) is not None:
            return Fault(named[1], f"{said}{file}")
        if isinstance(error, ConfigCompositionException) and named:
            return Fault(named[1], f"not a group{file}{suggestion(named[1], list(self.known.groups), 'Groups')}")
        if isinstance(error, yaml.MarkedYAMLError) and error.problem_mark is not None:
            mark = error.problem_mark
            return Fault("", f"{mark.name!s}, line {mark.line + 1}: malformed YAML: {error.problem}")
        key = getattr(error.__cause__, "full_key", None) or ""
        cause = f": {error.__cause__}" if error.__cause__ is not None and str(error) else ""
        return Fault(key, " ".join(f"{text}{cause}".partition("\nSee http")[0].partition("full_key:")[0].split()))


class _WithoutHydra(CachingConfigRepository):
    """Configuration files whose defaults choose nothing of Hydra's own."""

    def load_config(self, config_path: str) -> ConfigResult | None:
        result = super().load_config(config_path)
        if result is not None and result.defaults_list:
            result.defaults_list = [d for d in result.defaults_list if not _chooses_hydra(d)]
        return result


def _chooses_hydra(default: InputDefault) -> bool:
    return isinstance(default, GroupDefault) and str(default.group).lstrip("/").startswith("hydra/")


def _about_hydra(line: str) -> bool:
    return bare_key(line).startswith(("hydra.", "hydra/"))


def _named(overrides: Sequence[str]) -> tuple[str, ...]:
    """The overrides that tell experiments apart: not how the command is run, nor which file swept."""
    settings = {*Options.__dataclass_fields__, "sweeps"}
    about = {line: bare_key(line).partition(".")[0] for line in overrides if not _about_hydra(line)}
    return tuple(line.lstrip("+") for line, key in about.items() if key not in settings)


def _paths(node: Any, at: str) -> Iterator[str]:
    for key, held in node.items() if isinstance(node, dict) else ():
        path = f"{at}.{key}".lstrip(".")
        if key not in ("hydra", "_target_"):
            yield path
            yield from _paths(held, path)
