"""Ratings and agreement in the terminal."""

from __future__ import annotations

from collections.abc import Sequence

from rich.console import Console
from rich.markup import escape
from rich.table import Table
from rich.text import Text

from lema.base.stats import Interval
from lema.report.findings.agreement import ORDER, Agreement, Counts, Rating, agreements, counts
from lema.report.output.terminal import plain_table


def print_ratings(raters: Sequence[Sequence[Rating]], console: Console) -> None:
    """What each rater found, then every pair of raters with the items on which they differ.

    Raises:
        InputError: two of them cannot be compared; nothing is printed.
    """
    pairs = agreements(raters)
    console.print(counts_table([counts(ratings) for ratings in raters]))
    for pair in pairs:
        console.print(agreement_text(pair))
        if pair.disagreements:
            console.print(disagreement_table(pair))


def counts_table(found: Sequence[Counts]) -> Table:
    """Labels by rater, with Wilson intervals."""
    table = plain_table("Ratings", "rater", ("rated", "right"), *((label, "right") for label in ORDER))
    for one in found:
        cells = (f"{one.labels[label]} ({percents(one.shares[label])})" for label in ORDER)
        table.add_row(Text(one.rater), f"{one.rated} of {one.items}", *cells)
    return table


def agreement_text(pair: Agreement) -> Text:
    """One pair of raters in words."""
    first, second = pair.raters
    agreed = f"{100 * pair.agreed.estimate:.1f} % ({percents(pair.agreed)})"
    kappas = f"kappa {number(pair.kappa)}; quadratically weighted {number(pair.weighted)}"
    return Text(f"{first} and {second} agree on {agreed} of {pair.n} items; {kappas}.")


def disagreement_table(pair: Agreement) -> Table:
    """The items on which two raters differ."""
    table = plain_table("Where they differ", "correction", *((escape(rater), "left") for rater in pair.raters))
    for one in pair.disagreements:
        said = (
            f"{label}: {comment}" if comment else label for label, comment in zip(one.labels, one.comments, strict=True)
        )
        table.add_row(Text(one.correction_id), *map(Text, said))
    return table


def percents(interval: Interval) -> str:
    return f"{100 * interval.low:.0f} to {100 * interval.high:.0f} %"


def number(interval: Interval | None) -> str:
    """A kappa with its interval; none where it is not defined."""
    return "not defined" if interval is None else f"{interval.estimate:.2f} ({interval.low:.2f} to {interval.high:.2f})"
