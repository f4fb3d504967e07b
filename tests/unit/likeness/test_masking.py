"""Which differences between two texts count, and which never do."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lema.likeness.masking import forms, has_words


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("Mia has 1,200 pens.", "mia  has\n1200 pens"),
        ("Tom's cat costs $5.50!", "TOM’S CAT COSTS 5.50"),
        ("It is ½ full: café", "it is 1/2 full — cafe\u0301"),
        ("Find $\\dfrac{1}{2}x^2$", "find \\frac12 x²"),
        ("It costs 1,\\!000 or 1{,}000", "It costs 1000 or 1,000"),
        ("What is 8 - 4?", "what is 8  -\n 4"),
        ("$\\left( 3 \\text{ cm} \\right)$", "(3 cm)"),
        ("soft\u00adhyphen, zero\u200bwidth", "softhyphen zerowidth"),
    ],
)
def test_case_spaces_punctuation_and_typography_never_count(one: str, other: str) -> None:
    assert forms(one).exact == forms(other).exact


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("3.5 km", "35 km"),
        ("What is 3 + 4?", "What is 3 * 4?"),
        ("What is 8 - 4?", "What is 8 + 4?"),
        ("x^2 < 5", "x^2 > 5"),
        ("Mia has 5 pens", "Mia has 6 pens"),
        ("Mia has 5 pens", "Tom has 5 pens"),
    ],
)
def test_digits_points_operators_and_words_count(one: str, other: str) -> None:
    assert forms(one).exact != forms(other).exact


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("He ate 5 of 1,200", "He ate twenty-five of 3.75"),
        ("one third of it", "5/6 of it"),
        ("the 2nd day", "the seventh day"),
        ("solve $\\frac{3}{4}x = 12$", "solve $\\frac{15}{7}x = 3$"),
        ("a 5½ inch nail", "a 7 inch nail"),
    ],
)
def test_numbers_of_every_spelling_are_one_mask(one: str, other: str) -> None:
    assert forms(one).numbers == forms(other).numbers


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("Natalia sold 5 clips to her friend Bob.", "Will sold 7 clips to his friend Jean-Luc."),
        ("Mr. Smith's dog saw him in New York", "Nguyễn's dog saw her in Rome"),
        ("How many does Zoë have?", "How many does Mary Ann have?"),
    ],
)
def test_names_are_one_mask_however_they_are_written_and_pronouns_follow_them(one: str, other: str) -> None:
    assert forms(one).names == forms(other).names


def test_words_that_begin_a_sentence_are_no_names() -> None:
    assert forms("How old is Mia? If she is 5, so is Tom.").names == "how old is @ if he is 0 so is @"


def test_a_text_of_capitals_keeps_its_words() -> None:
    assert forms("MIA HAS 5 PENS").numbers == forms("mia has 5 pens").numbers


def test_a_drawing_counts_only_where_all_words_do() -> None:
    one, other = (f"Find the area of the square. [asy] draw({n}); label(up); [/asy]" for n in "xy")
    assert forms(one).exact != forms(other).exact
    assert forms(one).names == forms(other).names == "@ the area of the square"


def test_a_bare_formula_has_no_words() -> None:
    assert not has_words(forms("Compute 3x + 4y").names, 3)
    assert has_words(forms("What is the value of 3x?").names, 3)


@given(st.text())
def test_any_text_has_forms_and_only_blank_ones_are_empty(text: str) -> None:
    assert bool(forms(text).exact) == bool(text.strip())
    assert forms(text) == forms(text)
