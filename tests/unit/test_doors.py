"""Doors to the insides of other packages: they say what has moved, and nothing goes past them."""

from __future__ import annotations

import ast
import re
import runpy
import subprocess
import sys
from collections.abc import Callable, Iterator
from importlib import metadata
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
from conftest import package
from hydra._internal import callbacks, defaults_list
from hydra._internal.config_loader_impl import ConfigLoaderImpl
from hydra._internal.hydra import Hydra
from packaging.requirements import Requirement

from hydra_plugins.lema_launcher import _hydra_inside as hydra_inside
from hydra_plugins.lema_launcher._hydra_inside import HYDRA, OMEGACONF
from lema.base.doors import Door
from lema.base.errors import ConfigError, Moved
from lema.cluster import batch
from lema.cluster.submitit_inside import SUBMITIT, Refusal, enqueue, script

ROOT = Path(__file__).parents[2]
DOORS = {"hydra_plugins/lema_launcher/_hydra_inside.py", "lema/cluster/submitit_inside.py"}
FILES = [path for folder in ("lema", "hydra_plugins") for path in sorted((ROOT / folder).rglob("*.py"))]
#: Not documented, and not named as if: packages whose parts only the doors may import.
INNER = ("submitit.core", "submitit.slurm")
DOCUMENTED = {"_asdict", "_fields", "_exit"}  # of named tuples and of the operating system
DOORLESS = {"_attn_implementation", "_from_model", "_to_model"}  # of transformers, and of wandb-workspaces (below 0.5)


def own(path: Path) -> bool:
    return path.relative_to(ROOT).as_posix() not in DOORS


def private(name: str) -> bool:
    return name.startswith("_") and not name.startswith("__")


def imported(tree: ast.AST) -> Iterator[str]:
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module:
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


def named_here(tree: ast.AST) -> Iterator[str]:
    """Names that a file gives to what it makes: functions, classes, fields, attributes."""
    for node in ast.walk(tree):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
            yield node.name
        elif isinstance(node, ast.Name | ast.Attribute) and isinstance(node.ctx, ast.Store):
            yield node.id if isinstance(node, ast.Name) else node.attr


@pytest.mark.parametrize("path", filter(own, FILES), ids=lambda path: path.relative_to(ROOT).as_posix())
def test_only_doors_import_what_other_packages_keep_inside(path: Path) -> None:
    for name in imported(ast.parse(path.read_text())):
        inside = any(map(private, name.split("."))) or name.startswith(INNER)
        assert not inside or name.startswith(("lema.", "hydra_plugins.")), f"{path} imports {name}: that is for a door"


def test_only_doors_use_private_attributes_that_are_not_ours() -> None:
    trees = {path: ast.parse(path.read_text()) for path in FILES}
    ours = {name for path, tree in trees.items() if own(path) for name in named_here(tree)} | DOCUMENTED | DOORLESS
    for path, tree in trees.items():
        used = {node.attr for node in ast.walk(tree) if isinstance(node, ast.Attribute) and private(node.attr)}
        assert not own(path) or used <= ours, f"{path} uses {used - ours}: that is for a door"


@pytest.mark.parametrize("door", [HYDRA, OMEGACONF, SUBMITIT], ids=lambda door: door.package)
def test_the_versions_that_were_tried_are_stated_where_they_are_installed_from(door: Door) -> None:
    (pin,) = re.findall(rf"^{door.package}==(.+)$", (ROOT / "constraints.txt").read_text(), re.MULTILINE)
    stated = re.findall(rf'"({door.package}[><=][^"]*)".*# tried: (.+)', (ROOT / "pyproject.toml").read_text())
    assert stated and pin in door.tried
    for requirement, tried in stated:
        allowed = Requirement(requirement).specifier
        assert tried == ", ".join(door.tried) and all(version in allowed for version in door.tried)
        assert str(allowed).count("<") == 1, f"{requirement}: no end to the versions, of which the next may move things"


def test_all_is_in_the_installed_packages_as_the_doors_know_it(cluster_command: ModuleType, tmp_path: Path) -> None:
    hydra_inside.look()
    made = cluster_command.SlurmExecutor(folder=tmp_path)
    assert enqueue(made, "true") == "17"
    assert script(made, "python job").splitlines()[-1].endswith("python job")


def test_what_sbatch_refuses_is_told(cluster_command: ModuleType, tmp_path: Path, capsys: Any) -> None:
    (tmp_path / "bin" / "sbatch").write_text("#!/bin/sh\necho no such partition >&2; exit 1\n")
    with pytest.raises(Refusal, match="no such partition"):
        enqueue(cluster_command.SlurmExecutor(folder=tmp_path), "true")
    assert not capsys.readouterr().err


@pytest.fixture
def cluster_command(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    """submitit, and commands of SLURM that it finds."""
    submitit = package("submitit")
    (tmp_path / "bin").mkdir()
    for name, text in {"srun": "", "sbatch": "echo Submitted batch job 17"}.items():
        (tmp_path / "bin" / name).write_text(f"#!/bin/sh\n{text}\n")
        (tmp_path / "bin" / name).chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path / "bin"), prepend=":")
    return submitit


def test_a_setting_that_submitit_does_not_have_yet_is_told(cluster_command: ModuleType, tmp_path: Path) -> None:
    unknown = "Unavailable parameter(s): ['tear_down']"
    with pytest.raises(Moved, match=told(SUBMITIT, unknown)):
        batch.executor(tmp_path, {"partition": "main", "tear_down": ["true"]})


def told(door: Door, found: str) -> str:
    """The sentence of a door, as a pattern."""
    tried = f"{door.package} {' and '.join(door.tried)}"
    version = metadata.version(door.package)
    return re.escape(
        f"{door.package} {version} is not as lema knows it ({found}); it was tried with {tried}: "
        f"pip install '{door.package}=={door.tried[-1]}'"
    )


@pytest.mark.parametrize(
    ("owner", "name", "instead", "found"),
    [
        (Hydra, "app_help", None, "no hydra._internal.hydra.Hydra.app_help"),
        (defaults_list, "create_defaults_list", None, "no hydra._internal.defaults_list.create_defaults_list"),
        (
            *(Hydra, "show_info", lambda self, info, config, overrides: None),
            "hydra._internal.hydra.Hydra.show_info takes (info, config, overrides), not (info, config_name, overrides)",
        ),
        (
            *(Hydra, "compose_config", lambda self, config_name, overrides, run_mode, strict: None),
            "hydra._internal.hydra.Hydra.compose_config takes (config_name, overrides, run_mode, strict), "
            "not (config_name, overrides, run_mode)",
        ),
        (
            *(ConfigLoaderImpl, "_load_single_config", lambda self, default, repo, cache=True: None),
            "hydra._internal.config_loader_impl.ConfigLoaderImpl._load_single_config takes (default, repo, cache), "
            "not (default, repo)",
        ),
    ],
)
def test_hydras_door_says_in_one_sentence_what_has_moved(
    owner: Any, name: str, instead: Callable[..., Any] | None, found: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    if instead is None:
        monkeypatch.delattr(owner, name)
    else:
        monkeypatch.setattr(owner, name, instead)
    with pytest.raises(Moved, match=told(HYDRA, found)):
        hydra_inside.look()


def test_one_more_thing_that_may_be_left_out_moves_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Hydra, "app_help", lambda self, config_name, args_parser, args, width=80, *more, **named: None)
    hydra_inside.look()


def test_omegaconfs_reading_of_yaml_is_behind_a_door_too(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delattr("omegaconf._utils.get_yaml_loader")
    with pytest.raises(Moved, match=told(OMEGACONF, "no omegaconf._utils.get_yaml_loader")):
        hydra_inside.look()


def test_a_name_that_is_gone_is_told_the_same_way(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delattr(callbacks, "Callbacks")
    gone = "cannot import name 'Callbacks' from 'hydra._internal.callbacks'"
    with pytest.raises(Moved, match=told(HYDRA, gone)):
        runpy.run_path(hydra_inside.__file__)
    monkeypatch.setitem(sys.modules, "hydra._internal.callbacks", None)
    with pytest.raises(Moved, match=r"import of hydra\._internal\.callbacks halted"):
        runpy.run_path(hydra_inside.__file__)


@pytest.mark.parametrize(("way", "name"), [(enqueue, "_submit_command"), (script, "_make_submission_file_text")])
def test_submitits_door_says_what_has_moved(
    way: Callable[[Any, str], str], name: str, cluster_command: ModuleType, tmp_path: Path, monkeypatch: Any
) -> None:
    made = cluster_command.SlurmExecutor(folder=tmp_path)
    for kind in [kind for kind in type(made).__mro__ if name in vars(kind)]:
        monkeypatch.delattr(kind, name)
    with pytest.raises(Moved, match=told(SUBMITIT, f"no submitit.slurm.slurm.SlurmExecutor.{name}")):
        way(made, "true")


def test_a_user_reads_that_sentence_and_no_traceback() -> None:
    code = (
        "import hydra._internal.hydra as inside; del inside.Hydra.show_cfg; "
        "import sys; from lema.__main__ import main; sys.exit(main(['mode=plan']))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, cwd=ROOT, check=False)
    assert done.returncode == ConfigError.exit_code and not done.stdout
    assert re.fullmatch(f"lema: {told(HYDRA, 'no hydra._internal.hydra.Hydra.show_cfg')}", done.stderr.strip())


def test_another_application_of_hydra_only_hears_a_warning() -> None:
    code = (
        "import hydra._internal.hydra as inside; del inside.Hydra.show_cfg; "
        "from hydra.core.plugins import Plugins; Plugins.instance()"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, cwd=ROOT, check=False)
    assert done.returncode == 0 and "no hydra._internal.hydra.Hydra.show_cfg" in done.stderr
