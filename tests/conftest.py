"""What all tests share: where test data is, when its absence is a failure, and the servers."""

from __future__ import annotations

import importlib
import os
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType

import pytest
from servers import slurm
from servers.faulty import Faulty
from servers.smollm2 import Unavailable, model_folder

ROOT = Path(__file__).parents[1]
# One thread a process, here and in all that is started from here: test processes share the cores among them, and
# sums of floats come out alike only when they are split alike.
os.environ.setdefault("OMP_NUM_THREADS", "1")


def require_data(name: str) -> Path:
    """A folder of test data; skips when it is not on this machine, and fails when CI lacks it."""
    data = Path(os.environ.get("LEMA_TEST_DATA", ROOT.parent / "shared" / "data"))
    folder = data / name
    if not folder.exists():
        missing(f"test data {name!r} is not there; set LEMA_TEST_DATA to the folder that holds it")
    return folder


def missing(reason: str) -> None:
    """Something real is missing: a skip for people, a failure in CI."""
    if os.environ.get("CI") == "true":
        pytest.fail(reason)
    pytest.skip(reason)


def package(name: str) -> ModuleType:
    """An optional package: a skip for people who lack it, a failure in CI."""
    try:
        return importlib.import_module(name)
    except ImportError as fault:
        missing(f"{name} is not installed")
        raise AssertionError from fault


@pytest.fixture(scope="session")
def smollm2_dir() -> Path:
    """SmolLM2-135M-Instruct as a model folder: safetensors, float32, tokenizer with chat template."""
    try:
        return model_folder()
    except Unavailable as fault:
        missing(str(fault))
        raise


@pytest.fixture(scope="module")
def cluster() -> Iterator[slurm.Cluster]:
    """A real SLURM of two nodes, for the tests of one file."""
    package("submitit")
    try:
        with slurm.Cluster().running() as made:
            yield made
    except slurm.Unavailable as fault:
        missing(str(fault))


@pytest.fixture
def faulty() -> Iterator[Faulty]:
    """An OpenAI-compatible server that answers at once and misbehaves when told."""
    server = Faulty()
    with server.running():
        yield server
