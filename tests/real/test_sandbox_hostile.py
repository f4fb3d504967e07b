"""Hostile programs at each level, as root and as an ordinary user: what is said to be stopped is stopped, and what is
said not to be gets through, so that the table of docs/sandbox.md is true in both directions.
"""

from __future__ import annotations

import functools
import json
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from conftest import ROOT, lacking, missing
from hostile.reaching import SECRET
from hostile.scene import ATTACKS

pytestmark = pytest.mark.real
LEVELS = ("seccomp", "bubblewrap", "namespaces", "fresh")
USERS = ("root", "user")
NEEDED = ("msgspec", "pydantic", "pydantic_core", "annotated_types", "typing_inspection")
AS_NOBODY = ["setpriv", "--reuid", "65534", "--regid", "65534", "--clear-groups"]


@pytest.fixture(scope="module")
def open_copy() -> Iterator[Path]:
    """The code and what it needs where everybody can read it, which a checkout need not be."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        folder.chmod(0o755)
        shutil.copytree(ROOT / "lema", folder / "lema", ignore=shutil.ignore_patterns("__pycache__"))
        shutil.copytree(ROOT / "tests" / "hostile", folder / "hostile")
        for package in NEEDED:
            shutil.copytree(Path(__import__(package).__file__ or "").parent, folder / package)
        shutil.copy(Path(__import__("typing_extensions").__file__ or ""), folder)
        yield folder


@functools.cache
def open_python() -> str:
    """An interpreter of our version that an ordinary user can start."""
    for path in (str(Path(sys.executable).resolve()), f"/usr/bin/python3.{sys.version_info.minor}"):
        command = [
            *AS_NOBODY,
            "sh",
            "-c",
            f"exec {path} -c 'import ctypes'",
        ]  # setpriv itself may start what others may not
        if subprocess.run(command, check=False, capture_output=True, cwd="/").returncode == 0:
            return path
    missing(f"no Python 3.{sys.version_info.minor} that an ordinary user can start")
    raise AssertionError


@functools.cache
def report(level: str, user: str, folder: Path) -> dict[str, Any]:
    """What all attacks came to."""
    if level == "bubblewrap" and shutil.which("bwrap") is None:
        lacking("bubblewrap")
    command = [sys.executable, "-m", "hostile.scene", level]
    if user == "user" and os.geteuid() == 0:
        command = [*AS_NOBODY, open_python(), "-m", "hostile.scene", level]
    # The secret stands in the environment with which the owner starts, where /proc shows it.
    environment = {"PATH": os.environ["PATH"], "PYTHONPATH": str(folder), "SECRET": SECRET}
    done = subprocess.run(command, check=False, env=environment, cwd="/", capture_output=True, text=True, timeout=1800)
    assert done.returncode == 0, done.stderr
    found: dict[str, Any] = json.loads(done.stdout)
    return found


@pytest.fixture(params=[f"{level}/{user}" for level in LEVELS for user in USERS], scope="module")
def where(request: pytest.FixtureRequest) -> str:
    named: str = request.param
    if named.endswith("root") and os.geteuid() != 0:
        pytest.skip("only root can see what root's sandbox does")
    return named


@pytest.mark.parametrize("attack", ATTACKS, ids=lambda attack: attack.name)
def test_an_attack_gets_through_only_where_the_table_says_so(where: str, attack: Any, open_copy: Path) -> None:
    found = report(*where.split("/"), open_copy)["attacks"][attack.name]
    if attack.unsure and where in attack.open_at:
        return
    assert found["escaped"] is (where in attack.open_at), found["outcome"]


def test_honest_programs_among_them_come_to_what_they_are(where: str, open_copy: Path) -> None:
    assert report(*where.split("/"), open_copy)["honest"] == []


def test_no_process_and_no_descriptor_is_left(where: str, open_copy: Path) -> None:
    assert report(*where.split("/"), open_copy)["left"] == {"processes": 0, "descriptors": 0}


def test_at_the_full_level_nothing_gets_through() -> None:
    assert len(ATTACKS) >= 40
    assert not [attack.name for attack in ATTACKS for place in attack.open_at if place.startswith("seccomp")]
