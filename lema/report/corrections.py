"""What correction stages hold, as parts of a report: funnels, classes of mistakes, corrections to read."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from lema.records import Correction, Question, Solution, Verdict
from lema.report import model
from lema.steps import split_steps


def funnel(name: str, counts: Mapping[str, Any]) -> model.Funnel:
    """The funnel of a finished correction stage, from the counts in its summary.

    Raises:
        AssertionError: they do not sum.
    """
    held_back = {**counts["left_out"], **{v.value: counts[v.value] for v in (Verdict.NO_ANSWER, Verdict.UNDECIDED)}}
    counted = model.Funnel(
        name=name,
        sampled=counts["sampled"],
        verdicts={verdict.value: counts[verdict.value] for verdict in Verdict},
        held_back=by_size(held_back),
        sent=counts["corrected"],
        accepted=counts["accepted"],
        rejected=by_size(counts["rejected"]),
    )
    counted.check()
    return counted


def error_classes(corrections: Iterable[Correction]) -> tuple[model.ErrorClass, ...]:
    """Classes of mistakes, the commonest first; corrections without a class are left out."""
    named = [c for c in corrections if c.error]
    accepted = tally(c.error for c in named if not c.reject)
    return tuple(
        model.ErrorClass(name=name, sent=count, accepted=accepted.get(name, 0))
        for name, count in tally(c.error for c in named).items()
    )


def side_by_side(question: Question, solution: Solution, correction: Correction) -> model.SideBySide:
    """One mistake with its correction, as steps."""
    return model.SideBySide(
        question=question.text,
        reference=question.answer,
        wrong=tuple(split_steps(solution.text)),
        wrong_answer=solution.answer or "",
        step=correction.step,
        explanation=correction.explanation,
        corrected=correction.solution,
        answer=correction.answer or "",
        error=correction.error,
        reject=correction.reject,
    )


def pick(
    questions: Mapping[str, Question],
    solutions: Iterable[Solution],
    corrections: Sequence[Correction],
    count: int = 10,
) -> tuple[model.SideBySide, ...]:
    """Corrections to read: accepted ones, of every class of mistake in turn, on different questions, in order."""
    paths = {solution.id: solution for solution in solutions}
    queues: dict[str, list[Correction]] = {}
    seen: set[str] = set()
    for correction in corrections:
        if not correction.reject and correction.question_id not in seen:
            seen.add(correction.question_id)
            queues.setdefault(correction.error, []).append(correction)
    chosen: list[Correction] = []
    while len(chosen) < count and any(queues.values()):
        chosen += [queue.pop(0) for queue in queues.values() if queue]
    return tuple(side_by_side(questions[c.question_id], paths[c.solution_id], c) for c in chosen[:count])


def tally(names: Iterable[str]) -> dict[str, int]:
    """Counts by name, the commonest first."""
    return by_size(Counter(names))


def by_size(counts: Mapping[str, int]) -> dict[str, int]:
    """The counts that are not zero, the largest first, ties by name."""
    return dict(sorted(((k, n) for k, n in counts.items() if n), key=lambda item: (-item[1], item[0])))
