"""Programs in place of reasoning paths (PaD, arXiv 2305.13888): run, searched for line by line, and repaired."""

from __future__ import annotations

import dataclasses
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Annotated, Any

from pydantic import Field

from lema.answering.answering import Answering, Setting, Solve, Writes
from lema.answering.path import PATH
from lema.answering.repairs import Answerer, class_and_rounds, opened
from lema.base import prompts
from lema.base.protocols import Complete, Engine, Prompt, Sampling, Verifier
from lema.base.records import Question, Solution
from lema.base.spec import since, spec
from lema.pad.executing import Executing
from lema.pad.forms import Form, ran
from lema.pad.judging import EXECUTED, Rule, one_line, rounds_to, vote_class
from lema.pad.stepping import StepBeam, check_engine
from lema.programs.sandbox import Sandbox


@spec
class RunProgram(Answering):
    """A program a question, judged by the value that it leaves. A model that was not taught to writes a path.

    Args:
        form, rule, sandbox: how a text is run and judged (`lema.pad.executing`).
        beam: a search over lines in place of one continuation; the answer is greedy otherwise (`lema.pad.stepping`).
        rounds: of repair after a failure, at most; the gold answer is never looked at (`lema.answering.repairs`).
    """

    kind = "program"
    form: Form = "function"
    rule: Rule = "exact"
    sandbox: Sandbox = Sandbox()
    rounds: Annotated[int, Field(ge=0, le=10)] = since(default=0)
    beam: StepBeam | None = since(default=None)

    @property
    def executing(self) -> Executing:
        """How one program is run: what training data is made with too."""
        return Executing(form=self.form, rule=self.rule, sandbox=self.sandbox)

    def learned(self, writes: Writes) -> Answering:
        return self if writes == "program" else PATH

    def once(self) -> Answering:
        changed: dict[str, Any] = {"rounds": 0, "beam": None}
        return dataclasses.replace(self, **changed)

    def check_engine(self, engine: Engine) -> None:
        if self.beam is not None:
            check_engine(engine)

    def draws(self, sampling: Sampling) -> Sampling:
        """A beam finds one program, however many are asked for."""
        changed: dict[str, Any] = {"n": 1}
        return sampling if self.beam is None else dataclasses.replace(sampling, **changed)

    @contextmanager
    def open(self, setting: Setting, complete: Complete, scorer: Path | None = None) -> Iterator[Solve]:
        with opened(self.executing, self.beam, self.rounds, setting.format, scorer) as answerer:
            yield partial(solve, setting, complete, answerer)

    def same(self, one: str, other: str, verifier: Verifier) -> bool:  # noqa: ARG002
        """12, 12.0 and 24/2 are one value."""
        return vote_class(one) == vote_class(other)

    def summary(self, questions: Sequence[Question], solutions: Sequence[Solution]) -> dict[str, Any]:
        """How many left a value, the others by class, how many were repaired, and how many would be right by the
        rounding of the paper's code."""
        gold = {question.id: question.answer for question in questions}
        classes = Counter(class_and_rounds(solution.rung) for solution in solutions)
        values = [(one.answer, gold[one.question_id]) for one in solutions if one.answer is not None]
        errors: Counter[str] = Counter()
        for (name, _), number in classes.items():
            errors[name] += number if name != EXECUTED else 0
        told = {
            "executed": sum(number for (name, _), number in classes.items() if name == EXECUTED),
            "errors": {name: number for name, number in sorted(errors.items()) if number},
            "refined": sum(number for (_, rounds), number in classes.items() if rounds),
            "refined_executed": sum(n for (name, rounds), n in classes.items() if rounds and name == EXECUTED),
            "right_pad_v1": sum(one_line(value) and rounds_to(value, wanted) for value, wanted in values),
        }
        return {"programs": told}


def running_programs(answering: Answering) -> RunProgram | None:
    """How programs are run in an answering that runs any, itself or what it is made of."""
    return next((one for one in answering.inside() if isinstance(one, RunProgram)), None)


def solve(setting: Setting, complete: Complete, answerer: Answerer, questions: Sequence[Question]) -> list[Solution]:
    """Programs for some questions, judged by their values."""
    asked = [prompt(setting, question) for question in questions]
    found = answerer.answers(questions, asked, complete, setting.sampling)
    return [
        Solution(
            question_id=question.id,
            reasoner=setting.reasoner,
            sample=sample,
            text=attempt.text,
            finish_reason=attempt.finish_reason,
            prompt_tokens=attempt.prompt_tokens,
            completion_tokens=attempt.completion_tokens,
            stretch=stretch_of(attempt.text, answerer.executing.form),
            **answerer.judged(attempt, question, setting.task.verifier),
        )
        for question, several in zip(questions, found, strict=True)
        for sample, attempt in enumerate(several)
    ]


def stretch_of(text: str, form: Form) -> tuple[int, int] | None:
    """Where the part of a text stands that is run; None where that is all of it."""
    run = ran(text, form)
    if run.strip() == text.strip():
        return None
    start = text.index(run)
    return start, start + len(run)


def prompt(setting: Setting, question: Question) -> Prompt:
    """The request for a program."""
    return Prompt(
        id=question.id,
        text=setting.format.program_prompt(question),
        chat=setting.format.chat,
        seed=prompts.seed(setting.seed, question.id),
        fields={"question": question.text},
    )
