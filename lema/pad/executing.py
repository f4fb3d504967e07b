"""How the texts of a model are run as programs (PaD, arXiv 2305.13888, §3.1)."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import msgspec

from lema.base.spec import Spec, spec
from lema.pad.forms import Form, line_of_text, source
from lema.pad.judging import Rule
from lema.programs.program import Outcome, Program
from lema.programs.sandbox import Sandbox

#: What an open sandbox does: the outcomes of programs, in order.
Run = Callable[[Sequence[Program]], list[Outcome]]


@spec
class Executing(Spec):
    """How texts are read as programs, run and judged.

    Args:
        form: what a text is, a whole function or its body (`lema.pad.forms`).
        rule: `exact`, or `pad_v1`: the rounding of the paper's code.
    """

    kind = "executing"
    form: Form = "function"
    rule: Rule = "exact"
    sandbox: Sandbox = Sandbox()

    def run(self, run: Run, texts: Sequence[str]) -> list[Outcome]:
        """What came of each text; `line` counts the lines of the text."""
        found = run([Program(source=source(text, self.form)) for text in texts])
        return [placed(outcome, self.form) for outcome in found]


def placed(outcome: Outcome, form: Form) -> Outcome:
    line = line_of_text(outcome.line, form)
    if line == outcome.line:
        return outcome
    return msgspec.structs.replace(outcome, line=line)
