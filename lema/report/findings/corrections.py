"""What correction stages hold, as parts of a report: funnels, and corrections to read."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from lema.base.reasoning_steps import split_steps
from lema.base.records import Correction, Question, Solution, Verdict
from lema.report import model
from lema.report.findings.arms import distinct
from lema.store import Artifact


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


def funnel_name(correct: Mapping[str, Any]) -> str:
    """Who sampled on what: the paths of a correction or augmentation stage, from its spec."""
    paths = correct.get("paths") or {}
    where = paths.get("questions") or {}
    engine = paths.get("engine") or {}
    reasoner = (engine.get("model") or {}).get("name") or engine.get("name") or engine.get("kind") or "paths"
    told = ", answer-hinted corrections" if (correct.get("corrector") or {}).get("hinted") else ""
    if where.get("kind") == "evolve":
        return f"{reasoner} on evolved questions{told}"
    return f"{reasoner} on {where.get('split', '?')}[{where.get('start', 0)}:{where.get('stop') or ''}]{told}"


def funnels(corrects: Sequence[Artifact]) -> tuple[model.Funnel, ...]:
    """The funnels of finished correction stages, under names that tell them apart."""
    counted = [artifact for artifact in corrects if "funnel" in artifact.summary]
    forms = {artifact.key: artifact.manifest.spec for artifact in counted}
    names = distinct({key: (funnel_name(form), form) for key, form in forms.items()})
    return tuple(funnel(names[artifact.key], artifact.summary["funnel"]) for artifact in counted)


def corrections_of(artifact: Artifact) -> Iterable[Correction]:
    """All corrections of a correction stage, accepted or not."""
    yield from artifact.rows("corrections.jsonl", Correction)
    yield from artifact.rows("rejected.jsonl", Correction)


def views(corrects: Sequence[Artifact], most: int = 10) -> tuple[model.SideBySide, ...]:
    """Corrections to read, from each stage as many."""
    found: list[model.SideBySide] = []
    for artifact in corrects:
        questions = {question.id: question for question in artifact.rows("questions.jsonl", Question)}
        held = list(corrections_of(artifact))
        found += pick(questions, artifact.rows("paths.jsonl", Solution), held, count=-(-most // len(corrects)))
    return tuple(found[:most])


def side_by_side(question: Question, solution: Solution, correction: Correction) -> model.SideBySide:
    """One mistake with its correction, as steps."""
    return model.SideBySide(
        question=question.text,
        reference=question.answer,
        wrong=tuple(split_steps(solution.judged)),
        wrong_answer=solution.answer or "",
        step=correction.step,
        explanation=correction.explanation,
        corrected=correction.solution,
        answer=correction.answer or "",
        error=correction.error,
        reject=correction.reject,
        hinted=correction.hinted,
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


def by_size(counts: Mapping[str, int]) -> dict[str, int]:
    """The counts that are not zero, the largest first, ties by name."""
    return dict(sorted(((k, n) for k, n in counts.items() if n), key=lambda item: (-item[1], item[0])))
