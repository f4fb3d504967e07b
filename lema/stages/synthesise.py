"""Synthesis of PaD (arXiv 2305.13888, §3.1): programs by a teacher, kept iff they run and give the right answer."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from functools import partial
from typing import Annotated, Any

import msgspec
from pydantic import Field

from lema.base.protocols import Reply, Task
from lema.base.question_slice import Slice
from lema.base.records import Question, Verdict
from lema.base.spec import runtime, spec
from lema.pad.executing import Executing, Run
from lema.pad.forms import normal, ran, source
from lema.pad.judging import EXECUTED, judge, one_line
from lema.pad.teachers import Write, Writer
from lema.pad.written import Written
from lema.store import Work
from lema.store.stage import Inputs, Stage

EMPTY = "nothing_written"


@spec
class Synthesise(Stage):
    """Kept programs, `programs.jsonl`; questions that have any, `questions.jsonl`; every program, `attempts.jsonl`.

    Programs of one question that differ in layout, comments or names of variables alone are kept once. All of the
    training questions come from one slice, so that no program of a question can be on both sides of a split.
    """

    kind = "synthesise"
    needs = "teacher"
    task: Task
    questions: Slice
    teacher: Writer
    executing: Executing
    per_question: Annotated[int, Field(ge=1)] | None = None
    part: Annotated[int, Field(ge=1)] = runtime(default=200)

    def run(self, inputs: Inputs, work: Work) -> dict[str, Any]:  # noqa: ARG002
        where = self.questions
        questions = self.task.questions(where.split, where.start, where.stop)
        with (
            self.executing.sandbox.open() as run,
            self.teacher.open(self.task, self.executing, run, replies=work.replies) as write,
        ):
            make = partial(self.attempts, run, write)
            made = work.map("attempts", questions, make, Written, part=self.part, unit="questions")
        attempts = list(self.sifted(made))
        kept = [row for row in attempts if not row.reject]
        covered = {row.question_id for row in kept}
        work.write("attempts.jsonl", attempts)
        work.write("programs.jsonl", kept)
        work.write("questions.jsonl", [question for question in questions if question.id in covered])
        rejects = Counter(row.reject for row in attempts if row.reject)
        return {
            "asked": len(questions),
            "sampled": len(attempts),
            "executed": sum(row.outcome == EXECUTED for row in attempts),
            "right": sum(row.verdict is Verdict.RIGHT for row in attempts),
            "kept": len(kept),
            "dropped": dict(sorted(rejects.items())),
            "questions": len(covered),
            "prompt_tokens": sum(row.prompt_tokens for row in attempts),
            "completion_tokens": sum(row.completion_tokens for row in attempts),
        }

    def attempts(self, run: Run, write: Write, questions: Sequence[Question]) -> list[Written]:
        """Every program for some questions, judged; repetitions are not looked for yet."""
        replies = [
            (question, sample, reply)
            for question, several in zip(questions, write(questions), strict=True)
            for sample, reply in enumerate(several)
        ]
        outcomes = iter(self.executing.run(run, [reply.text for _, _, reply in replies if reply.text.strip()]))
        return [
            self.attempt(question, sample, reply, outcomes if reply.text.strip() else iter(()))
            for question, sample, reply in replies
        ]

    def attempt(self, question: Question, sample: int, reply: Reply, outcomes: Iterator[Any]) -> Written:
        outcome = next(outcomes, None)
        row = Written(
            question_id=question.id,
            teacher=self.teacher.name,
            sample=sample,
            text=ran(reply.text, self.executing.form),
            verdict=Verdict.NO_ANSWER,
            prompt_tokens=reply.prompt_tokens,
            completion_tokens=reply.completion_tokens,
        )
        if outcome is None:
            return msgspec.structs.replace(row, outcome=EMPTY, reject=EMPTY)
        found = judge(outcome, question, self.task.verifier, self.executing.rule)
        return msgspec.structs.replace(
            row,
            verdict=found.verdict,
            value=found.answer,
            outcome=found.rung,
            reject=fault(found.verdict, found.answer, found.rung),
        )

    def sifted(self, attempts: Sequence[Written]) -> Iterator[Written]:
        """The same rows, in order, with repetitions and those beyond `per_question` rejected."""
        seen: set[tuple[str, str | None]] = set()
        taken: Counter[str] = Counter()
        for row in attempts:
            if row.reject:
                yield row
                continue
            form = row.question_id, normal(source(row.text, self.executing.form))
            reject = "duplicate" if form in seen else ""
            if not reject and self.per_question is not None and taken[row.question_id] >= self.per_question:
                reject = "over_per_question"
            seen.add(form)
            taken[row.question_id] += not reject
            yield msgspec.structs.replace(row, reject=reject)


def fault(verdict: Verdict, value: str | None, outcome: str) -> str:
    """Why a program is not kept; empty for one that may be."""
    if verdict is Verdict.RIGHT:
        return ""
    if outcome != EXECUTED:
        return outcome
    return "wrong" if value is None or one_line(value) else "several_lines"
