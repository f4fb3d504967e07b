"""The floors of the house: folders of `lema/`, each of which uses those below it and none above."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[3] / "lema"
#: The floors of the house, top to bottom: a file imports from its own folder, or from those that stand later here.
FLOORS = (
    *("cli", "report", "cluster", "running", "config", "experiment", "stages", "lessons", "trainers", "answering"),
    *("tasks", "engines", "correctors", "evolvers", "verifiers"),
    *("discrimination", "pad", "evolution", "likeness"),
    *("data", "store", "lm", "programs", "synth", "tracking", "shipped", "base"),
)
PLUG_INS = {"tasks", "engines", "correctors", "evolvers", "verifiers"}
HEAVY = {"torch", "transformers", "tokenizers", "accelerate", "peft", "bitsandbytes", "deepspeed", "vllm"}
HEAVY |= {"openai", "wandb", "wandb_workspaces", "datasets", "scipy", "matplotlib", "math_verify", "sympy", "mpmath"}
FILES = sorted(ROOT.rglob("*.py"))
#: Imported inside functions only, or run as processes of their own: these may load torch at once.
LATE = {"trainers/worker.py", "lm/decoding.py", "lm/kvcache.py"}


def imports(path: Path, *, top_only: bool = False) -> Iterator[str]:
    tree = ast.parse(path.read_text())
    for node in tree.body if top_only else ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module:
            assert node.level == 0, f"{path}: relative import"
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


def floor(path: Path) -> str:
    return path.relative_to(ROOT).parts[0]


@pytest.mark.parametrize("path", FILES, ids=lambda p: str(p.relative_to(ROOT)))
def test_a_file_imports_from_its_own_folder_or_from_one_below(path: Path) -> None:
    own = floor(path)
    for name in imports(path):
        other = name.split(".")[1] if name.startswith("lema.") else ""
        if other not in FLOORS or other == own or own not in FLOORS:
            continue  # `lema.__version__`; another package; `lema/__main__.py`, which stands above all floors
        assert FLOORS.index(own) < FLOORS.index(other), f"{path} imports {name}, which stands above it"
        assert not {own, other} <= PLUG_INS, f"{path}: plug-ins never import one another ({name})"


def test_the_package_is_its_floors() -> None:
    files = {path.name for path in ROOT.iterdir() if path.is_file()}
    assert files == {"__init__.py", "__main__.py", "py.typed"}
    held = (path for path in ROOT.rglob("*") if path.is_file() and "__pycache__" not in path.parts)
    folders = {floor(path) for path in held} - files
    assert folders <= set(FLOORS) and len(folders) <= 28


@pytest.mark.parametrize("path", FILES, ids=lambda p: str(p.relative_to(ROOT)))
def test_hydra_stops_at_the_edge_and_heavy_libraries_load_late(path: Path) -> None:
    relative = str(path.relative_to(ROOT))
    for name in imports(path):
        assert name.split(".")[0] not in {"hydra", "omegaconf"} or relative == "__main__.py", f"{path} imports {name}"
    if relative not in LATE:
        loaded = {name.split(".")[0] for name in imports(path, top_only=True)}
        assert not loaded & HEAVY, f"{path} imports {loaded & HEAVY} when it is imported"
        late = {f"lema.{name.removesuffix('.py').replace('/', '.')}" for name in LATE}
        named = {".".join(name.split(".")[:n]) for name in imports(path, top_only=True) for n in (2, 3)}
        assert not named & late, f"{path} imports {named & late}, which load torch, when it is imported"


@pytest.mark.parametrize("path", FILES, ids=lambda p: str(p.relative_to(ROOT)))
def test_a_file_is_short_enough_to_hold_one_idea(path: Path) -> None:
    assert len(path.read_text().splitlines()) <= 400, path
