"""Keys do not move by accident."""

from __future__ import annotations

import json
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[2] / "golden"))

from renew import GOLDEN, keys


def test_the_keys_of_every_shipped_experiment_are_those_on_record() -> None:
    recorded = json.loads(GOLDEN.read_text())
    assert keys() == recorded, "a key moved: say so in CHANGELOG.md under Keys, and run tests/golden/renew.py"
