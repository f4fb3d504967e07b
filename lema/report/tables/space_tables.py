"""Tables of output spaces, made once as those of `lema.report.tables.tables`."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from lema.report.model import Report
from lema.report.tables.space_parts import SpacePair, SpaceRow, Value
from lema.report.tables.tables import Column, Table, table
from lema.report.tables.text import between, count, numbers, percent, points

TITLE = "Output space"
NOTE = (
    "On right targets of held-out questions in the form that each arm answers in, under teacher forcing; a question "
    "that one of these models has no target for is left out of all. Bits a question: -log2 of the probability of the "
    "whole target. Bits and entropy a token: means over its tokens, the end token with them; tokens of different forms "
    "are not comparable, whole questions are. Vocabulary: exp(H), as many equally likely next tokens as have this "
    "entropy. Likeliest: share of tokens that the model finds likeliest where they stand. In brackets: 95 % "
    "intervals, bootstrap over questions."
)
PAIRS_NOTE = (
    "The arm less the other on the same questions; seeds of training that both have are put together, so that "
    "intervals (95 %, bootstrap over questions) are about these runs. Likeliest: in points. Below zero in bits, "
    "entropy and vocabulary: the arm's space is the smaller one."
)


def all_of(report: Report) -> Sequence[Table]:
    """What each model's space is, then differences where there are any."""
    return (main(report), pairs(report)) if report.space_pairs else (main(report),)


def main(report: Report) -> Table:
    """Every model and form of target."""
    rows = report.spaces
    columns: list[Column | None] = [
        ("arm", lambda row: row.arm, True),
        ("model", lambda row: row.model, True) if several(rows, lambda row: row.model) else None,
        ("seed", lambda row: "-" if row.seed is None else str(row.seed), False),
        ("on", lambda row: row.where, True) if several(rows, lambda row: row.where) else None,
        ("target", lambda row: row.target, True),
        ("bits a question", lambda row: bounded(row.question_bits, two), False),
        ("bits a token", lambda row: bounded(row.token_bits, three), False),
        ("entropy a token", lambda row: bounded(row.entropy, three), False),
        ("vocabulary", lambda row: bounded(row.vocabulary, three), False),
        ("likeliest", lambda row: bounded(row.top, percent), False),
        ("tokens a question", lambda row: f"{row.tokens / row.questions:.1f}", False),
        ("questions", lambda row: count(row.questions), False),
        ("left out", lambda row: count(row.left_out), False) if any(row.left_out for row in rows) else None,
    ]
    where = "" if several(rows, lambda row: row.where) else f" on {rows[0].where}"
    return table(f"Output space of each arm and seed{where}", rows, columns, note=NOTE)


def pairs(report: Report) -> Table:
    """Every two models of one slice."""
    rows = report.space_pairs
    columns: list[Column | None] = [
        ("arm", lambda row: row.arm, True),
        ("against", lambda row: row.against, True),
        ("model", lambda row: row.model, True) if several(rows, lambda row: row.model) else None,
        ("on", lambda row: row.where, True) if several(rows, lambda row: row.where) else None,
        ("seeds", lambda row: numbers(row.seeds), True),
        ("bits a question", lambda row: bounded(row.question_bits, signed), False),
        ("entropy a token", lambda row: bounded(row.entropy, signed), False),
        ("vocabulary", lambda row: bounded(row.vocabulary, signed), False),
        ("likeliest", lambda row: bounded(row.top, points), False),
        ("questions", lambda row: count(row.questions), False),
    ]
    return table("Differences of output spaces", rows, columns, note=PAIRS_NOTE)


def several(rows: Sequence[SpaceRow] | Sequence[SpacePair], of: Callable[[SpaceRow | SpacePair], object]) -> bool:
    return len({of(row) for row in rows}) > 1


def bounded(held: Value, show: Callable[[float], str]) -> str:
    """A value with its interval in brackets, where it has one."""
    value, low, high = held
    return show(value) if low is None or high is None else f"{show(value)} ({between(low, high, show)})"


def two(value: float) -> str:
    return f"{value:,.2f}"


def three(value: float) -> str:
    return f"{value:,.3f}"


def signed(value: float) -> str:
    return f"{value:+,.3f}"
