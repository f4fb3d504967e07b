from __future__ import annotations

import logging
from collections.abc import Callable, Sequence
from pathlib import Path

import pytest
from toys.store import Row

from lema.store.parts import Parts, Tally, items_digest, map_parts


class Squarer:
    """Squares numbers, remembers which, and breaks before a given one."""

    def __init__(self, breaks_at: int | None = None) -> None:
        self.seen: list[int] = []
        self.breaks_at = breaks_at

    def __call__(self, items: Sequence[int]) -> list[Row]:
        if self.breaks_at in items:
            raise RuntimeError("killed")
        self.seen.extend(items)
        return [Row(item=item, square=item * item) for item in items]


def run(
    folder: Path, items: Sequence[int], do: Squarer, *, size: int = 3, fence: Callable[[], None] = lambda: None
) -> tuple[list[Row], Tally]:
    tally = Tally()
    rows = map_parts(
        Parts(folder, Row), items, do, size=size, tally=tally, fence=fence, progress=lambda done, total: None
    )
    return rows, tally


def test_rows_come_in_the_order_of_the_items_also_with_a_short_last_part(tmp_path: Path) -> None:
    rows, tally = run(tmp_path, range(10), Squarer())
    assert [row.square for row in rows] == [n * n for n in range(10)]
    assert (tally.done, tally.reused) == (4, 0)


def test_an_interrupted_map_goes_on_without_doing_a_finished_part_again(tmp_path: Path) -> None:
    first = Squarer(breaks_at=7)
    with pytest.raises(RuntimeError):
        run(tmp_path, range(12), first)
    second = Squarer()
    rows, tally = run(tmp_path, range(12), second)
    assert first.seen == [0, 1, 2, 3, 4, 5] and second.seen == [6, 7, 8, 9, 10, 11]
    assert (tally.done, tally.reused) == (2, 2)
    assert [row.item for row in rows] == list(range(12))


@pytest.mark.parametrize("keep", [0, 1, 60, 100, -1], ids=lambda keep: f"keep {keep} bytes")
def test_a_truncated_part_is_done_again_with_a_warning(
    tmp_path: Path, keep: int, caplog: pytest.LogCaptureFixture
) -> None:
    whole, _ = run(tmp_path, range(12), Squarer())
    victim = sorted(tmp_path.iterdir())[1]
    victim.write_bytes(victim.read_bytes()[:keep])
    again = Squarer()
    with caplog.at_level(logging.WARNING):
        rows, tally = run(tmp_path, range(12), again)
    assert again.seen == [3, 4, 5] and tally.reused == 3
    assert rows == whole
    assert str(victim) in caplog.text and "done again" in caplog.text


def test_a_part_with_one_changed_digit_is_not_trusted(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    whole, _ = run(tmp_path, range(6), Squarer())
    victim = sorted(tmp_path.iterdir())[1]
    victim.write_bytes(victim.read_bytes().replace(b'"square":16', b'"square":61'))
    rows, _ = run(tmp_path, range(6), Squarer())
    assert rows == whole and "damaged" in caplog.text


def test_a_part_under_the_name_of_other_items_is_not_trusted(tmp_path: Path) -> None:
    run(tmp_path, range(6), Squarer())
    first, second = sorted(tmp_path.iterdir())
    second.write_bytes(first.read_bytes())
    rows, _ = run(tmp_path, range(6), Squarer())
    assert [row.item for row in rows] == list(range(6))


def test_parts_of_other_items_or_another_part_size_are_not_used(tmp_path: Path) -> None:
    run(tmp_path, range(12), Squarer())
    shifted, resized = Squarer(), Squarer()
    rows, _ = run(tmp_path, range(1, 13), shifted)
    assert [row.item for row in rows] == list(range(1, 13)) == shifted.seen
    run(tmp_path, range(12), resized, size=4)
    assert resized.seen == list(range(12))


def test_a_fenced_holder_does_not_write_the_part_it_was_at(tmp_path: Path) -> None:
    calls = 0

    def fence() -> None:
        nonlocal calls
        calls += 1
        if calls == 4:
            raise InterruptedError("lost")

    with pytest.raises(InterruptedError):
        run(tmp_path, range(12), Squarer(), fence=fence)
    assert len(list(tmp_path.iterdir())) == 1


def test_a_row_of_another_type_is_refused_before_it_is_stored(tmp_path: Path) -> None:
    with pytest.raises(TypeError, match="expected rows of type Row, got a str"):
        map_parts(
            Parts(tmp_path, Row),
            range(3),
            lambda items: ["no"] * len(items),  # type: ignore[list-item]
            size=3,
            tally=Tally(),
            fence=lambda: None,
            progress=lambda done, total: None,
        )
    assert not list(tmp_path.iterdir())


def test_the_digest_of_items_tells_values_and_order_apart_but_not_dict_order() -> None:
    row = Row(item=1, square=1)
    assert items_digest([("a", row)]) == items_digest([("a", Row(item=1, square=1))])
    assert items_digest([1, 2]) != items_digest([2, 1])
    assert items_digest([{"a": 1, "b": 2}]) == items_digest([{"b": 2, "a": 1}])
    with pytest.raises(TypeError, match="no JSON form"):
        items_digest([object()])
