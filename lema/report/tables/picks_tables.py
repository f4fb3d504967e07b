"""Tables of picks among sampled answers, made once as those of `lema.report.tables.tables`."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from lema.report.model import Report
from lema.report.tables.parts import PickPair, PickRow
from lema.report.tables.tables import Column, Table, run_spread, table
from lema.report.tables.text import between, count, faced, p_value, percent, points

TITLE = "Picking the right one of several answers"
NOTE = (
    "S_gen: mean score of the sampled answers, that of one drawn at random. S_disc: score of the answer that the "
    "model picks among them; an invalid pick counts as the worst of them. DG-DIFF: S_disc less S_gen, in points, of "
    "this model on new questions. Interval: simultaneous over all rows; p Holm: two-sided, adjusted over them; better "
    "or worse is said exactly where the interval leaves out 0. Could find: the smallest true gain found with 80 "
    "% power. Not better needs a one-sided bound below one point."
)
SELECTORS_NOTE = (
    "Worst and oracle bound what any picker can reach. Of the headroom: DG-DIFF as a share of oracle less S_gen. "
    "Majority: the answer that most samples have, ties drawn. Mixed: questions with right and wrong answers."
)
PAIRS = "Does one arm know its own answers better than another?"
PAIRS_NOTE = (
    "Differences in points, with 95 % intervals: each run picks among answers of its own, on questions that all runs "
    "of both arms have. About: new runs of both arms, or these very models, where too little is known of how far runs "
    "spread. Run sd: standard deviation of DG-DIFF between runs in points, with degrees of freedom from these arms + "
    "from others. Headroom: oracle less S_gen. From a vote: majority less S_gen. p Holm: two-sided, over all rows, as "
    "is the interval of DG-DIFF; the other intervals are each on its own."
)
POSITIONS_NOTE = (
    "Positions are those in which answers are shown, first to last. Found: how often the only right answer is picked, "
    "by its position. p equal: chi-square test of the picks against equal shares. Same pick: share of pairs of orders "
    "of a question in which the same answer is picked."
)
PAPER_NOTE = (
    "The paper gives one run, no intervals and no adjustment. Largest p: the greatest that a one-sided McNemar test "
    "can give with the printed scores and number of questions, rounding allowed for. A printed p above it cannot come "
    "from these counts."
)


def leading(report: Report) -> list[Column | None]:
    """Columns that say which row this is."""
    rows = report.picks

    def several(of: Callable[[PickRow], object]) -> bool:
        return len({of(row) for row in rows}) > 1

    return [
        ("arm", lambda row: row.arm, True),
        ("model", lambda row: row.model, True) if several(lambda row: row.model) else None,
        ("seed", lambda row: "-" if row.seed is None else str(row.seed), False),
        ("task", lambda row: row.task, True) if several(lambda row: row.task) else None,
        ("answers of", lambda row: row.answers_of or "its own", True) if any(row.answers_of for row in rows) else None,
        ("asked", lambda row: row.asked, True),
    ]


def main(report: Report) -> Table:
    """Scores, difference and test of every model and read-out."""
    columns: list[Column | None] = [
        *leading(report),
        ("S_gen", lambda row: percent(row.gen), False),
        ("S_disc", lambda row: percent(row.disc), False),
        ("DG-DIFF", lambda row: points(row.difference), False),
        ("95 % interval", lambda row: faced(row.low, row.high), False),
        ("p", lambda row: p_value(row.p), False),
        ("p Holm", lambda row: p_value(row.p_adjusted), False),
        ("verdict", lambda row: row.verdict, True),
        ("could find", lambda row: f"{100 * row.smallest:.1f}", False),
        ("invalid", lambda row: percent(row.invalid), False),
        ("questions", lambda row: count(row.questions), False),
        ("answers", lambda row: count(row.answers), False),
        ("samplings", lambda row: count(row.samplings), False),
        ("left out", lambda row: count(row.left_out), False) if any(row.left_out for row in report.picks) else None,
    ]
    made = table(TITLE, report.picks, columns, note=NOTE)
    looks = {"better": "better", "worse": "worse"}
    return Table(
        title=made.title,
        head=made.head,
        rows=made.rows,
        left=made.left,
        classes=tuple(looks.get(row.verdict, "cannot") for row in report.picks),
        note=made.note,
    )


def selectors(report: Report) -> Table:
    """What other ways of choosing score, and the questions on which there is something to choose."""
    columns: list[Column | None] = [
        *leading(report),
        ("worst", lambda row: percent(row.worst), False),
        ("one at random", lambda row: percent(row.gen_random), False),
        ("majority", lambda row: percent(row.majority), False),
        ("picked", lambda row: percent(row.disc), False),
        ("oracle", lambda row: percent(row.oracle), False),
        ("headroom", lambda row: points(row.headroom), False),
        ("of the headroom", lambda row: share(row.normalised), False),
        ("its interval", lambda row: shares(row.normalised_low, row.normalised_high), False),
        ("over majority", lambda row: points(row.over_majority), False),
        ("its 95 % interval", lambda row: between(row.over_majority_low, row.over_majority_high, points), False),
        ("mixed", lambda row: count(row.mixed_questions), False),
        ("S_gen, mixed", lambda row: share(row.mixed_gen), False),
        ("S_disc, mixed", lambda row: share(row.mixed_disc), False),
        ("DG-DIFF, mixed", lambda row: signed(row.mixed_difference), False),
        ("interval, mixed", lambda row: signed_interval(row.mixed_low, row.mixed_high), False),
    ]
    return table("Beside other ways of choosing", report.picks, columns, note=SELECTORS_NOTE)


def pairs(report: Report) -> Table:
    """What one arm has more of than another."""

    def gap(of: Callable[[PickPair], tuple[float, float, float]]) -> Callable[[PickPair], str]:
        return lambda pair: f"{points(of(pair)[0])} ({between(*of(pair)[1:], points)})"

    rows = report.pick_pairs
    columns: list[Column | None] = [
        ("arm", lambda pair: pair.second, True),
        ("against", lambda pair: pair.first, True),
        ("model", lambda pair: pair.model, True) if len({pair.model for pair in rows}) > 1 else None,
        ("task", lambda pair: pair.task, True) if len({pair.task for pair in rows}) > 1 else None,
        ("asked", lambda pair: pair.asked, True),
        ("more S_gen", gap(lambda pair: pair.gen), False),
        ("more DG-DIFF", lambda pair: f"{points(pair.difference[0])} ({faced(*pair.difference[1:])})", False),
        ("p of it", lambda pair: p_value(pair.p), False),
        ("p of it, Holm", lambda pair: p_value(pair.p_adjusted), False),
        ("knows its own answers", lambda pair: pair.verdict, True),
        ("could find", lambda pair: f"{100 * pair.smallest:.1f}", False),
        ("about", lambda pair: pair.about, True),
        ("run sd", run_spread, False),
        ("runs", lambda pair: f"{pair.runs[1] or 1} : {pair.runs[0] or 1}", False),
        ("more headroom", gap(lambda pair: pair.headroom), False),
        ("more from a vote", gap(lambda pair: pair.vote), False),
        ("shared questions", lambda pair: count(pair.questions), False),
    ]
    made = table(PAIRS, rows, columns, note=PAIRS_NOTE)
    return Table(
        title=made.title,
        head=made.head,
        rows=made.rows,
        left=made.left,
        classes=tuple(pair.verdict.split()[0] for pair in rows),
        note=made.note,
    )


def positions(report: Report) -> Table:
    """Bounds, and what the order of the answers does."""
    columns: list[Column | None] = [
        *leading(report),
        ("one-sided bounds", lambda row: between(row.lower, row.upper, points), False),
        ("margin", lambda row: points(row.margin), False),
        ("orders", lambda row: count(row.orders), False),
        ("same pick", lambda row: share(row.consistency), False),
        ("picked at", lambda row: listed(row.chosen_at), False),
        ("right at", lambda row: listed(row.right_at), False),
        ("found at", lambda row: listed(row.found_at), False),
        ("p equal", lambda row: "-" if row.p_position is None else p_value(row.p_position), False),
    ]
    return table("Bounds, positions and orders", report.picks, columns, note=POSITIONS_NOTE)


def paper(report: Report) -> Table:
    """The paper's table, with its impossible p marked, and ours beside it."""
    graded = {cell.task for cell in report.paper_picks if cell.gen > 1}

    def score(task: str, value: float | None) -> str:
        return "-" if value is None else f"{value:.2f}" if task in graded else percent(value)

    def gain(task: str, value: float | None) -> str:
        return "-" if value is None else f"{value:+.2f}" if task in graded else points(value)

    columns: list[Column | None] = [
        ("model", lambda cell: cell.model, True),
        ("task", lambda cell: cell.task, True),
        ("S_gen", lambda cell: score(cell.task, cell.gen), False),
        ("S_disc", lambda cell: score(cell.task, cell.disc), False),
        ("DG-DIFF", lambda cell: gain(cell.task, cell.difference), False),
        ("p", lambda cell: "-" if cell.p is None else f"{cell.p:.2f}", False),
        ("largest p", lambda cell: "-" if cell.largest_p is None else p_value(cell.largest_p), False),
        ("possible", lambda cell: "no" if cell.impossible else "-" if cell.largest_p is None else "yes", True),
        ("questions", lambda cell: count(cell.questions), False),
        ("S_gen, ours", lambda cell: score(cell.task, cell.ours_gen), False),
        ("S_disc, ours", lambda cell: score(cell.task, cell.ours_disc), False),
        ("DG-DIFF, ours", lambda cell: gain(cell.task, cell.ours_difference), False),
        ("asked, ours", lambda cell: cell.ours_asked or "-", True),
        ("printed in", lambda cell: cell.printed, True),
        ("note", lambda cell: cell.note, True),
    ]
    return table("The paper's figures (arXiv 2404.04298)", report.paper_picks, columns, note=PAPER_NOTE)


def share(value: float | None) -> str:
    return "-" if value is None else percent(value)


def shares(low: float | None, high: float | None) -> str:
    return "-" if low is None or high is None else between(low, high)


def signed(value: float | None) -> str:
    return "-" if value is None else points(value)


def signed_interval(low: float | None, high: float | None) -> str:
    return "-" if low is None or high is None else between(low, high, points)


def listed(values: Sequence[float | None]) -> str:
    """Shares of positions, first to last."""
    return ", ".join(map(share, values))


def all_of(report: Report) -> list[Table]:
    """Every table that has something to say."""
    made = [main(report), selectors(report), positions(report)] if report.picks else []
    made[2:2] = [pairs(report)] if report.pick_pairs else []
    return [*made, paper(report)] if report.paper_picks else made
