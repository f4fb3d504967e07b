"""Right for the right reason: paths read step by step against the trace of their question.

An answer counts as sound when it is right and its path has no wrong step. This needs questions with a trace (generated
problems) and answers that are paths; it is counted from finished evaluations, and needs no stage of its own.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence

import msgspec

from lema.base.reasoning_steps import split_steps
from lema.base.records import Question, Solution, Verdict
from lema.report.findings.arms import Evaluated, training
from lema.report.findings.compare import Pairs, compare
from lema.report.findings.pairs import runs_programs
from lema.report.findings.results import ArmResult
from lema.report.model import ArmSummary, Comparison, Note
from lema.report.tables.sound_parts import SoundRow
from lema.synth.problem import read_trace
from lema.synth.reading import FAULTS, read_path

SOUND = ""
MOSTLY = 0.9  # of right answers: where fewer are sound a reader is told at once


class Read(msgspec.Struct, frozen=True, kw_only=True):
    """One evaluation, its paths read: question id -> right, and the class of the first wrong step (empty: none)."""

    arm: Evaluated
    right: Mapping[str, bool]
    faults: Mapping[str, str]

    def result(self) -> ArmResult:
        """Who answered what soundly."""
        sound = {id_: right and self.faults[id_] == SOUND for id_, right in self.right.items()}
        arm = self.arm
        return ArmResult(arm=arm.arm, seed=arm.seed, right=sound, task=arm.task, training=training(arm.form))


def soundness(
    arms: Sequence[Evaluated], baseline: Pairs | None, base: Pairs
) -> tuple[tuple[SoundRow, ...], tuple[Comparison, ...]]:
    """A row for each arm and task with traces, and the same comparisons as of accuracy.

    Args:
        baseline: pairs of an arm and the one that it is compared with.
        base: the same for models before training.
    """
    read = [found for arm in arms if (found := read_paths(arm)) is not None]
    if not read:
        return (), ()
    summaries, comparisons = compare([one.result() for one in read], baseline, base)
    rows = [
        row(summary, [one for one in read if (one.arm.arm, one.arm.task) == (summary.arm, summary.task)])
        for summary in summaries
    ]
    return tuple(rows), tuple(msgspec.structs.replace(c, words=of_soundness(c.words)) for c in comparisons)


def notes(rows: Sequence[SoundRow]) -> list[Note]:
    """That right answers are not right for the right reason, where that is so."""
    shares = [row.of_right for row in rows if row.of_right is not None]
    if not shares or min(shares) > MOSTLY:
        return []
    low, high = (f"{100 * share:.0f}" for share in (min(shares), max(shares)))
    span = f"{low} %" if low == high else f"{low} to {high} %"
    text = (
        f"Of the right answers only {span} are sound; in the others a step is wrong against the trace of the question."
    )
    return [Note(level="note", text=text)]


def of_soundness(words: str) -> str:
    """The sentence of a comparison, as one of sound answers."""
    return f"Sound answers: {words}"


def read_paths(arm: Evaluated) -> Read | None:
    """The paths of one evaluation; None where answers are no paths, or a question has no trace."""
    if arm.grader or runs_programs(arm.form):
        return None
    questions = {question.id: question for question in arm.artifact.rows("questions.jsonl", Question)}
    if not questions or any(question.trace is None for question in questions.values()):
        return None
    right: dict[str, bool] = {}
    faults: dict[str, str] = {}
    for solution in arm.artifact.rows("solutions.jsonl", Solution):
        right[solution.question_id] = solution.verdict is Verdict.RIGHT
        faults[solution.question_id] = fault(questions[solution.question_id], solution.judged)
    return Read(arm=arm, right=right, faults=faults)


def fault(question: Question, text: str) -> str:
    """The class of the first wrong step of a path; empty when there is none."""
    mistake = read_path(split_steps(text), read_trace(question.trace)).mistake
    return SOUND if mistake is None else mistake.fault


def row(summary: ArmSummary, runs: Sequence[Read]) -> SoundRow:
    """One arm and task over its runs."""
    count = summary.n * len(runs)
    right = sum(sum(run.right.values()) for run in runs)
    of = {
        outcome: Counter(run.faults[id_] for run in runs for id_, is_right in run.right.items() if is_right == outcome)
        for outcome in (True, False)
    }
    return SoundRow(
        arm=summary.arm,
        task=summary.task,
        n=summary.n,
        seeds=summary.seeds,
        accuracy=right / count,
        sound=summary.accuracy,
        low=summary.low,
        high=summary.high,
        interval=summary.interval,
        by_seed=summary.by_seed,
        of_right=of[True][SOUND] / right if right else None,
        faults_of_right={name: of[True][name] / count for name in FAULTS},
        faults_of_wrong={name: of[False][name] / count for name in FAULTS},
    )
