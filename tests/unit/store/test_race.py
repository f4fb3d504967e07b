from __future__ import annotations

from pathlib import Path

import pytest

from lema.base.errors import StoreError
from lema.store import Store
from lema.store.race import Won, judge, race


def test_on_a_sound_file_system_every_round_is_done_exactly_once(tmp_path: Path) -> None:
    result = race(tmp_path, workers=3, rounds=10)
    assert result.ok and (result.winners, result.duplicates, result.lost) == (10, 0, 0)
    assert "10 done exactly once" in str(result)
    assert not list(tmp_path.iterdir())


def test_rounds_done_twice_or_lost_are_told(tmp_path: Path) -> None:
    Store(tmp_path).prepare()
    both = Won(worker=0, built=(0, 1), renamed=(0, 1))
    result = judge(tmp_path, [both, Won(worker=1, built=(1,), renamed=())], 3, 0.0)
    assert not result.ok and (result.winners, result.duplicates, result.lost) == (1, 1, 3)


def test_a_place_that_cannot_be_used_is_one_error(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(StoreError, match="cannot use the store"):
        race(tmp_path / "file")
