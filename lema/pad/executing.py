"""How the texts of a model are run as programs (paper §3.1), and what is made of those that fail (§3.3)."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Sequence
from typing import Annotated, Any, Self

import msgspec
from pydantic import Field

from lema.base.spec import Spec, since, spec
from lema.pad.forms import Form, line_of_text, source
from lema.pad.judging import Rule
from lema.pad.stepping import StepBeam
from lema.programs.program import Outcome, Program
from lema.programs.sandbox import Sandbox

#: What an open sandbox does: the outcomes of programs, in order.
Run = Callable[[Sequence[Program]], list[Outcome]]


@spec
class Executing(Spec):
    """Programs in place of reasoning paths: how texts are read, run and judged.

    Args:
        form: what a text is, a whole function or its body (`lema.pad.forms`).
        rule: `exact`, or `pad_v1`: the rounding of the paper's code.
        beam: a search over lines in place of one continuation; the answer is greedy otherwise (`lema.pad.stepping`).
        rounds: of refinement after a failure, at most; the gold answer is never looked at (`lema.pad.refining`).
    """

    kind = "executing"
    form: Form = "function"
    rule: Rule = "exact"
    sandbox: Sandbox = Sandbox()
    rounds: Annotated[int, Field(ge=0, le=10)] = since(default=0)
    beam: StepBeam | None = since(default=None)

    def once(self) -> Self:
        """The same without what is done at inference alone: what training data is made with."""
        changed: dict[str, Any] = {"rounds": 0, "beam": None}
        return dataclasses.replace(self, **changed)

    def run(self, run: Run, texts: Sequence[str]) -> list[Outcome]:
        """What came of each text; `line` counts the lines of the text."""
        found = run([Program(source=source(text, self.form)) for text in texts])
        return [placed(outcome, self.form) for outcome in found]


def placed(outcome: Outcome, form: Form) -> Outcome:
    line = line_of_text(outcome.line, form)
    if line == outcome.line:
        return outcome
    return msgspec.structs.replace(outcome, line=line)
