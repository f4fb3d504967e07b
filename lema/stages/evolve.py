"""Stage B of the paper (§2.2): new questions from seed questions, labelled, and none of them twice."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from typing import Annotated, Any

from msgspec.structs import replace
from pydantic import Field

from lema.base.protocols import Evolver, Task
from lema.base.question_slice import Slice
from lema.base.records import Correction, Evolved, Question, Seed
from lema.base.spec import runtime, spec
from lema.data.formats import Format
from lema.evolution.seeds import draw_seeds
from lema.evolution.voting import Voting
from lema.likeness import Decontamination, NearDuplicates
from lema.likeness.repeats import likenesses
from lema.store import Work
from lema.store.stage import Inputs, Stage


@spec
class Evolve(Stage):
    """New questions: `questions.jsonl`; how each came about: `evolved.jsonl`; the others with reasons: `dropped.jsonl`.

    `seeds_from` is a slice of the task, whose questions are drawn alike (general evolution), or `Correct` stages, whose
    accepted corrections are drawn alike, and so a question in proportion to how many it has
    (correction-centric evolution). Either way with replacement.

    What repeats a seed, an earlier new question or a question of `tests` is dropped before it is labelled,
    since votes may cost money.
    """

    kind = "evolve"
    needs = "teacher"
    task: Task
    format: Format
    seeds_from: Slice | tuple[Stage, ...]
    count: Annotated[int, Field(ge=1)]
    evolver: Evolver
    voting: Voting | None = None
    tests: tuple[tuple[Task, Slice], ...]
    near_duplicates: NearDuplicates = NearDuplicates()
    decontamination: Decontamination = Decontamination()
    seed: int = 0
    part: Annotated[int, Field(ge=1)] = runtime(default=64)

    def run(self, inputs: Inputs, work: Work) -> dict[str, Any]:
        seeds = self.draw(inputs)
        with self.evolver.open(self.task, replies=work.replies) as evolve:
            evolved = work.map("evolved", seeds, evolve, Evolved, part=self.part, unit="seeds")
        parents = {seed.question.id: seed.question for seed in seeds}
        new = self.marked([row for row in evolved if not row.reject], parents)
        labelled = self.labelled([row for row in new if not row.reject], parents, work)
        kept = [row for row in labelled if not row.reject]
        work.write("questions.jsonl", [row.question for row in kept if row.question is not None])
        work.write("evolved.jsonl", kept)
        work.write("dropped.jsonl", [row for rows in (evolved, new, labelled) for row in rows if row.reject])
        changes = Counter(row.change or "unnamed" for row in kept)
        return {"funnel": funnel(parents, evolved, new, labelled), "changes": dict(sorted(changes.items()))}

    def draw(self, inputs: Inputs) -> list[Seed]:
        """The questions to evolve, drawn with replacement."""
        questions: dict[str, Question] = {}
        if isinstance(self.seeds_from, Slice):
            where = self.seeds_from
            questions = {q.id: q for q in self.task.questions(where.split, where.start, where.stop)}
            rows = list(questions)
        else:
            rows = []
            for stage in self.seeds_from:
                corrected = inputs(stage)
                questions |= {q.id: q for q in corrected.rows("questions.jsonl", Question)}
                rows += [c.question_id for c in corrected.rows("corrections.jsonl", Correction)]
        return [Seed(question=questions[drawn], copy=copy) for drawn, copy in draw_seeds(rows, self.count, self.seed)]

    def marked(self, evolved: Sequence[Evolved], parents: dict[str, Question]) -> list[Evolved]:
        """The rows, those that repeat another question rejected."""
        made = [row.question for row in evolved if row.question is not None]
        alike = likenesses(made, list(parents.values()), self.tests, self.near_duplicates, self.decontamination)
        return [replace(row, reject=reason, like=of) for row, (reason, of) in zip(evolved, alike, strict=True)]

    def labelled(self, new: Sequence[Evolved], parents: dict[str, Question], work: Work) -> Sequence[Evolved]:
        """The rows with the answers of the majority, or rejected where there is none."""
        if self.voting is None:
            return new
        asked = [(parents[row.seed], row) for row in new]
        with self.voting.open(self.task, self.format, replies=work.replies) as label:
            return work.map("labelled", asked, label, Evolved, part=self.part, unit="questions")


def funnel(
    parents: dict[str, Question], evolved: Sequence[Evolved], new: Sequence[Evolved], labelled: Sequence[Evolved]
) -> dict[str, Any]:
    """Counts from drawn seeds to kept questions; each level sums to the one above."""

    def reasons(rows: Sequence[Evolved]) -> Iterator[tuple[str, int]]:
        yield from sorted(Counter(row.reject for row in rows if row.reject).items())

    return {
        "seeds": len(evolved),
        "distinct_seeds": len(parents),
        "rejected": dict(reasons(evolved)),
        "evolved": len(new),
        "duplicates": dict(reasons(new)),
        "distinct": len(labelled),
        "unlabelled": dict(reasons(labelled)),
        "kept": sum(not row.reject for row in labelled),
    }
