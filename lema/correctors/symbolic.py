"""A corrector for generated problems: knows the truth of every quantity, needs no model and no network.

It reads a wrong path claim by claim against the question's trace, names the first wrong step,
explains it in words that fit the mistake, and finishes the solution from what the path had right.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated

from msgspec.structs import replace
from pydantic import Field

from lema.base.protocols import Correct
from lema.base.reasoning_steps import split_steps
from lema.base.records import Correction, Question, Solution
from lema.base.spec import Spec, spec
from lema.synth.correcting import sound_draft, unsound_draft
from lema.synth.draw import Draw
from lema.synth.problem import read_trace
from lema.synth.reading import read_path


@spec
class Symbolic(Spec):
    """Corrects from the trace.

    With probability 1 - `strength` a correction is unsound, in one of three ways in equal shares: a
    false explanation, another step named, or a slip in the solution. Only the last changes the
    answer, so a filter by answer lets the others through.
    """

    kind = "symbolic"
    strength: Annotated[float, Field(ge=0, le=1)] = 1.0
    seed: int = 0

    @property
    def name(self) -> str:
        return "symbolic"

    @contextmanager
    def open(self, *, replies: Path | None = None) -> Iterator[Correct]:  # noqa: ARG002 (it pays for none)
        yield self.correct

    def correct(self, pairs: Sequence[tuple[Question, Solution]]) -> list[Correction]:
        """One correction a pair, in order; `reject` is `no_mistake` where the path has none.

        Raises:
            InputError: a question has no trace.
        """
        return [self.correct_one(question, solution) for question, solution in pairs]

    def correct_one(self, question: Question, solution: Solution) -> Correction:
        problem = read_trace(question.trace)
        steps = split_steps(solution.judged)
        reading = read_path(steps, problem)
        nothing = Correction(question_id=question.id, solution_id=solution.id, corrector=self.name, reject="no_mistake")
        if reading.mistake is None:
            return nothing
        draw = Draw("symbolic", self.seed, solution.id, solution.text)
        if draw.chance(self.strength):
            draft = sound_draft(problem, reading.mistake, reading.derived, draw)
        else:
            draft = unsound_draft(steps, problem, reading.mistake, draw)
        return replace(
            nothing,
            step=draft.step,
            explanation=draft.explanation,
            solution=tuple(draft.solution),
            error=draft.error,
            reject="",
        )
