"""Budgets: exact sizes, what is kept, and refusals that say what there is."""

from __future__ import annotations

from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lema.base.errors import ConfigError, InputError
from lema.base.records import Example
from lema.base.spec import key
from lema.lessons.data_budget import TOLERANCE, Budget, spend


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


def test_a_budget_of_both_kinds_is_refused() -> None:
    with pytest.raises(ConfigError, match="not both"):
        Budget(examples=1, target_tokens=1).check()


@pytest.mark.parametrize("keep", ["corrections", "cot", "shares"])
def test_cot_sized_is_the_number_of_cot_examples_and_the_very_training_set_of_that_number(keep: str) -> None:
    counted = spend(Budget(examples="cot", keep=keep), COT, CORRECTIONS, size, 3)  # type: ignore[arg-type]
    assert counted == spend(Budget(examples=300, keep=keep), COT, CORRECTIONS, size, 3)  # type: ignore[arg-type]
    assert len(counted) == len(spend(Budget(), COT, [], size, 3)) == 300


def test_cot_sized_grows_and_shrinks_with_the_mix_and_has_a_key_of_its_own() -> None:
    for there in (1, 120, 300):
        assert len(spend(Budget(examples="cot"), COT[:there], CORRECTIONS, size, 0)) == there
    assert key(Budget(examples="cot")) != key(Budget(examples=300))


def test_cot_sized_without_cot_is_refused() -> None:
    with pytest.raises(InputError, match="it has none"):
        spend(Budget(examples="cot"), [], CORRECTIONS, size, 0)


@pytest.mark.parametrize(
    ("share", "wanted", "expected"),
    [
        (0.25, 200, (150, 50)),
        (0.0, 200, (200, 0)),
        (1.0, 100, (0, 100)),
        (1 / 3, 100, (67, 33)),  # to the nearest example
        (0.25, "cot", (225, 75)),
    ],
)
def test_a_share_is_exact(share: float, wanted: int, expected: tuple[int, int]) -> None:
    chosen = spend(Budget(examples=wanted, share=share), COT, CORRECTIONS, size, 0)
    assert (sources(chosen)["cot"], sources(chosen)["correction"]) == expected
    assert len({e.id for e in chosen}) == sum(expected)


@pytest.mark.parametrize(
    ("budget", "what"),
    [
        (Budget(examples=300, share=0.5), "needs 150 examples from corrections, and the mix has 100"),
        (Budget(examples=320, share=0.05), "needs 304 CoT examples, and the mix has 300"),
        (Budget(examples="cot", share=0.5), "needs 150 examples from corrections, and the mix has 100"),
    ],
)
def test_a_share_that_the_mix_does_not_have_is_refused_with_what_there_is(budget: Budget, what: str) -> None:
    with pytest.raises(InputError, match=what):
        spend(budget, COT, CORRECTIONS, size, 0)


def test_a_share_of_nothing_in_particular_is_refused() -> None:
    with pytest.raises(ConfigError, match="share"):
        Budget(share=0.5).check()
