"""Demonstrations for a teacher that writes programs: training questions with programs that were run before use.

The paper's own are questions of the test set, and one of them does not run. Here a generated problem is written from
its trace; and a worked solution with calculator notes (`<<16-3=13>>`, GSM8K) has one line a note, in which a number
that an earlier note found is that line's variable. Coin-Flip and Last-Letter say all that
a program needs in their words.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

from lema.base.protocols import Task
from lema.base.records import Question, Verdict
from lema.pad.executing import Executing, Run
from lema.pad.forms import Form, written
from lema.pad.judging import judge
from lema.pad.symbolic import symbolic_lines
from lema.synth.problem import read_trace
from lema.synth.programs import program_lines

NOTE = re.compile(r"<<([-+*/(). 0-9]+)=([-.0-9]+)>>")
NUMBER = re.compile(r"(?<![\w.])\d+(?:\.\d+)?")
LEADING_ZERO = re.compile(r"(?<![\w.])0+(?=\d)")


def demonstrations(
    task: Task, questions: Sequence[Question], executing: Executing, run: Run
) -> list[tuple[Question, str]]:
    """Those of the questions that have a program which gives the right answer, with it, in order."""
    drafts = [(question, text) for question in questions if (text := program_of(question, executing.form)) is not None]
    outcomes = executing.run(run, [text for _, text in drafts])
    verdicts = [
        judge(outcome, question, task.verifier, "exact").verdict
        for (question, _), outcome in zip(drafts, outcomes, strict=True)
    ]
    return [draft for draft, verdict in zip(drafts, verdicts, strict=True) if verdict is Verdict.RIGHT]


def program_of(question: Question, form: Form) -> str | None:
    """A program from what is known of the question's solution; None when that is too little."""
    if question.trace is not None:
        lines = program_lines(read_trace(question.trace), 4, "words" if form == "body" else "snake")
        return None if lines is None else written(lines, form)
    lines = symbolic_lines(question) or noted_lines(question.solution)
    return written(lines, form) if lines else None


def noted_lines(solution: str) -> list[str]:
    """Statements from the calculator notes of a worked solution; none without notes."""
    known: dict[str, str] = {}
    lines = []
    for number, (expression, result) in enumerate(NOTE.findall(solution), 1):
        plain = LEADING_ZERO.sub("", expression.strip())
        lines.append(f"step_{number} = {NUMBER.sub(lambda found: known.get(found[0], found[0]), plain)}")
        known[result] = f"step_{number}"
    return [*lines, f"= step_{len(lines)}"] if lines else []
