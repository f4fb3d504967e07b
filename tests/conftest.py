"""What all tests share: where test data is, and when its absence is a failure."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]


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
