"""The rating sheet of the human study (paper §2.1, appendix B.1): corrections to judge, as one page without network.

A rater opens the page, judges, and gets a JSONL file; `lema.report.findings.agreement` reads it.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from pathlib import Path
from typing import Literal

import msgspec

from lema.base.errors import InputError
from lema.base.reasoning_steps import split_steps
from lema.base.records import Correction, Question, Record, Solution, dump
from lema.base.spec import digest
from lema.store import Artifact
from lema.store.durable import write_once
from lema.synth.draw import Draw

PAGE = Path(__file__).with_name("rating.html")
Label = Literal["excellent", "good", "poor"]
#: What each label means, as the rater reads it.
LABELS: dict[Label, str] = {
    "excellent": "The named step is the first wrong one, the explanation says truly what is wrong with it, and the "
    "corrected steps carry on smoothly from the steps before.",
    "good": "Step and explanation are as for excellent, but the corrected steps fit the steps before less than well: "
    "they repeat, skip or take another approach.",
    "poor": "Another step is named than the first wrong one, or the explanation is wrong or says nothing, whatever the "
    "final answer.",
}


class Item(Record, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One accepted correction as a rater sees it. Who made the mistake and who corrected it is not shown."""

    id: str
    reasoner: str
    question: str
    reference: str
    wrong: tuple[str, ...]
    step: int | None
    explanation: str
    corrected: tuple[str, ...]


class Sheet(Record, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Items in the order in which they are rated."""

    items: tuple[Item, ...]

    @property
    def id(self) -> str:
        """Ratings are of this sheet and no other."""
        return digest(dump(self.items))


def write_sheet(path: Path, artifacts: Sequence[Artifact], *, n: int = 50, seed: int = 0) -> Sheet:
    """Write the page for a sample of the accepted corrections of these stages, and return what is on it.

    Raises:
        InputError: there are fewer than n accepted corrections, or another file is there already.
    """
    items = [item for a in artifacts if a.manifest.kind == "correct" for item in accepted(a)]
    sheet = Sheet(items=sample(items, n, seed))
    write_once(path, render(sheet).encode(), "rate.sheet")
    return sheet


def accepted(correct: Artifact) -> list[Item]:
    """The accepted corrections of one stage."""
    questions = {question.id: question for question in correct.rows("questions.jsonl", Question)}
    paths = {path.id: path for path in correct.rows("paths.jsonl", Solution)}
    return [
        item(questions[correction.question_id], paths[correction.solution_id], correction)
        for correction in correct.rows("corrections.jsonl", Correction)
    ]


def item(question: Question, path: Solution, correction: Correction) -> Item:
    return Item(
        id=correction.id,
        reasoner=path.reasoner,
        question=question.text,
        reference=question.answer,
        wrong=tuple(split_steps(path.judged)),
        step=correction.step,
        explanation=correction.explanation,
        corrected=correction.solution,
    )


def sample(items: Sequence[Item], n: int, seed: int) -> tuple[Item, ...]:
    """n different items in random order, from each reasoner in proportion to its share of all.

    Raises:
        InputError: there are fewer.
    """
    by_id = {one.id: one for one in items}
    if len(by_id) < n:
        raise InputError(
            f"there are {len(by_id):,} accepted corrections and {n} are to be rated: lower rate.sample, or make more"
        )
    strata: dict[str, list[Item]] = {}
    for id_ in sorted(by_id):
        strata.setdefault(by_id[id_].reasoner, []).append(by_id[id_])
    chosen = [
        one
        for (reasoner, held), share in zip(strata.items(), shares([*map(len, strata.values())], n), strict=True)
        for one in Draw("rating", seed, reasoner).sample(held, share)
    ]
    return tuple(Draw("order", seed).shuffled(chosen))


def shares(sizes: Sequence[int], n: int) -> list[int]:
    """n split in proportion to sizes, whole, by largest remainders; the earlier of equals."""
    exact = [n * size / sum(sizes) for size in sizes]
    whole = [math.floor(share) for share in exact]
    rest = sorted(range(len(sizes)), key=lambda k: (whole[k] - exact[k], k))[: n - sum(whole)]
    return [count + (k in rest) for k, count in enumerate(whole)]


def render(sheet: Sheet) -> str:
    """The page. Equal sheets give equal pages."""
    import jinja2

    environment = jinja2.Environment(
        autoescape=True, undefined=jinja2.StrictUndefined, trim_blocks=True, lstrip_blocks=True
    )
    ids = [{"correction_id": one.id, "reasoner": one.reasoner} for one in sheet.items]
    data = {"sheet": sheet.id, "labels": list(LABELS), "items": ids}
    template = environment.from_string(PAGE.read_text(encoding="utf-8"))
    return template.render(sheet=sheet, labels=LABELS, data=msgspec.to_builtins(data))
