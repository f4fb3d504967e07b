"""Training questions against every configured test set: what stays, and what went, with the reason."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from typing import TYPE_CHECKING, NamedTuple

from lema.base.protocols import Task
from lema.base.question_slice import Slice
from lema.base.records import Record
from lema.likeness import Decontamination

if TYPE_CHECKING:
    from lema.likeness.leaks import HeldOut, Leak


class Dropped(Record, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A training question that gives a test question away, and is not trained on."""

    question_id: str
    source: str  # of the rows that it would have made: "cot", "correction", ...
    rule: str  # "exact", "numbers", "names" or "overlap": see `lema.likeness.leaks`
    test_set: str
    test_question_id: str
    share: float  # of the test question's n-grams; 1 for rules other than "overlap"
    text: str = ""  # of both questions, for people who judge the rules
    test_text: str = ""


class Decontaminated(NamedTuple):
    """What of some training questions stays, and what was dropped; each in the order given."""

    kept: list[str]  # question ids
    dropped: list[Dropped]

    @property
    def counts(self) -> dict[str, int]:
        """How many were dropped by each rule."""
        return dict(sorted(Counter(row.rule for row in self.dropped).items()))


def decontaminate(
    rules: Decontamination, tests: Iterable[tuple[Task, Slice]], rows: Iterable[tuple[str, str, str]]
) -> Decontaminated:
    """Check training questions, as (question id, text, source), against slices of test splits.

    Rows are gone through once, and of their texts only those of dropped ones are held.
    """
    from lema.likeness.leaks import Index
    from lema.likeness.shingles import batched

    sets = [held_out(task, where) for task, where in tests]
    index = Index(rules, sets)
    told = {(of.name, number): text for of in sets for number, text in of.questions}
    kept: list[str] = []
    dropped: list[Dropped] = []
    for batch in batched(rows):
        leaks = index.check_all(text for _, text, _ in batch)
        for (question_id, text, source), leak in zip(batch, leaks, strict=True):
            if leak is None:
                kept.append(question_id)
            else:
                test_text = told[leak.test_set, leak.question_id]
                dropped.append(dropped_row(question_id, source, leak, text, test_text))
    return Decontaminated(kept, dropped)


def dropped_row(question_id: str, source: str, leak: Leak, text: str, test_text: str) -> Dropped:
    return Dropped(
        question_id=question_id,
        source=source,
        rule=leak.rule,
        test_set=leak.test_set,
        test_question_id=leak.question_id,
        share=leak.share,
        text=text,
        test_text=test_text,
    )


def held_out(task: Task, where: Slice) -> HeldOut:
    """A slice of a test split, as what must not leak.

    A task whose questions are all made from the same sentences says so by an attribute `templated =
    True` of its class (`lema.tasks.gsm_synth`). There, common n-grams are common sentences and a text with
    masks is a template: these rules would drop 15 % of 1,000 training questions against 1,000 test
    questions that share neither structure nor numbers with them. So only equal ones are dropped. Other
    tasks need not have the attribute.
    """
    from lema.likeness.leaks import HeldOut

    questions = [(question.id, question.text) for question in task.questions(where.split, where.start, where.stop)]
    return HeldOut(f"{task.name} {where}", questions, bool(getattr(task, "templated", False)))
