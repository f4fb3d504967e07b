"""What all tests share: their data, the servers, what is said of what is not here, and the order of the files."""

from __future__ import annotations

import importlib
import os
import re
from collections import defaultdict
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
from servers import slurm
from servers.faulty import Faulty
from servers.smollm2 import Unavailable, model_folder

ROOT = Path(__file__).parents[1]
#: What the tests want of the system, and the packages that bring it (of Debian and what descends from it).
SYSTEM = {
    "SLURM": "slurm-wlm munge",
    "bubblewrap": "bubblewrap",
    "Chromium": "chromium fonts-dejavu-core",
}
#: How a skip says what is not here, and the command that brings it.
WANTED = re.compile(r"Skipped: (?P<what>.+) is not (?:installed|there): (?P<command>.+)")
# One thread a process, here and in all that is started from here: test processes share the cores among them, and
# sums of floats come out alike only when they are split alike.
os.environ.setdefault("OMP_NUM_THREADS", "1")


def require_data(name: str) -> Path:
    """A folder of test data; skips when it is not on this machine, and fails when CI lacks it."""
    data = Path(os.environ.get("LEMA_TEST_DATA", ROOT.parent / "shared" / "data"))
    folder = data / name
    if not folder.exists():
        missing(f"test data {name!r} is not there: set LEMA_TEST_DATA to the folder that holds it")
    return folder


def missing(reason: str) -> None:
    """Something real is missing: a skip for people, a failure in CI."""
    if os.environ.get("CI") == "true":
        pytest.fail(reason)
    pytest.skip(reason)


def lacking(what: str) -> None:
    """A program of the system is missing: the reason says which packages bring it, and so does the end of the run."""
    missing(f"{what} is not installed: apt-get install {SYSTEM[what]}")


def package(name: str) -> ModuleType:
    """An optional package: a skip for people who lack it, a failure in CI."""
    try:
        return importlib.import_module(name)
    except ImportError as fault:
        missing(f"{name} is not installed: make setup")
        raise AssertionError from fault


@pytest.fixture(scope="session")
def smollm2_dir() -> Path:
    """SmolLM2-135M-Instruct as a model folder: safetensors, float32, tokenizer with chat template."""
    try:
        return model_folder()
    except Unavailable as fault:
        missing(str(fault))
        raise


@pytest.fixture(scope="session")
def started() -> Iterator[slurm.Cluster]:
    """A real SLURM of two nodes: one for all files, which one process therefore runs."""
    package("submitit")
    if slurm.absent():
        lacking("SLURM")
    try:
        with slurm.Cluster().running() as made:
            yield made
    except slurm.Unavailable as fault:
        missing(str(fault))


@pytest.fixture(scope="module")
def cluster(started: slurm.Cluster) -> Iterator[slurm.Cluster]:
    """The SLURM, with an empty queue and idle nodes, for the tests of one file."""
    started.await_idle()
    yield started
    started.clear()


@pytest.fixture
def faulty() -> Iterator[Faulty]:
    """An OpenAI-compatible server that answers at once and misbehaves when told."""
    server = Faulty()
    with server.running():
        yield server


@cache
def on_slurm(file: str) -> bool:
    """Whether the tests of a file want the SLURM."""
    return "cluster: Cluster" in (ROOT / file).read_text()


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """For several processes: first the files of the SLURM, beside which others go on as it waits, then long ones."""
    if not hasattr(config, "workerinput"):
        return
    files: dict[str, list[pytest.Item]] = defaultdict(list)
    for item in items:
        files[item.nodeid.partition("::")[0]].append(item)
    slow = {file for file, held in files.items() if any(item.get_closest_marker("slow") for item in held)}
    whole = ("tests/flow/", "tests/real/")
    order = sorted(files, key=lambda file: (not on_slurm(file), file not in slow, not file.startswith(whole)))
    items[:] = [item for file in order for item in files[file]]


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> Any:
    """`--dist loadfile` gives all files of the SLURM to one process, so that there is one SLURM."""
    if config.getvalue("dist") != "loadfile":
        return None
    from xdist.scheduler import LoadFileScheduling

    class Scheduling(LoadFileScheduling):
        def _split_scope(self, nodeid: str) -> str:
            file: str = super()._split_scope(nodeid)
            return "slurm" if on_slurm(file) else file

    return Scheduling(config, log)


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """What was not tested because something is not on this machine, and what brings it here."""
    wanted: dict[tuple[str, str], list[str]] = defaultdict(list)
    for report in terminalreporter.stats.get("skipped", ()):
        reason = report.longrepr[2] if isinstance(report.longrepr, tuple) else ""
        if found := WANTED.fullmatch(reason):
            wanted[found["what"], found["command"]].append(report.nodeid.partition("::")[0])
    if wanted:
        terminalreporter.section("not tested here", yellow=True)
    for (what, command), files in sorted(wanted.items()):
        terminalreporter.line(f"{len(files)} tests want {what}: {command}")
        for file in sorted(set(files)):
            terminalreporter.line(f"    {files.count(file):4} of {file}")
