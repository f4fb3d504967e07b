"""How often corrections succeed, and on what: by reasoner, difficulty and kind of error (paper, appendix D.6)."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from statistics import fmean

import msgspec

from lema.base.records import Correction, Question, Solution
from lema.base.stats import wilson
from lema.report.tables.parts import By, SuccessRow
from lema.store import Artifact

UNNAMED = "unnamed"  # a difficulty that the data set, or an error that the corrector, does not name


class Sent(msgspec.Struct, frozen=True, kw_only=True):
    """One path that was given to a corrector, with what came back."""

    path: Solution
    correction: Correction
    difficulty: str


def success(artifacts: Sequence[Artifact]) -> tuple[SuccessRow, ...]:
    """Success of every corrector in these artifacts: in all, then by group, the largest groups first.

    Difficulties are left out for a correction stage whose paths' own stage is not among the artifacts.
    """
    by_name = {artifact.name: artifact for artifact in artifacts}
    corrects = [artifact for artifact in artifacts if artifact.manifest.kind == "correct"]
    # Stages that differ in how many paths they are given share corrections; each counts once.
    everything = {
        (*artifact.manifest.inputs, one.correction): one for artifact in corrects for one in sent(artifact, by_name)
    }
    return rows(everything.values())


def sent(correct: Artifact, others: Mapping[str, Artifact]) -> Iterator[Sent]:
    """Every path of a finished correction stage, once."""
    # A correction stage has only the questions with an accepted correction: rates by their difficulty would all be 1.
    difficulties = {
        question.id: question.difficulty
        for name in correct.manifest.inputs
        if name in others and "questions.jsonl" in others[name].manifest.files
        for question in others[name].rows("questions.jsonl", Question)
    }
    paths = {path.id: path for path in correct.rows("paths.jsonl", Solution)}
    for file in ("corrections.jsonl", "rejected.jsonl"):
        for correction in correct.rows(file, Correction):
            yield Sent(
                path=paths[correction.solution_id],
                correction=correction,
                difficulty=difficulties.get(correction.question_id, ""),
            )


def rows(everything: Iterable[Sent]) -> tuple[SuccessRow, ...]:
    """The rows of all correctors, a corrector after the other; a grouping that has one nameless group is left out."""
    by_corrector: dict[str, list[Sent]] = {}
    for one in everything:
        by_corrector.setdefault(one.correction.corrector, []).append(one)
    return tuple(row for name, held in by_corrector.items() for row in rows_of(name, held))


def rows_of(corrector: str, held: Sequence[Sent]) -> Iterator[SuccessRow]:
    yield row(corrector, "all", "all", held)
    groupings: dict[By, list[str]] = {
        "reasoner": [one.path.reasoner for one in held],
        "difficulty": [one.difficulty or UNNAMED for one in held],
        "error": [one.correction.error or UNNAMED for one in held],
    }
    for by, names in groupings.items():
        if set(names) == {UNNAMED}:
            continue
        for name in in_order(by, names):
            yield row(corrector, by, name, [one for one, own in zip(held, names, strict=True) if own == name])


def in_order(by: By, names: Sequence[str]) -> list[str]:
    """Levels of difficulty by name, as `Level 1` to `Level 5`; other groups by size."""
    counts = Counter(names)
    return sorted(counts) if by == "difficulty" else sorted(counts, key=lambda name: (-counts[name], name))


def row(corrector: str, by: By, name: str, held: Sequence[Sent]) -> SuccessRow:
    accepted = [one.correction for one in held if not one.correction.reject]
    interval = wilson(len(accepted), len(held))
    return SuccessRow(
        corrector=corrector,
        by=by,
        name=name,
        sent=len(held),
        accepted=len(accepted),
        rate=interval.estimate,
        low=interval.low,
        high=interval.high,
        mean_steps=fmean(len(correction.solution) for correction in accepted) if accepted else None,
        mean_words=fmean(words_in(correction) for correction in accepted) if accepted else None,
    )


def words_in(correction: Correction) -> int:
    return len(" ".join((correction.explanation, *correction.solution)).split())
