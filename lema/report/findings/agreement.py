"""What raters found, and how far they agree: counts, percent agreement, Cohen's kappa, plain and weighted."""

from __future__ import annotations

import itertools
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec

from lema.base.errors import InputError
from lema.base.records import Record, load
from lema.base.stats import DRAWS, Interval, bounds_of, wilson
from lema.report.output.rating import LABELS, Label

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    Array = NDArray[np.float64]

ORDER = tuple(LABELS)  # an ordinal scale: weighted kappa takes excellent and poor as twice as far apart


class Rating(Record, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One line of the file that the rating page gives."""

    sheet: str
    items: int  # on the sheet
    rater: str
    correction_id: str
    reasoner: str
    label: Label
    comment: str = ""


class Counts(msgspec.Struct, frozen=True, kw_only=True):
    """One rater's labels; shares are of the items that this rater judged."""

    rater: str
    rated: int
    items: int  # on the sheet
    labels: dict[Label, int]
    shares: dict[Label, Interval]  # Wilson


class Disagreement(msgspec.Struct, frozen=True, kw_only=True):
    """An item on which two raters differ."""

    correction_id: str
    labels: tuple[Label, Label]
    comments: tuple[str, str]


class Agreement(msgspec.Struct, frozen=True, kw_only=True):
    """Two raters on the items that both judged. Kappas are None where chance alone would agree on everything."""

    raters: tuple[str, str]
    n: int
    agreed: Interval  # Wilson
    kappa: Interval | None  # bootstrap over items
    weighted: Interval | None  # quadratic weights, bootstrap over items
    disagreements: tuple[Disagreement, ...]


def read_ratings(path: Path) -> list[Rating]:
    """The ratings in one downloaded file: of one sheet, by one rater, each item once.

    Raises:
        InputError: the file is missing or empty, a line is malformed, or it mixes sheets or raters.
    """
    if not path.is_file():
        raise InputError(f"{path}: there is no such file of ratings")
    ratings = list(load(path, Rating))
    if not ratings:
        raise InputError(f"{path}: there are no ratings in it")
    for name in ("sheet", "rater"):
        if len(held := dict.fromkeys(getattr(rating, name) for rating in ratings)) > 1:
            raise InputError(
                f"{path} holds ratings of several {name}s ({', '.join(held)}): give a file for each of them"
            )
    if repeated := [id_ for id_, times in Counter(rating.correction_id for rating in ratings).items() if times > 1]:
        raise InputError(f"{path} rates {repeated[0]} more than once: keep one of its lines")
    return ratings


def counts(ratings: Sequence[Rating]) -> Counts:
    """One rater's labels with intervals."""
    labels = Counter(rating.label for rating in ratings)
    return Counts(
        rater=ratings[0].rater,
        rated=len(ratings),
        items=ratings[0].items,
        labels={label: labels[label] for label in ORDER},
        shares={label: wilson(labels[label], len(ratings)) for label in ORDER},
    )


def agreements(raters: Sequence[Sequence[Rating]], seed: int = 0) -> list[Agreement]:
    """Every pair of raters."""
    return [agreement(one, other, seed) for one, other in itertools.combinations(raters, 2)]


def agreement(one: Sequence[Rating], other: Sequence[Rating], seed: int = 0) -> Agreement:
    """How far two raters agree on the items that both judged.

    Raises:
        InputError: they rated different sheets, are the same rater, or share no item.
    """
    if one[0].sheet != other[0].sheet:
        raise InputError(
            f"{one[0].rater} rated sheet {one[0].sheet} and {other[0].rater} sheet {other[0].sheet}: "
            "agreement needs ratings of one sheet"
        )
    if one[0].rater == other[0].rater:
        raise InputError(f"both files are by {one[0].rater!r}: agreement needs two raters with different names")
    second = {rating.correction_id: rating for rating in other}
    both = [(rating, second[rating.correction_id]) for rating in one if rating.correction_id in second]
    if not both:
        raise InputError(f"{one[0].rater} and {other[0].rater} rated no item in common")
    table = crossed(both)
    return Agreement(
        raters=(one[0].rater, other[0].rater),
        n=len(both),
        agreed=wilson(sum(a.label == b.label for a, b in both), len(both)),
        kappa=bootstrapped(table, plain_weights(), seed),
        weighted=bootstrapped(table, quadratic_weights(), seed),
        disagreements=tuple(
            Disagreement(correction_id=a.correction_id, labels=(a.label, b.label), comments=(a.comment, b.comment))
            for a, b in both
            if a.label != b.label
        ),
    )


def crossed(both: Sequence[tuple[Rating, Rating]]) -> Array:
    """Counts of items by the first rater's label (rows) and the second's (columns)."""
    import numpy as np

    table = np.zeros((len(ORDER), len(ORDER)))
    for a, b in both:
        table[ORDER.index(a.label), ORDER.index(b.label)] += 1
    return table


def plain_weights() -> Array:
    """Any disagreement counts 1."""
    import numpy as np

    return 1.0 - np.eye(len(ORDER))


def quadratic_weights() -> Array:
    """A disagreement counts the square of its distance on the scale."""
    import numpy as np

    place = np.arange(len(ORDER), dtype=np.float64)
    return (place[:, None] - place[None, :]) ** 2


def kappa(tables: Array, weights: Array) -> Array:
    """Cohen's kappa (1960; weighted: 1968) of tables, [... x labels x labels]: 1 - observed / expected disagreement.

    NaN where none is expected: both raters gave one and the same label throughout.
    """
    import numpy as np

    total = tables.sum((-2, -1))
    expected = tables.sum(-1)[..., :, None] * tables.sum(-2)[..., None, :] / total[..., None, None]
    with np.errstate(invalid="ignore", divide="ignore"):
        result: Array = 1.0 - (weights * tables).sum((-2, -1)) / (weights * expected).sum((-2, -1))
    return result


def bootstrapped(table: Array, weights: Array, seed: int) -> Interval | None:
    """Kappa with a bootstrap interval over items; draws in which it is not defined are left out."""
    import numpy as np

    estimate = float(kappa(table, weights))
    if np.isnan(estimate):
        return None
    n = int(table.sum())
    drawn = np.random.default_rng([seed, 3]).multinomial(n, table.ravel() / n, size=DRAWS)
    draws = kappa(drawn.reshape(-1, *table.shape).astype(np.float64), weights)
    low, high = bounds_of(draws[~np.isnan(draws)])
    return Interval(estimate=estimate, low=low, high=high)
