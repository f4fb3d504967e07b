"""The report as plain data: filled once from finished stages, then shown in the terminal, as HTML and as JSON.

Everything here is a value that JSON can hold; nothing knows the store, Hydra or how it will look.
"""

from __future__ import annotations

from enum import StrEnum
from typing import Literal

import msgspec

from lema.base.records import Verdict
from lema.report.tables.parts import (
    Choice,
    DeltaPpl,
    Leaks,
    MeasureRow,
    PaperPick,
    Part,
    PickPair,
    PickRow,
    ProgramRow,
    Sieve,
    SuccessRow,
)
from lema.report.tables.skill_parts import SkillRow
from lema.report.tables.sound_parts import SoundRow
from lema.report.tables.space_parts import SpacePair, SpaceRow


class Role(StrEnum):
    """What an arm is compared with."""

    BASELINE = "baseline"  # another trained arm
    BASE = "base"  # the model before training


class ArmSummary(Part, frozen=True, kw_only=True):
    """Accuracy of one arm on one task, as shares of 1. `seeds` is empty for a model that was not trained here."""

    arm: str
    task: str
    n: int
    seeds: tuple[int, ...]
    accuracy: float
    low: float
    high: float
    interval: str  # how low and high were made
    by_seed: tuple[float, ...]
    grader: str = ""  # who judged, when it was not the task's own verifier
    selection: str = ""  # how the checkpoint was chosen: last, best_on_dev, best_on_test; empty: not known
    runs: tuple[str, ...] = ()  # keys of the evaluations


class Comparison(Part, frozen=True, kw_only=True):
    """One arm against another on the same questions; differences are shares of 1 (decision 024).

    `p`, the interval and the verdict are of one test. With `about` "runs" they speak of new questions and new runs, and
    the verdict is better, worse or cannot tell; with "these models" of new questions alone, and it is above, below or
    cannot tell.
    """

    arm: str
    baseline: str
    task: str
    n: int
    seeds: tuple[int, ...]
    baseline_seeds: tuple[int, ...]  # empty: not trained here
    difference: float
    low: float  # simultaneous 95 % over the family; a bound of just 0 means more (or less) than 0
    high: float
    about: str  # runs, or these models
    run_sd: float | None  # standard deviation of a run's true accuracy; None where nothing is known of it
    run_df: float  # its degrees of freedom from these arms
    lent_df: float  # and from other arms of the same kind of training
    won: int  # questions that the arm answers right in a larger share of its runs
    lost: int
    p: float
    p_adjusted: float  # Holm, over the family
    family: int  # comparisons of this role, which are judged together
    p_exact: float | None  # McNemar's, where both are a single model; it does not decide
    smallest: float  # true gain that would be found with 80 % power
    doubt_sd: float | None  # these models differ, and would not be called different if runs spread by so much
    verdict: str
    words: str
    role: str  # what `baseline` is: a Role


class Funnel(Part, frozen=True, kw_only=True):
    """What became of every sampled path. The sums are exact; `check` holds them."""

    name: str
    sampled: int
    verdicts: dict[str, int]
    held_back: dict[str, int]  # not right, and not given to the corrector: reason -> paths
    sent: int
    accepted: int
    rejected: dict[str, int]  # reason -> corrections

    def check(self) -> None:
        """Raise AssertionError when a path is lost or counted twice: that is a bug, not an input error."""
        wrong = self.sampled - self.verdicts.get(Verdict.RIGHT, 0)
        sums = (
            ("verdicts", sum(self.verdicts.values()), "sampled", self.sampled),
            ("held back + sent", sum(self.held_back.values()) + self.sent, "not right", wrong),
            ("accepted + rejected", self.accepted + sum(self.rejected.values()), "sent", self.sent),
        )
        for left, counted, right, expected in sums:
            if counted != expected:
                raise AssertionError(f"funnel {self.name!r} does not sum: {left} is {counted}, {right} is {expected}")


class Curve(Part, frozen=True, kw_only=True):
    """Training loss of one arm and seed."""

    arm: str
    seed: int
    steps: tuple[int, ...]
    losses: tuple[float, ...]
    run: str = ""  # the key of the training


class TrendPoint(Part, frozen=True, kw_only=True):
    """One arm's accuracy at its place on a trend's axis."""

    arm: str
    x: float
    accuracy: float
    low: float
    high: float


class Trend(Part, frozen=True, kw_only=True):
    """Accuracy of a family of arms that differ in one quantity only, by rising quantity."""

    family: str
    task: str
    axis: Literal["training examples", "target tokens", "rounds of evolution"]
    points: tuple[TrendPoint, ...]


class PaperCell(Part, frozen=True, kw_only=True):
    """One accuracy beside the paper's, as shares of 1; `difference` is ours less the paper's."""

    model: str
    arm: str
    task: str
    grader: str  # as in ArmSummary
    ours: float
    low: float
    high: float
    paper: float
    difference: float
    printed: str  # where the paper has it, e.g. "Table 1"
    note: str  # in what the two differ beside the runs


class SideBySide(Part, frozen=True, kw_only=True):
    """A mistake and its correction. `corrected` starts at step `step` (1-based; None if none was named)."""

    question: str
    reference: str
    wrong: tuple[str, ...]
    wrong_answer: str
    step: int | None
    explanation: str
    corrected: tuple[str, ...]
    answer: str
    error: str
    reject: str
    hinted: bool = False  # the corrector was told the right answer


class Mix(Part, frozen=True, kw_only=True):
    """What one arm was trained on."""

    arm: str
    seed: int
    sources: dict[str, int]  # source -> examples
    target_tokens: int | None = None
    same_text: int | None = None  # examples whose text an earlier one has; None: not counted
    repeats: int | None = None  # examples that were left out since an equal one is there; None: not counted


class Note(Part, frozen=True, kw_only=True):
    """Something that the reader must know to judge the numbers."""

    level: Literal["note", "warning"]
    text: str


class StageLine(Part, frozen=True, kw_only=True):
    """One stage: what it is, and what it cost. None where nothing was counted."""

    name: str
    key: str
    seconds: float | None = None
    prompt_tokens: int | None = None
    completion_tokens: int | None = None


class Provenance(Part, frozen=True, kw_only=True):
    """What is needed to get the same numbers again. No host names and no paths."""

    command: str
    commit: str
    dirty: bool
    versions: dict[str, str]
    seeds: tuple[int, ...]


class Report(Part, frozen=True, kw_only=True):
    """All that is shown. `baseline` is the arm that others are compared with (the first of several), `base` the model
    before training where there is one."""

    title: str
    question: str
    baseline: str
    base: str | None
    arms: tuple[ArmSummary, ...]
    comparisons: tuple[Comparison, ...]
    funnels: tuple[Funnel, ...] = ()
    success: tuple[SuccessRow, ...] = ()  # of corrections
    sieves: tuple[Sieve, ...] = ()  # of evolution and augmentation
    leaks: Leaks | None = None  # None: no arm's training questions were compared with test questions
    curves: tuple[Curve, ...] = ()
    corrections: tuple[SideBySide, ...] = ()
    mixes: tuple[Mix, ...] = ()
    notes: tuple[Note, ...] = ()
    provenance: Provenance | None = None
    stages: tuple[StageLine, ...] = ()
    regraded: tuple[ArmSummary, ...] = ()  # the same solutions under other graders
    trends: tuple[Trend, ...] = ()
    paper: tuple[PaperCell, ...] = ()
    choices: tuple[Choice, ...] = ()  # of checkpoints
    delta_ppl: tuple[DeltaPpl, ...] = ()
    spaces: tuple[SpaceRow, ...] = ()  # output spaces
    space_pairs: tuple[SpacePair, ...] = ()
    programs: tuple[ProgramRow, ...] = ()
    soundness: tuple[SoundRow, ...] = ()  # of arms on tasks whose questions have a trace
    sound_comparisons: tuple[Comparison, ...] = ()
    skills: tuple[SkillRow, ...] = ()  # whether corrections were learned
    skill_comparisons: tuple[Comparison, ...] = ()  # of corrections that end right
    not_asked: tuple[str, ...] = ()  # arms that learned from corrections and were asked for none
    measures: tuple[MeasureRow, ...] = ()  # beside verdicts, by whichever answering
    picks: tuple[PickRow, ...] = ()  # among sampled answers
    pick_pairs: tuple[PickPair, ...] = ()
    paper_picks: tuple[PaperPick, ...] = ()

    @property
    def tasks(self) -> tuple[str, ...]:
        """Names of the tasks, in order; one empty name when there is only one."""
        return tuple(dict.fromkeys(arm.task for arm in self.arms))

    @property
    def answering(self) -> tuple[Comparison, ...]:
        """The comparisons that answer the question: those with baseline arms, or all where there are none."""
        return tuple(c for c in self.comparisons if c.role == Role.BASELINE) or self.comparisons

    @property
    def answer(self) -> str:
        """The question's answer in words: what each comparison with a baseline arm says."""
        said = [c.words for c in self.answering]
        return " ".join(said) or "There is one arm and nothing to compare it with."


def to_json(report: Report) -> bytes:
    """`report.json`: the report for machines, indented, with a final newline."""
    return msgspec.json.format(msgspec.json.encode(report), indent=1) + b"\n"


def from_json(data: bytes) -> Report:
    """Read back what `to_json` wrote."""
    return msgspec.json.decode(data, type=Report)
