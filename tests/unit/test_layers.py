"""The layers of the house: each file imports only from its own layer or one above it in the table."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2] / "lema"
LAYERS = tuple(
    line.split()
    for line in (
        "records spec errors protocols __init__",
        "store provenance extras prompts models lm likeness correction_wording formats examples steps slices datasets "
        "blend stage stats discrimination synth tracking evolution voting sections programs pad",
        "tasks verifiers engines correctors evolvers trainers",
        "stages",
        "experiment graph listing pipeline evolving discriminating distilling analysing options plan progress jobs "
        "runner cluster report grading",
        "wording building config app doctor outputs people worker __main__",
    )
)
LEVEL = {name: level for level, names in enumerate(LAYERS) for name in names}
COMPONENTS = LAYERS[2]
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


def part(path: Path) -> str:
    first = path.relative_to(ROOT).parts[0]
    return first.removesuffix(".py")


@pytest.mark.parametrize("path", FILES, ids=lambda p: str(p.relative_to(ROOT)))
def test_a_file_imports_only_from_its_layer_or_those_before(path: Path) -> None:
    own = part(path)
    for name in imports(path):
        if name.startswith("lema."):
            other = name.split(".")[1]
            if other not in LEVEL:
                continue  # a name defined in lema/__init__.py
            assert LEVEL[other] <= LEVEL[own], f"{path} imports {name}"
            if own in COMPONENTS and other in COMPONENTS:
                assert other == own, f"{path}: components never import one another ({name})"


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


def test_every_file_is_in_a_layer_and_short_enough_to_hold_one_idea() -> None:
    for path in FILES:
        assert part(path) in LEVEL, f"{path} is in no layer"
        assert len(path.read_text().splitlines()) <= 400, path
