"""Refinement data of PaD (arXiv 2305.13888, §3.3): programs that fail, what Python says of them, and right ones.

Beyond the paper: programs that run and give a wrong value, and right ones.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from functools import partial
from typing import Annotated, Any, Literal

from pydantic import Field

from lema.answering.repairs import class_and_rounds
from lema.base.records import Example, MadeOf, Question, Record, Solution, Verdict
from lema.base.spec import runtime, since, spec
from lema.data.formats import Format
from lema.pad.executing import Executing, Run
from lema.pad.forms import ran
from lema.pad.injecting import ErrorKind, broken
from lema.pad.judging import EXECUTED, error_class, one_line
from lema.pad.written import Written
from lema.programs.program import Outcome
from lema.store import Work
from lema.store.stage import Inputs, Stage
from lema.synth.draw import Draw

WRONG_VALUE = "wrong_value"
TRIES = 6  # broken versions of one class that are run before it is given up


class Broken(Record, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A program that fails, or gives a wrong value, and the right one that should stand in its place."""

    question_id: str
    origin: Literal["injected", "sampled"]
    error: str  # class of what Python said, or `wrong_value`
    text: str
    message: str  # Python's last line, or the wrong value
    prompt: str  # the input of the example
    target: str
    program: str = ""  # id of the right program
    path: str = ""  # id of the sampled program that fails


@spec
class Refine(Stage):
    """Examples that repair a program, `refinements.jsonl`, and what they are made of, `broken.jsonl`.

    The targets of injected errors are the programs that they were put into. `sampled` are a student's programs for the
    same questions; those that fail are repaired by a right program of the question, and those that run are left out, as
    Python has nothing to say of them. With `wrong_values` those that run and give one line that is wrong are repaired
    in the same way.
    """

    kind = "refine"
    programs: Stage
    executing: Executing
    format: Format
    injected: tuple[ErrorKind, ...]
    per_program: Annotated[int, Field(ge=1)] = 1
    sampled: Stage | None = None
    wrong_values: bool = since(default=False)
    seed: int = 0
    part: Annotated[int, Field(ge=1)] = runtime(default=200)

    def run(self, inputs: Inputs, work: Work) -> dict[str, Any]:
        programs = inputs(self.programs)
        questions = {question.id: question for question in programs.rows("questions.jsonl", Question)}
        right = list(programs.rows("programs.jsonl", Written))
        sampled = [] if self.sampled is None else list(inputs(self.sampled).rows("solutions.jsonl", Solution))
        known = [one for one in sampled if one.question_id in questions]
        failed = [one for one in known if class_and_rounds(one.rung)[0] != EXECUTED]
        wrong = [one for one in known if self.wrong_values and gives_wrong_value(one)]
        with self.executing.sandbox.open() as run:
            inject = partial(self.inject, run, questions)
            rows = work.map("injected", right if self.injected else [], inject, Broken, part=self.part, unit="programs")
            mend = partial(self.mend, run, questions, by_question(right))
            rows += work.map("sampled", failed, mend, Broken, part=self.part, unit="failures")
        held = by_question(right)
        rows += [self.corrected(questions[row.question_id], row, held[row.question_id]) for row in wrong]
        work.write("broken.jsonl", rows)
        work.write("refinements.jsonl", [example(row) for row in rows])
        return {
            "programs": len(right),
            "refinements": len(rows),
            "injected": counted(rows, "injected"),
            "sampled": counted(rows, "sampled"),
            "without_error": len(right)
            - len({(row.question_id, row.target) for row in rows if row.origin == "injected"}),
        }

    def inject(self, run: Run, questions: Mapping[str, Question], rows: Sequence[Written]) -> list[Broken]:
        """Broken versions of some programs. A class that no version of it has is passed over for the next."""
        found: list[dict[str, tuple[str, Outcome]]] = [{} for _ in rows]
        orders = [Draw("injected", self.seed, row.id).shuffled(self.injected) for row in rows]
        for turn in range(len(self.injected)):
            trying = {
                at: broken(
                    row.text, self.executing.form, orders[at][turn], Draw("broken", self.seed, row.id, orders[at][turn])
                )
                for at, row in enumerate(rows)
                if len(found[at]) < self.per_program
            }
            for _ in range(TRIES):
                texts = {at: text for at, versions in trying.items() if (text := next(versions, None)) is not None}
                outcomes = self.executing.run(run, list(texts.values()))
                for (at, text), outcome in zip(texts.items(), outcomes, strict=True):
                    if outcome.paper_error == orders[at][turn]:
                        found[at][text] = text, outcome
                        del trying[at]
        return [
            self.made(questions[row.question_id], "injected", text, outcome, row)
            for row, versions in zip(rows, found, strict=True)
            for text, outcome in versions.values()
        ]

    def mend(
        self,
        run: Run,
        questions: Mapping[str, Question],
        right: Mapping[str, Sequence[Written]],
        rows: Sequence[Solution],
    ) -> list[Broken]:
        """Failures of a student with a right program of the same question."""
        outcomes = self.executing.run(run, [row.text for row in rows])
        texts = [ran(row.text, self.executing.form) for row in rows]
        return [
            self.made(questions[row.question_id], "sampled", text, outcome, target, row.id)
            for row, text, outcome in zip(rows, texts, outcomes, strict=True)
            for target in [Draw("mended", self.seed, row.id).pick(right[row.question_id])]
        ]

    def corrected(self, question: Question, row: Solution, right: Sequence[Written]) -> Broken:
        """A student's program that gives a wrong value, with a right one of the same question."""
        value = row.answer or ""
        target = Draw("corrected", self.seed, row.id).pick(right)
        return Broken(
            question_id=question.id,
            origin="sampled",
            error=WRONG_VALUE,
            text=row.text,
            message=value,
            prompt=self.format.wrong_value_prompt(question, row.text, value),
            target=target.text,
            program=target.id,
            path=row.id,
        )

    def made(
        self,
        question: Question,
        origin: Literal["injected", "sampled"],
        text: str,
        outcome: Outcome,
        target: Written,
        path: str = "",
    ) -> Broken:
        return Broken(
            question_id=question.id,
            origin=origin,
            error=error_class(outcome),
            text=text,
            message=outcome.feedback,
            prompt=self.format.refinement_prompt(question, text, outcome),
            target=target.text,
            program=target.id,
            path=path,
        )


def gives_wrong_value(row: Solution) -> bool:
    """Whether a program ran and left one line that is not the answer."""
    ran = class_and_rounds(row.rung)[0] == EXECUTED
    return ran and row.verdict is Verdict.WRONG and one_line(row.answer or "")


def example(row: Broken) -> Example:
    return Example(
        prompt=row.prompt,
        completion=row.target,
        question_id=row.question_id,
        source="wrong_value_refinement" if row.error == WRONG_VALUE else "refinement",
        made_of=MadeOf(question=row.question_id, path=row.path, program=row.program),
    )


def by_question(rows: Sequence[Written]) -> dict[str, list[Written]]:
    held: dict[str, list[Written]] = defaultdict(list)
    for row in rows:
        held[row.question_id].append(row)
    return held


def counted(rows: Sequence[Broken], origin: str) -> dict[str, int]:
    return dict(sorted(Counter(row.error for row in rows if row.origin == origin).items()))
