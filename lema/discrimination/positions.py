"""Where picks stand: position bias, and whether the pick stays when the candidates are shown in another order."""

from __future__ import annotations

from collections.abc import Sequence

import msgspec

from lema.base.errors import InputError

Shown = Sequence[int]  # the number of the candidate at each position


class Positions(msgspec.Struct, frozen=True, kw_only=True):
    """Shares by position, first to last, over valid picks and over right candidates.

    `found` is the share of questions with one right candidate at that position on which it was picked (None: there
    are none). `p` tests the first orders' picks against equal shares (chi-square): a low one is a bias.
    """

    chosen: tuple[float, ...]
    right: tuple[float, ...]
    found: tuple[float | None, ...]
    p: float | None


def positions(
    shown: Sequence[Sequence[Shown]], picks: Sequence[Sequence[int]], right: Sequence[Sequence[bool]]
) -> Positions:
    """Count picks and right candidates by position.

    Args:
        shown: [rows][orders][positions], numbers of candidates.
        picks: [rows][orders], numbers of candidates, negative for none.
        right: [rows][candidates].

    Raises:
        InputError: there are no rows.
    """
    if not shown:
        raise InputError("no picks to count by position")
    n = len(right[0])
    chosen, first, good, alone, found = ([0] * n for _ in range(5))
    for orders, picked, truth in zip(shown, picks, right, strict=True):
        for number, (order, pick) in enumerate(zip(orders, picked, strict=True)):
            for place, candidate in enumerate(order):
                good[place] += truth[candidate]
                if sum(truth) == 1 and truth[candidate]:
                    alone[place] += 1
                    found[place] += candidate == pick
            if pick >= 0:
                chosen[order.index(pick)] += 1
                first[order.index(pick)] += number == 0
    return Positions(
        chosen=shares(chosen),
        right=shares(good),
        found=tuple(hit / there if there else None for hit, there in zip(found, alone, strict=True)),
        p=uniform_p(first),
    )


def shares(counts: Sequence[int]) -> tuple[float, ...]:
    """Counts as shares of their sum; all 0 when there is nothing."""
    return tuple(count / max(1, sum(counts)) for count in counts)


def uniform_p(counts: Sequence[int]) -> float | None:
    """p of a chi-square test against equal shares; None with fewer than five expected a position."""
    from scipy.stats import chisquare

    return float(chisquare(counts).pvalue) if sum(counts) >= 5 * len(counts) else None


def consistency(picks: Sequence[Sequence[int]]) -> float | None:
    """The share of pairs of orders in which the same candidate is picked, invalid picks never being the same.

    None for a single order. A discriminator that picks by position alone has 0, one that is blind to order 1, and a
    random one 1/n.
    """
    orders = len(picks[0]) if picks else 0
    if orders < 2:
        return None
    same = sum(
        row[one] == row[other] >= 0 for row in picks for one in range(orders) for other in range(one + 1, orders)
    )
    return same / (len(picks) * orders * (orders - 1) / 2)
