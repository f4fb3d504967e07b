"""A model's reply to the question for a correction, read in the taught form and judged."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import Literal

from lema.base.judged_stretch import judged
from lema.base.protocols import Reply, Verifier
from lema.base.reasoning_steps import from_free_form, number_steps
from lema.base.records import Correction, Question, Record, Solution, Verdict
from lema.data.correction_reading import Told, read_correction
from lema.data.correction_wording import Part, Wording
from lema.synth.exact import flaw
from lema.synth.problem import read_trace
from lema.synth.reading import read_path

Of = Literal["held_out", "taught"]


class Case(Record, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A wrong path that is asked about; `taught` is the correction that was learned from, as its example has it."""

    question: Question
    path: Solution
    correction: Correction | None = None
    taught: str = ""

    @property
    def wrong(self) -> list[str]:
        """Steps of the path, the last one its answer."""
        return from_free_form(self.path.judged, self.path.answer)


class Corrected(Record, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What a model wrote when it was asked for one correction.

    `step` and `answer` are also read where the form is not the taught one. `right`, `true_step` and `sound` are None
    where nobody can know: of corrections that are taught without a solution, of questions without a trace. Of a taught
    correction `true_step` is the one that was taught.
    """

    question_id: str
    solution_id: str  # of the wrong path
    of: Of
    text: str
    malformed: str = ""  # why its form is not the taught one; empty: it is
    step: int | None = None
    answer: str | None = None
    right: bool | None = None
    true_step: int | None = None  # the first wrong one
    sound: bool | None = None  # well-formed, the first wrong step named, and no step of the solution wrong
    as_taught: bool | None = None  # letter by letter; None of held-out mistakes
    prompt_tokens: int = 0
    completion_tokens: int = 0

    @property
    def step_right(self) -> bool | None:
        """Whether the step that should be named is; None where that is not known."""
        return None if self.true_step is None else self.step == self.true_step


def judged_correction(
    case: Case, reply: Reply, *, wording: Wording, without: Collection[Part], verifier: Verifier, corrector: str
) -> Corrected:
    """One reply, read in the form in which corrections are taught.

    Args:
        without: parts that they are taught without.
        corrector: name of the model that wrote it.
    """
    told = read_correction(
        wording,
        reply.text,
        len(case.wrong),
        choices=bool(case.question.choices),
        without=without,
        cut=reply.finish_reason == "length",
    )
    answer, right = None, None
    if "solution" not in without:
        said = judged(reply.text) if told.malformed else number_steps(told.solution, first=told.step or 1)
        found = verifier.judge(said, case.question)
        answer, right = found.answer, found.verdict is Verdict.RIGHT
    true_step, sound = against_truth(case, told, corrector)
    return Corrected(
        question_id=case.question.id,
        solution_id=case.path.id,
        of="taught" if case.taught else "held_out",
        text=reply.text,
        malformed=told.malformed,
        step=told.step,
        answer=answer,
        right=right,
        true_step=true_step,
        sound=sound if right is not None else None,
        as_taught=reply.text.strip() == case.taught.strip() if case.taught else None,
        prompt_tokens=reply.prompt_tokens,
        completion_tokens=reply.completion_tokens,
    )


def against_truth(case: Case, told: Told, corrector: str) -> tuple[int | None, bool | None]:
    """The step that should be named, and whether the whole is sound; None: not known."""
    if case.question.choices:
        return None, None
    taught = None if case.correction is None else case.correction.step
    if case.question.trace is None:
        return taught, None
    problem = read_trace(case.question.trace)
    said = Correction(
        question_id=case.question.id,
        solution_id=case.path.id,
        corrector=corrector,
        step=told.step,
        solution=told.solution,
    )
    mistake = read_path(case.wrong, problem).mistake
    first = taught if taught is not None or mistake is None else mistake.step
    return first, not told.malformed and not flaw(said, case.wrong, problem)


def counts(rows: Sequence[Corrected]) -> dict[str, int | None]:
    """How many corrections are what; None where that cannot be known of any."""

    def of(values: Sequence[bool | None]) -> int | None:
        return None if all(value is None for value in values) else sum(map(bool, values))

    return {
        "mistakes": len(rows),
        "well_formed": sum(not row.malformed for row in rows),
        "step_right": of([row.step_right for row in rows]),
        "right": of([row.right for row in rows]),
        "sound": of([row.sound for row in rows]),
        "as_taught": of([row.as_taught for row in rows]),
    }
