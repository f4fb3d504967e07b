"""Where configuration files are: conf/, with experiments/, sweeps/ and slurm/ beside it as groups.

A source of our own, because a plain search path to the repository root would make a group of every
folder there. It parses each file once a process, and says where a file is malformed.
"""

from __future__ import annotations

import functools
from pathlib import Path
from typing import Any

import yaml  # type: ignore[import-untyped]
from hydra.core.object_type import ObjectType
from hydra.plugins.config_source import ConfigResult, ConfigSource
from omegaconf import OmegaConf

from hydra_plugins.lema_launcher._hydra_inside import header, yaml_loader
from lema.base.errors import ConfigError

ROOT_GROUPS = ("experiments", "sweeps", "slurm")
GLOBAL_GROUPS = ("experiments", "sweeps", "debug")  # their files set keys anywhere
MOST_NODES, DEEPEST = 100_000, 50  # of one file
DATA = b"# @kind data"  # the first line of a YAML file that is no option of the group whose folder it is in


class LemaSource(ConfigSource):
    """`lema:///path/to/root`"""

    @staticmethod
    def scheme() -> str:
        return "lema"

    def locate(self, config_path: str) -> Path:
        """The file or folder of a configuration path."""
        root = Path(self.path)
        return root / config_path if config_path.split("/")[0] in ROOT_GROUPS else root / "conf" / config_path

    def file(self, config_path: str) -> Path:
        """The file of a configuration path, which Hydra gives with or without its ending."""
        return self.locate(f"{config_path.removesuffix('.yaml')}.yaml")

    def load_config(self, config_path: str) -> ConfigResult:
        path = self.file(config_path)
        status = path.stat()
        head, content = parsed(path, status.st_mtime_ns, status.st_size)
        if config_path.split("/")[0] in GLOBAL_GROUPS and head["package"] != "_global_":
            raise ConfigError(
                f"{path}: needs `# @package _global_` as its first line, since it sets keys of other groups"
            )
        return ConfigResult(
            provider=self.provider,
            path=f"lema://{self.path}",
            config=OmegaConf.create(content),
            header=dict(head),
        )

    def available(self) -> bool:
        return self.is_group("")

    def is_group(self, config_path: str) -> bool:
        return self.locate(config_path).is_dir()

    def is_config(self, config_path: str) -> bool:
        path = self.file(config_path)
        return path.is_file() and not is_data(path)

    def list(self, config_path: str, results_filter: ObjectType | None) -> list[str]:
        inside = [entry for entry in self.locate(config_path).iterdir() if not entry.name.startswith(".")]
        groups = {entry.name for entry in inside if entry.is_dir() and entry.name != "__pycache__"}
        if config_path == "":
            groups |= {group for group in ROOT_GROUPS if self.is_group(group)}
        files = {entry.stem for entry in inside if entry.suffix == ".yaml" and entry.is_file() and not is_data(entry)}
        wanted = {ObjectType.GROUP: groups, ObjectType.CONFIG: files, None: groups | files}
        return sorted(wanted[results_filter])


def is_data(path: Path) -> bool:
    """Whether a file says in its first line that it is data and no configuration."""
    if path.suffix != ".yaml" or not path.is_file():
        return False
    with path.open("rb") as file:
        return file.readline().rstrip() == DATA


@functools.cache
def parsed(path: Path, _mtime: int, _size: int) -> tuple[dict[str, str | None], dict[Any, Any]]:
    """The package header and the content of a file; its time and size make an edit miss the cache.

    Raises:
        ConfigError: it is not a YAML mapping; the message has the file, line and column.
    """
    try:
        text = path.read_text(encoding="utf-8")
        content = yaml.load(text, Loader=yaml_loader())
        head = header(text[:512])
    except yaml.MarkedYAMLError as error:
        raise ConfigError(f"{placed(path, error)}: malformed YAML: {error.problem}") from None
    except RecursionError:
        raise ConfigError(f"{path}: nested more than {DEEPEST} levels deep") from None
    except (yaml.YAMLError, ValueError, OSError) as error:
        raise ConfigError(f"{path}: cannot be read as a configuration: {' '.join(str(error).split())}") from None
    refuse_endless(path, content)
    if content is not None and not isinstance(content, dict):
        raise ConfigError(f"{path}: expected a mapping of keys to values, got a {type(content).__name__}")
    return head, content or {}


def bound(folder: Path) -> None:
    """Look at the size of each configuration file below a folder.

    Raises:
        ConfigError: one has no end, or hardly any.
    """
    for path in sorted(folder.rglob("*.yaml")):
        try:
            refuse_endless(path, yaml.load(path.read_text(encoding="utf-8"), Loader=yaml_loader()))
        except RecursionError:
            raise ConfigError(f"{path}: nested more than {DEEPEST} levels deep") from None
        except (yaml.YAMLError, ValueError, OSError):
            continue  # said by whoever asks for it


def refuse_endless(path: Path, content: Any) -> None:
    if not sized(content):
        many = (
            f"more than {MOST_NODES:,} values once its anchors (`*name`) are written out, or more than {DEEPEST} levels"
        )
        raise ConfigError(f"{path}: {many}, as where an anchor holds itself")


def sized(content: Any) -> bool:
    """Whether a file is of a size and depth that a configuration may have: anchors repeat what they name."""
    left, open_ = MOST_NODES, [(content, 1)]
    while open_:
        node, depth = open_.pop()
        left -= 1
        if left < 0 or depth > DEEPEST:
            return False
        inside = node.values() if isinstance(node, dict) else node if isinstance(node, list) else ()
        open_ += [(held, depth + 1) for held in inside]
    return True


def placed(path: Path, error: yaml.MarkedYAMLError) -> str:
    """File, line and column, counted from one."""
    mark = error.problem_mark
    return str(path) if mark is None else f"{path}, line {mark.line + 1}, column {mark.column + 1}"
