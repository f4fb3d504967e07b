"""Budgets: exact sizes, what is kept, and refusals that say what there is."""

from __future__ import annotations

from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lema.blend import TOLERANCE, Blend, Budget, spend
from lema.errors import ConfigError, InputError
from lema.records import Example


def examples(source: str, count: int) -> list[Example]:
    return [
        Example(prompt=f"{source} {i}", completion="x" * (10 + i % 7), question_id=str(i), source=source)
        for i in range(count)
    ]


COT, CORRECTIONS = examples("cot", 300), examples("correction", 100)


def size(example: Example) -> int:
    return len(example.completion)


def sources(chosen: list[Example]) -> Counter[str]:
    return Counter(example.source for example in chosen)


def test_no_budget_takes_everything_once() -> None:
    chosen = spend(Budget(), COT, CORRECTIONS, size, 0)
    assert sorted(e.id for e in chosen) == sorted(e.id for e in [*COT, *CORRECTIONS])


@pytest.mark.parametrize(
    ("keep", "expected"),
    [
        ("corrections", {"cot": 100, "correction": 100}),
        ("cot", {"cot": 200, "correction": 0}),
        ("shares", {"cot": 150, "correction": 50}),
    ],
)
def test_a_budget_of_examples_is_exact_and_keeps_what_it_says(keep: str, expected: dict[str, int]) -> None:
    chosen = spend(Budget(examples=200, keep=keep), COT, CORRECTIONS, size, 0)  # type: ignore[arg-type]
    assert {name: sources(chosen)[name] for name in expected} == expected


def test_nothing_is_taken_twice_and_equal_seeds_give_equal_orders() -> None:
    budget = Budget(examples=250)
    first, again, other = (spend(budget, COT, CORRECTIONS, size, seed) for seed in (1, 1, 2))
    assert len({e.id for e in first}) == 250
    assert first == again
    assert first != other


@given(wanted=st.integers(min_value=2_000, max_value=4_000), seed=st.integers(0, 50))
def test_a_budget_of_tokens_is_met_to_half_a_percent(wanted: int, seed: int) -> None:
    chosen = spend(Budget(target_tokens=wanted), COT, CORRECTIONS, size, seed)
    assert wanted * (1 - TOLERANCE) <= sum(map(size, chosen)) <= wanted


def test_a_budget_of_tokens_that_the_mix_does_not_have_is_refused_with_what_there_is() -> None:
    there = sum(map(size, [*COT, *CORRECTIONS]))
    with pytest.raises(InputError, match=f"only {there:,} target tokens"):
        spend(Budget(target_tokens=2 * there), COT, CORRECTIONS, size, 0)


def test_a_budget_of_examples_that_the_mix_does_not_have_is_refused_with_what_there_is() -> None:
    with pytest.raises(InputError, match=r"only 400 examples \(300 CoT, 100 from corrections\)"):
        spend(Budget(examples=401), COT, CORRECTIONS, size, 0)


def test_a_budget_of_tokens_that_whole_examples_cannot_meet_is_refused() -> None:
    with pytest.raises(InputError, match="no choice of whole examples"):
        spend(Budget(target_tokens=15), COT[:2], [], size, 0)


def test_a_mix_of_nothing_and_a_budget_of_both_kinds_are_refused() -> None:
    with pytest.raises(ConfigError):
        Blend(name="none", cot=False, corrections="none").check()
    with pytest.raises(ConfigError):
        Budget(examples=1, target_tokens=1).check()
