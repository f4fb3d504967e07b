"""Near-duplicates: all that comparing every pair finds, and each of a text that stays."""

from __future__ import annotations

import random

import pytest
from conftest import require_data
from hypothesis import given, settings
from hypothesis import strategies as st
from material.planted_leaks import disguised, names_in, questions, repunctuated

from lema.likeness import NearDuplicates
from lema.likeness.duplicates import Duplicate, comparable, near_duplicates
from lema.likeness.masking import forms
from lema.likeness.shingles import shingle

VOCABULARY = "pens boxes of has more than how many red blue Mia Tom 3 17"
WORDS = st.sampled_from(VOCABULARY.split())
SENTENCES = st.lists(st.lists(WORDS, min_size=1, max_size=9).map(" ".join), max_size=25)


def pairwise(rules: NearDuplicates, texts: list[str], given: int) -> list[int]:
    """The texts that a comparison of each with all kept ones leaves out."""
    told = [comparable(forms(text)) for text in texts]
    grams = [set(shingle([forms(text).names], rules.ngram).grams.tolist()) for text in texts]
    kept: list[int] = []
    gone = []
    for at in range(len(texts)):
        equal = any(a == b for other in range(at) for a, b in zip(told[at], told[other], strict=True))
        shares = [len(grams[at] & grams[k]) / max(len(grams[at]), len(grams[k]), 1) for k in kept]
        if at >= given and (equal or max(shares, default=0) >= rules.share - 1e-9):
            gone.append(at)
        else:
            kept.append(at)
    return gone


@settings(max_examples=300)
@given(SENTENCES, st.sampled_from([0.3, 0.5, 0.75, 1.0]), st.integers(2, 4), st.integers(0, 5))
def test_exactly_what_comparing_every_pair_finds_is_left_out(
    texts: list[str], share: float, ngram: int, given: int
) -> None:
    rules = NearDuplicates(share=share, ngram=ngram)
    found = list(near_duplicates(rules, texts, given=given))
    assert [duplicate.text for duplicate in found] == pairwise(rules, texts, given)
    gone = {duplicate.text for duplicate in found}
    assert all(duplicate.of < duplicate.text and duplicate.of not in gone for duplicate in found)
    assert all(share - 1e-9 <= duplicate.share <= 1 for duplicate in found)


def test_the_same_on_real_questions() -> None:
    texts = questions(require_data("gsm8k").parent)
    mixed = [*texts["svamp"][:250], *texts["math test"][:250], *texts["asdiv"][:250]]
    for share in (0.4, 0.7):
        rules = NearDuplicates(share=share)
        found = [duplicate.text for duplicate in near_duplicates(rules, mixed)]
        assert found == pairwise(rules, mixed, 0)
        assert found


def test_disguised_seeds_are_found_and_other_questions_are_not() -> None:
    texts = questions(require_data("gsm8k").parent)
    seeds, others, names = texts["gsm8k train"][:500], texts["gsm8k train"][500:1000], names_in(texts["gsm8k train"])
    again = [disguised(text, random.Random(i), names) for i, text in enumerate(seeds)]
    reworded = [repunctuated(text, random.Random(i)) for i, text in enumerate(seeds)]
    found = list(near_duplicates(NearDuplicates(), [*seeds, *again, *reworded, *others], given=500))
    assert sum(duplicate.text < 1000 for duplicate in found) >= 0.99 * 500
    assert sum(1000 <= duplicate.text < 1500 for duplicate in found) == 500
    assert sum(duplicate.text >= 1500 for duplicate in found) <= 0.01 * 500


def test_a_seed_with_as_much_again_is_a_new_question() -> None:
    seed = "Mia has 12 red pens in a box, and Tom has 5 more pens than she has. How many pens do they have?"
    grown = f"{seed} Each pen costs 3 dollars, and half of the red ones were sold on Monday morning. What is left?"
    assert not list(near_duplicates(NearDuplicates(), [seed, grown]))
    assert list(near_duplicates(NearDuplicates(), [seed, f"{seed} Say it."])) != []


def test_given_texts_stay_and_what_repeats_them_goes() -> None:
    texts = ["Mia has 3 red pens", "Tom has 4 red pens", "Ann has 5 red pens", "Ann sees 5 red pens"]
    assert list(near_duplicates(NearDuplicates(), texts, given=2)) == [Duplicate(2, 0, 1.0)]


def test_unmasked_only_equal_words_repeat() -> None:
    texts = ["Mia has 3 red pens", "Tom has 4 red pens", "mia has 3 red pens!"]
    assert list(near_duplicates(NearDuplicates(masked=False), texts)) == [Duplicate(2, 0, 1.0)]


@pytest.mark.parametrize("fields", [{"share": 0.0}, {"share": 1.5}, {"ngram": 1}])
def test_thresholds_out_of_range_are_refused(fields: dict[str, float]) -> None:
    with pytest.raises(ValueError, match=next(iter(fields))):
        NearDuplicates(**fields)  # type: ignore[arg-type]
