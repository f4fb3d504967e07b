"""Planted leaks are found, questions that are none are left alone, and order decides nothing."""

from __future__ import annotations

import random
from collections import Counter
from functools import cache

import pytest
from conftest import require_data
from hypothesis import given
from hypothesis import strategies as st
from material.planted_leaks import disguised, names_in, plants, questions

from lema.base.spec import key
from lema.likeness import Decontamination
from lema.likeness.leaks import HeldOut, Index

TEXTS = st.lists(st.text(alphabet="aB1.? ", min_size=1, max_size=80).filter(str.strip), min_size=1, max_size=8)
STORY = "Mia has 12 red pens in a box, and Tom has 5 more pens than she has. How many pens do they have together?"
FILLER = "Once upon a time there was a long winter in a small town by the sea where nobody counted."


@cache
def data() -> dict[str, list[str]]:
    return questions(require_data("gsm8k").parent)


@cache
def index(name: str) -> Index:
    return index_of(data()[name], name)


@cache
def names() -> frozenset[str]:
    return names_in([text for name in ("gsm8k train", "svamp", "asdiv") for text in data()[name]])


def index_of(texts: list[str], name: str = "test", rules: Decontamination | None = None) -> Index:
    return Index(rules or Decontamination(), [HeldOut(name, [(str(i), text) for i, text in enumerate(texts)])])


@pytest.mark.parametrize(
    ("plant", "least"),
    [
        ("verbatim", 1.0),
        ("repunctuated", 1.0),
        ("renumbered", 0.99),
        ("renamed", 0.99),
        ("renamed and renumbered", 0.99),
        ("... inside a longer text", 0.99),
        ("... 5 % of words replaced", 0.75),
        ("... another last sentence", 0.65),
    ],
)
@pytest.mark.parametrize("test", ["gsm8k test", "svamp", "asdiv"])
def test_planted_leaks_are_found(test: str, plant: str, least: float) -> None:
    texts = random.Random(test).sample(data()[test], 600)
    planted = plants(data()[test], names())[plant]
    rows = [planted(text, random.Random(f"{plant} {i}")) for i, text in enumerate(texts)]
    found = sum(leak is not None for leak in index(test).check_all(rows))
    assert found >= least * len(texts)


@pytest.mark.parametrize(("test", "verbatim", "both"), [("math test", 1.0, 0.95), ("csqa dev", 1.0, 0.99)])
def test_formulas_and_short_questions_are_found_too(test: str, verbatim: float, both: float) -> None:
    texts = random.Random(test).sample(data()[test], 600)
    assert sum(map(bool, index(test).check_all(texts))) >= verbatim * len(texts)
    rows = [disguised(text, random.Random(i), names()) for i, text in enumerate(texts)]
    assert sum(map(bool, index(test).check_all(rows))) >= both * len(texts)


@pytest.mark.parametrize(
    ("rows", "test", "most"),
    [
        ("gsm8k train", "gsm8k test", 0.002),
        ("gsm8k train", "svamp", 0.0005),
        ("gsm8k train", "asdiv", 0.005),
        ("gsm8k train", "math test", 0.0005),
        ("csqa train", "csqa dev", 0.0005),
    ],
)
def test_training_questions_that_are_no_test_questions_are_left_alone(rows: str, test: str, most: float) -> None:
    """GSM8K's 11 of 7,473 against its own test set, read one by one: 1 is a test question with other names
    and numbers, 2 are one with another vehicle, 3 tell its story with another word or another ending, and 5
    are only built alike (who is how much older than whom). Of the 27 against ASDiv, 5 are renamed test questions.
    """
    leaks = [leak for leak in index(test).check_all(data()[rows]) if leak is not None]
    assert len(leaks) <= most * len(data()[rows])


def test_the_alarms_on_gsm8k_are_the_ones_that_were_read() -> None:
    rules = Counter(leak.rule for leak in index("gsm8k test").check_all(data()["gsm8k train"]) if leak is not None)
    assert rules == {"names": 1, "overlap": 10}


@given(TEXTS)
def test_a_text_always_leaks_against_itself(texts: list[str]) -> None:
    for leak in index_of(texts).check_all(texts):
        assert leak is not None
        assert (leak.rule, leak.share) == ("exact", 1.0)


@given(TEXTS, TEXTS, st.randoms(use_true_random=False))
def test_neither_the_order_of_rows_nor_of_test_questions_matters(
    tests: list[str], rows: list[str], draw: random.Random
) -> None:
    rules = Decontamination(ngram=2, ngrams=1, share=0.3)
    sets = [HeldOut(name, [(f"{name}{i}", text) for i, text in enumerate(tests)]) for name in "ab"]
    again = [HeldOut(name, draw.sample(held, len(held))) for name, held, _ in reversed(sets)]
    shuffled = draw.sample(rows, len(rows))
    one, other = Index(rules, sets), Index(rules, again)
    found = dict(zip(rows, one.check_all(rows), strict=True))
    assert found == dict(zip(shuffled, other.check_all(shuffled), strict=True))
    assert [one.check(row) for row in rows] == list(one.check_all(rows))


@pytest.mark.parametrize(
    ("row", "rule"),
    [
        (STORY.upper(), "exact"),
        (STORY.replace("12", "forty"), "numbers"),
        (STORY.replace("12", "40").replace("Mia", "Bo").replace("she", "he"), "names"),
        (f"{FILLER} {STORY} {FILLER}", "overlap"),
    ],
)
def test_a_leak_names_the_rule_and_the_question(row: str, rule: str) -> None:
    leak = index_of(["Who is it?", STORY]).check(row)
    assert leak is not None
    assert (leak.rule, leak.test_set, leak.question_id, leak.share) == (rule, "test", "1", 1.0)


def test_the_share_is_of_the_test_question() -> None:
    half = " ".join(STORY.split()[:14])
    leak = index_of([STORY], rules=Decontamination(share=0.3)).check(f"{half} {FILLER}")
    assert leak is not None
    assert leak.share == pytest.approx(7 / 17)  # 14 of 24 words
    assert index_of([STORY], rules=Decontamination(share=0.5)).check(f"{half} {FILLER}") is None


def test_of_several_test_questions_the_most_alike_is_named() -> None:
    longer = f"{STORY} {FILLER}"
    leak = index_of([longer, STORY]).check(f"So: {STORY}")
    assert leak is not None
    assert leak.question_id == "1"


def test_rules_that_are_off_find_nothing() -> None:
    renumbered, inside = STORY.replace("12", "40"), f"{FILLER} {STORY}"
    only_exact = index_of([STORY], rules=Decontamination(masked=False, overlap=False))
    assert [only_exact.check(row) is None for row in (STORY, renumbered, inside)] == [False, True, True]
    no_overlap = index_of([STORY], rules=Decontamination(overlap=False))
    assert [no_overlap.check(row) is None for row in (STORY, renumbered, inside)] == [False, False, True]


def test_of_a_templated_set_only_equal_questions_leak() -> None:
    templated = Index(Decontamination(), [HeldOut("made", [("0", STORY)], templated=True)])
    assert templated.check(STORY.lower()) is not None
    assert templated.check(STORY.replace("12", "40")) is None
    assert templated.check(f"{FILLER} {STORY}") is None


def test_nothing_leaks_against_no_test_set() -> None:
    assert Index(Decontamination(), []).check(STORY) is None


@pytest.mark.parametrize("fields", [{"share": 0.0}, {"share": 1.1}, {"ngram": 1}, {"ngrams": 0}])
def test_thresholds_out_of_range_are_refused(fields: dict[str, float]) -> None:
    with pytest.raises(ValueError, match=next(iter(fields))):
        Decontamination(**fields)  # type: ignore[arg-type]


def test_every_threshold_is_part_of_the_identity() -> None:
    others = [{"masked": False}, {"overlap": False}, {"ngram": 9}, {"ngrams": 4}, {"share": 0.5}]
    assert len({key(Decontamination(**fields)) for fields in [{}, *others]}) == 6  # type: ignore[arg-type]
