"""The table in the docs says what the tests of hostile programs hold."""

from __future__ import annotations

from pathlib import Path

from hostile.table import table

from lema.programs.levels import LEVELS

DOCS = Path(__file__).parents[3] / "docs" / "sandbox.md"


def test_the_table_of_levels_is_that_of_the_attacks() -> None:
    assert table() in DOCS.read_text(), "renew it with: cd tests && python -m hostile.table"


def test_every_level_is_in_the_docs() -> None:
    text = DOCS.read_text()
    assert all(f"`{name}`" in text for name in LEVELS)
