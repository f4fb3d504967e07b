"""Agreement between raters, against hand-computed and published values."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from rich.console import Console

from lema.base.errors import InputError
from lema.base.records import dump
from lema.base.stats import wilson
from lema.report.findings.agreement import (
    ORDER,
    Rating,
    agreement,
    bootstrapped,
    counts,
    kappa,
    plain_weights,
    quadratic_weights,
    read_ratings,
)
from lema.report.tables.agreement_table import print_ratings

TABLE = [[20, 5, 0], [3, 10, 2], [1, 4, 5]]


def ratings(labels: str, rater: str = "Ada", **changed: Any) -> list[Rating]:
    """One rating a letter (e, g, p), of items 0, 1, 2, ...; a dash leaves one out."""
    names = {label[0]: label for label in ORDER}
    given = {"sheet": "s1", "items": len(labels), "rater": rater, "reasoner": "m"} | changed
    return [
        Rating(**given, correction_id=f"c{k:03}", label=names[letter])
        for k, letter in enumerate(labels)
        if letter != "-"
    ]


def pair(table: list[list[int]]) -> tuple[list[Rating], list[Rating]]:
    letters = "egp"
    cells = [(a, b) for a in range(3) for b in range(3) for _ in range(table[a][b])]
    return ratings("".join(letters[a] for a, _ in cells)), ratings("".join(letters[b] for _, b in cells), "Bea")


def test_kappa_and_weighted_kappa_are_those_computed_by_hand() -> None:
    """Observed 35/50, expected 955/2500; weighted: 18 against 55.8."""
    found = agreement(*pair(TABLE))
    assert found.n == 50 and found.agreed == wilson(35, 50)
    assert found.kappa is not None and found.kappa.estimate == pytest.approx((0.7 - 0.382) / (1 - 0.382))
    assert found.weighted is not None and found.weighted.estimate == pytest.approx(1 - 18 / 55.8)


def test_kappa_of_two_labels_is_the_textbook_one() -> None:
    """20, 5, 10, 15: observed 0.7, expected 0.5."""
    table = np.array([[20.0, 5.0, 0.0], [10.0, 15.0, 0.0], [0.0, 0.0, 0.0]])
    assert float(kappa(table, plain_weights())) == pytest.approx(0.4)
    assert float(kappa(table, quadratic_weights())) == pytest.approx(0.4)  # neighbours only: weights are equal


def test_the_bootstrap_interval_has_the_width_of_the_asymptotic_one() -> None:
    """Fleiss, Cohen and Everitt (1969) for unweighted kappa."""
    table = np.array(TABLE, dtype=float) * 10
    found = bootstrapped(table, plain_weights(), seed=0)
    assert found is not None
    p = table / table.sum()
    rows, columns = p.sum(1), p.sum(0)
    observed, expected, k = p.trace(), float(rows @ columns), found.estimate
    diagonal = sum(p[i, i] * (1 - (rows[i] + columns[i]) * (1 - k)) ** 2 for i in range(3))
    off = sum(p[i, j] * (columns[i] + rows[j]) ** 2 for i in range(3) for j in range(3) if i != j) * (1 - k) ** 2
    sd = ((diagonal + off - (k - expected * (1 - k)) ** 2) / (table.sum() * (1 - expected) ** 2)) ** 0.5
    assert observed > expected
    assert (found.low, found.high) == pytest.approx((k - 1.96 * sd, k + 1.96 * sd), abs=0.01)


def test_raters_who_agree_have_kappa_one_and_raters_who_guess_about_zero() -> None:
    perfect = agreement(*pair([[9, 0, 0], [0, 8, 0], [0, 0, 7]]))
    assert perfect.kappa is not None and perfect.weighted is not None
    assert perfect.kappa.estimate == perfect.kappa.low == perfect.weighted.high == 1
    assert perfect.disagreements == ()
    guesses = agreement(*pair([[12, 12, 12]] * 3))
    assert guesses.kappa is not None and guesses.kappa.low < 0 < guesses.kappa.high


def test_kappa_is_not_claimed_where_both_gave_one_label_throughout() -> None:
    found = agreement(ratings("eeeee"), ratings("eeeee", "Bea"))
    assert (found.kappa, found.weighted, found.agreed.estimate) == (None, None, 1.0)


def test_only_items_that_both_judged_count_and_disagreements_are_listed() -> None:
    found = agreement(ratings("egp-e"), ratings("epp-g", "Bea", comment="no"))
    assert found.n == 4
    assert [(one.correction_id, one.labels, one.comments) for one in found.disagreements] == [
        ("c001", ("good", "poor"), ("", "no")),
        ("c004", ("excellent", "good"), ("", "no")),
    ]
    assert counts(ratings("egp-e")).rated == 4 and counts(ratings("egp-e")).items == 5


@pytest.mark.parametrize(
    ("other", "said"),
    [
        (ratings("eg", "Bea", sheet="s2"), "one sheet"),
        (ratings("eg"), "different names"),
        (ratings("--ee", "Bea"), "no item in common"),
    ],
)
def test_ratings_that_cannot_be_compared_are_refused(other: list[Rating], said: str) -> None:
    with pytest.raises(InputError, match=said):
        agreement(ratings("eg"), other)


@pytest.mark.parametrize(
    ("rows", "said"),
    [
        ([], "no ratings"),
        ([*ratings("e"), *ratings("-g", "Bea")], r"several raters \(Ada, Bea\)"),
        ([*ratings("e"), *ratings("-g", sheet="s2")], "several sheets"),
        ([*ratings("e"), *ratings("g")], "c000 more than once"),
    ],
)
def test_a_file_of_anything_but_one_raters_ratings_is_refused(tmp_path: Path, rows: list[Rating], said: str) -> None:
    path = tmp_path / "ratings.jsonl"
    path.write_bytes(dump(rows))
    with pytest.raises(InputError, match=rf"ratings\.jsonl.*{said}"):
        read_ratings(path)


def test_a_file_that_is_not_there_is_named() -> None:
    with pytest.raises(InputError, match=r"nowhere\.jsonl: there is no such file"):
        read_ratings(Path("nowhere.jsonl"))


def test_the_terminal_shows_counts_intervals_kappas_and_disagreements() -> None:
    console = Console(width=120, record=True)
    one, other = pair(TABLE)
    print_ratings([one, other, ratings("e" * 49 + "p", "[red]Cy")], console)
    shown = console.export_text()
    assert "25 (37 to 63 %)" in shown and "50 of 50" in shown
    assert "Ada and Bea agree on 70.0 % (56 to 81 %) of 50 items; kappa 0.51" in shown
    assert "weighted 0.68" in shown and "[red]Cy" in shown
    assert "excellent" in shown and "c020" in shown
