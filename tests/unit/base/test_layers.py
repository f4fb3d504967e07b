"""The floors of the house: folders of `lema/`, each of which uses those below it and none above."""

from __future__ import annotations

import ast
from collections.abc import Iterator, Mapping
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
Graph = Mapping[str, set[str]]


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


def graph_of_files() -> dict[str, set[str]]:
    """What each file of `lema/` and `hydra_plugins/` imports of them, for types and inside functions too."""
    both = (*FILES, *(ROOT.parent / "hydra_plugins").rglob("*.py"))
    named = {".".join(path.relative_to(ROOT.parent).with_suffix("").parts): path for path in both}
    named = {name.removesuffix(".__init__"): path for name, path in named.items()}
    return {name: set(_files_of(imports(path), named)) - {name} for name, path in named.items()}


def _files_of(names: Iterator[str], named: Mapping[str, Path]) -> Iterator[str]:
    for name in names:
        parts = name.split(".")
        ways = (".".join(parts[:n]) for n in range(len(parts), 0, -1))
        yield from [way for way in ways if way in named][:1]


def graph_of_folders(files: Graph) -> dict[str, set[str]]:
    folders = {name: ".".join(name.split(".")[: 2 if name.startswith("lema.") else 1]) for name in files}
    used: dict[str, set[str]] = {folder: set() for folder in folders.values()}
    for name, others in files.items():
        used[folders[name]] |= {folders[other] for other in others} - {folders[name]}
    return used


def circle(graph: Graph) -> str:
    """One way that leads from a node back to it, as `a -> b -> a`; empty if there is none."""
    clear: set[str] = set()

    def walk(node: str, way: list[str]) -> str:
        if node in way:
            return " -> ".join([*way[way.index(node) :], node])
        found = "" if node in clear else next(filter(None, (walk(n, [*way, node]) for n in sorted(graph[node]))), "")
        clear.add(node)
        return found

    return next(filter(None, (walk(node, []) for node in sorted(graph))), "")


def test_no_file_imports_in_a_circle() -> None:
    graph = graph_of_files()
    assert not (found := circle(graph)), f"these files import one another: {found}"


def test_no_folder_imports_in_a_circle() -> None:
    assert not (found := circle(graph_of_folders(graph_of_files()))), f"these folders import one another: {found}"


def test_a_circle_is_shown_as_the_way_around_it() -> None:
    assert circle({"a": {"b", "c"}, "b": {"d"}, "c": set(), "d": {"b", "c"}}) == "b -> d -> b"
    assert not circle({"a": {"b", "c"}, "b": {"c"}, "c": set()})
