"""What is said of an arm that was asked to correct (decision 030).

The rule: an arm *learned* to correct when at least half of its corrections of held-out mistakes have the taught form,
and they end right more often than a second sample of the same model does (95 % interval above 0, Holm over the arms);
it has *not learned* when less than half have that form, or they end right less often; else nobody can tell.
"""

from __future__ import annotations

from collections.abc import Mapping

from lema.base.family import Judged, Verdict
from lema.report.tables.skill_parts import Learned, SkillRow

FORMED = 0.5  # of replies: with less the form itself was not learned


def verdict(formed: float, found: Judged) -> Learned:
    """The rule."""
    if formed < FORMED or found.verdict in (Verdict.WORSE, Verdict.BELOW):
        return "not learned"
    return "cannot tell" if found.verdict is Verdict.CANNOT_TELL else "learned"


SAID: Mapping[Learned, str] = {
    "learned": "has learned to correct",
    "not learned": "has not learned to correct",
    "cannot tell": "may or may not have learned to correct",
}


def words(row: SkillRow) -> str:
    """One arm as sentences that can stand alone."""
    assert row.right is not None and row.beside is not None and row.verdict
    of_runs = f", {len(row.seeds)} runs" if len(row.seeds) > 1 else ""
    named = "" if row.step_named is None else f", name the first wrong step in {percent(row.step_named.value)}"
    named += "" if row.step_guess is None else f" (always naming one step: {percent(row.step_guess)})"
    span = f"{100 * row.beside.low:+.1f} to {100 * row.beside.high:+.1f}"
    said = (
        f"{row.arm} {SAID[row.verdict]}: of {row.mistakes:,} held-out mistakes ({row.where}{of_runs}), its corrections "
        f"have the taught form in {percent(row.well_formed.value)}{named}, and end right in "
        f"{percent(row.right.value)}; a second sample of the same model is right in {percent(row.again.value)} "
        f"(difference {100 * row.beside.difference:+.1f} points, 95 % interval {span})."
    )
    if row.own is None:
        return said
    return f"{said} Of {row.own.asked:,} corrections that it was trained on, {row.own.as_taught:,} come back as taught."


def percent(share: float) -> str:
    return f"{100 * share:.1f} %"
