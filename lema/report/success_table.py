"""Correction success as people read it: the same cells in the terminal and in HTML."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from rich.table import Table
from rich.text import Text

from lema.report.success import SuccessRow
from lema.report.terminal import plain_table
from lema.report.text import words

if TYPE_CHECKING:
    from markupsafe import Markup

TITLE = "Correction success"
NOTE = (
    "Accepted: corrections whose final answer is right. Intervals: Wilson, with paths taken as independent. Lengths: "
    "means over accepted corrections; words are those of explanation and corrected steps."
)
HEAD = ("by", "paths", "accepted", "rate", "95 % interval", "steps", "words")
FRAGMENT = """\
<h2>{{ title }}</h2>
<div class="scroll">
<table>
<thead><tr>{% for name in head %}<th>{{ name }}</th>{% endfor %}</tr></thead>
<tbody>
{% for line in lines %}<tr>{% for cell in line %}<td>{{ cell }}</td>{% endfor %}</tr>
{% endfor %}</tbody>
</table>
</div>
<p class="small">{{ note }}</p>
"""


def cells(row: SuccessRow) -> tuple[str, ...]:
    """One line of the table, in the order of HEAD."""
    group = row.corrector if row.by == "all" else f"{row.by}: {words(row.name)}"
    lengths = (f"{mean:.1f}" if mean is not None else "-" for mean in (row.mean_steps, row.mean_words))
    interval = f"{100 * row.low:.1f} to {100 * row.high:.1f}"
    return (group, f"{row.sent:,}", f"{row.accepted:,}", f"{100 * row.rate:.1f} %", interval, *lengths)


def success_table(rows: Sequence[SuccessRow]) -> Table:
    """For the terminal."""
    table = plain_table(TITLE, HEAD[0], *((name, "right") for name in HEAD[1:]))
    for row in rows:
        first, *numbers = cells(row)
        table.add_row(Text(first if row.by == "all" else f"  {first}"), *numbers)
    return table


def success_fragment(rows: Sequence[SuccessRow]) -> Markup:
    """For an HTML page that has the report's style sheet; empty when there is nothing to show."""
    import jinja2
    from markupsafe import Markup

    if not rows:
        return Markup("")
    template = jinja2.Environment(autoescape=True, undefined=jinja2.StrictUndefined).from_string(FRAGMENT)
    return Markup(template.render(title=TITLE, head=HEAD, lines=[cells(row) for row in rows], note=NOTE))
