"""Everything of Hydra and OmegaConf that is used and not documented; no other file here goes inside them.

Hydra documents how an application is started and how plugins are written, and none of what lema is about: composing
the points of a sweep one by one, in our words, without folders and without a second process.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from hydra.core.default_element import ResultDefault
from hydra.core.override_parser.types import Override
from hydra.plugins.config_source import ConfigResult, ConfigSource
from omegaconf import DictConfig, OmegaConf

from lema.base.doors import Door

HYDRA = Door("hydra-core", tried=("1.3.2", "1.3.8"))
OMEGACONF = Door("omegaconf", tried=("2.3.0", "2.3.1"))

with HYDRA.importing():
    from hydra._internal import config_search_path_impl, defaults_list, utils
    from hydra._internal.callbacks import Callbacks
    from hydra._internal.config_loader_impl import ConfigLoaderImpl
    from hydra._internal.config_repository import CachingConfigRepository, IConfigRepository
    from hydra._internal.hydra import Hydra
with OMEGACONF.importing():
    from omegaconf import _utils as omegaconf_utils

__all__ = ["CachingConfigRepository", "Callbacks", "Composer", "Hydra", "IConfigRepository", "args_parser"]
LOADED = ("config_name", "overrides", "run_mode", "from_shell", "validate_sweep_overrides")
LISTED = ("repo", "config_name", "overrides_list", "prepend_hydra", "skip_missing")


def look() -> None:
    """See that Hydra and OmegaConf have inside what is used here.

    Raises:
        Moved: they do not.
    """
    HYDRA.takes(Hydra, "__init__", "task_name", "config_loader")
    HYDRA.takes(Hydra, "compose_config", "config_name", "overrides", "run_mode")
    HYDRA.takes(Hydra, "shell_completion", "config_name", "overrides")
    HYDRA.takes(Hydra, "hydra_help", "config_name", "args_parser", "args")
    HYDRA.takes(Hydra, "app_help", "config_name", "args_parser", "args")
    HYDRA.takes(Hydra, "show_cfg", "config_name", "overrides", "cfg_type", "package", "resolve")
    HYDRA.takes(Hydra, "show_info", "info", "config_name", "overrides")
    HYDRA.takes(utils, "get_args_parser")
    HYDRA.takes(Callbacks, "__init__")
    HYDRA.takes(config_search_path_impl.ConfigSearchPathImpl, "append", "provider", "path")
    HYDRA.takes(ConfigLoaderImpl, "__init__", "config_search_path")
    HYDRA.takes(ConfigLoaderImpl, "load_configuration", *LOADED, exactly=True)
    HYDRA.takes(ConfigLoaderImpl, "_load_single_config", "default", "repo", exactly=True)
    HYDRA.takes(ConfigLoaderImpl, "_compose_config_from_defaults_list", "defaults", "repo")
    HYDRA.takes(ConfigLoaderImpl, "_apply_overrides_to_config", "overrides", "cfg")
    HYDRA.takes(CachingConfigRepository, "__init__", "delegate")
    HYDRA.takes(CachingConfigRepository, "load_config", "config_path", exactly=True)
    HYDRA.takes(defaults_list, "create_defaults_list", *LISTED)
    HYDRA.takes(ConfigSource, "_get_header_dict", "config_text")
    OMEGACONF.takes(omegaconf_utils, "get_yaml_loader")


look()


class Composer(ConfigLoaderImpl):
    """Hydra's composition, with those of its steps in reach that are taken by themselves."""

    def __init__(self, places: Sequence[tuple[str, str]]) -> None:
        """Compose from these places, (provider, address), the later ones on top of the earlier."""
        path = config_search_path_impl.ConfigSearchPathImpl()
        for provider, address in places:
            path.append(provider, address)
        super().__init__(path)
        HYDRA.has(self, "repository")

    def composed(self, config: str, overrides: list[Override], repository: IConfigRepository) -> DictConfig:
        """A configuration without Hydra's own part."""
        found = defaults_list.create_defaults_list(
            repository, config, overrides, prepend_hydra=False, skip_missing=False
        )
        HYDRA.has(found, "defaults", "config_overrides")
        values = self._compose_config_from_defaults_list(found.defaults, repository)
        OmegaConf.set_struct(values, True)
        self._apply_overrides_to_config(found.config_overrides, values)
        return values

    def read(self, default: ResultDefault, result: ConfigResult) -> ConfigResult:  # noqa: ARG002
        """What is taken of a file that has just been read: all of it, unless a subclass leaves something out."""
        return result

    def _load_single_config(self, default: ResultDefault, repo: IConfigRepository) -> ConfigResult:
        return self.read(default, super()._load_single_config(default, repo))


def args_parser() -> Any:
    """The parser of Hydra's own command line."""
    return utils.get_args_parser()


def header(text: str) -> dict[str, str | None]:
    """The lines `# @name value` at the beginning of a configuration file."""
    return ConfigSource._get_header_dict(text)


def yaml_loader() -> Any:
    """How OmegaConf reads YAML: floats as in YAML 1.2, no dates, no key twice."""
    return omegaconf_utils.get_yaml_loader()
