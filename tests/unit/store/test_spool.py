"""Rows on disk, given back in any order."""

from __future__ import annotations

from pathlib import Path

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from lema.base.records import Example, dump
from lema.lessons.data_budget import Budget, spend
from lema.store.spool import Seen, Spool


def example(number: int) -> Example:
    return Example(prompt=f"{number}?\n", completion="ü" * (number % 7), question_id=str(number), source="cot")


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(order=st.lists(st.integers(0, 19)))
def test_any_order_gives_the_bytes_of_the_rows_in_that_order(tmp_path: Path, order: list[int]) -> None:
    rows = [example(number) for number in range(20)]
    with Spool[Example](tmp_path / "spool") as spool:
        for row in rows:
            spool.append(row)
        assert len(spool) == 20
        assert b"".join(spool.chunks(order)) == dump(rows[number] for number in order)


def test_a_budget_spent_on_numbers_writes_what_one_spent_on_examples_does(tmp_path: Path) -> None:
    rows = [example(number) for number in range(300)]
    budget, sizes = Budget(target_tokens=400, keep="shares"), [len(row.completion) for row in rows]
    whole = spend(budget, rows[:200], rows[200:], lambda row: len(row.completion), 3)
    numbers = spend(budget, range(200), range(200, 300), sizes.__getitem__, 3)  # type: ignore[arg-type, var-annotated]
    with Spool[Example](tmp_path / "spool") as spool:
        for row in rows:
            spool.append(row)
        assert b"".join(spool.chunks(numbers)) == dump(whole)  # type: ignore[arg-type]


def test_nothing_of_the_spool_is_left(tmp_path: Path) -> None:
    with Spool[Example](tmp_path / "spool") as spool:
        spool.append(example(1))
    assert list(tmp_path.iterdir()) == []


@given(st.lists(st.tuples(st.text("ab", max_size=2), st.text("ab", max_size=2))))
def test_texts_are_new_once_wherever_one_ends_and_the_next_begins(pairs: list[tuple[str, str]]) -> None:
    seen = Seen()
    assert [seen.new(*pair) for pair in pairs] == [pair not in pairs[:at] for at, pair in enumerate(pairs)]
    assert seen.repeats == len(pairs) - len(set(pairs))
