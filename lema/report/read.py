"""The public way to read a finished store: `finished("store")`. Needs neither torch nor the configuration.

run = finished("store")
for arm in run.report.arms: print(arm.arm, arm.accuracy, arm.low, arm.high)
run.results       # who answered which question right, by arm and seed
run.corrections() # all corrections, with their paths and questions
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import cached_property
from pathlib import Path

from lema.base.errors import InputError
from lema.base.records import Correction, Question, Solution
from lema.report.collect import assemble, by_kind, in_order
from lema.report.findings.arms import evaluated
from lema.report.findings.results import ArmResult
from lema.report.model import Report
from lema.store import Artifact
from lema.store.manifest import MANIFEST, read_manifest


class Finished:
    """The finished stages of a store."""

    def __init__(self, artifacts: Sequence[Artifact]) -> None:
        self.artifacts = list(artifacts)
        self.kinds = by_kind(artifacts)

    @cached_property
    def report(self) -> Report:
        """Everything that `report.html` shows, as plain data."""
        return assemble(self.artifacts)

    @cached_property
    def results(self) -> list[ArmResult]:
        """Who answered which question right, by arm and seed; the base model has no seed."""
        return [arm.result() for arm in in_order(evaluated(self.kinds.get("evaluate", [])))]

    def corrections(self) -> Iterator[tuple[Question | None, Solution, Correction]]:
        """Corrections, accepted or not, with the wrong path; the question only of accepted ones."""
        for artifact in self.kinds.get("correct", []):
            questions = {question.id: question for question in artifact.rows("questions.jsonl", Question)}
            paths = {solution.id: solution for solution in artifact.rows("paths.jsonl", Solution)}
            for file in ("corrections.jsonl", "rejected.jsonl"):
                for correction in artifact.rows(file, Correction):
                    yield questions.get(correction.question_id), paths[correction.solution_id], correction


def finished(store: str | Path) -> Finished:
    """All finished stages of the store in this folder, in the order in which they ended.

    Raises:
        InputError: there is no store, or nothing is finished in it.
        StoreError: an artifact was altered.
    """
    folder = Path(store).expanduser().resolve() / "artifacts"
    paths = [path.parent for path in sorted(folder.glob(f"*/{MANIFEST}")) if not path.parent.name.startswith(".")]
    if not paths:
        raise InputError(f"{folder} holds no finished stages. Run an experiment first, or name another store.")
    found = [Artifact(path, read_manifest(path)) for path in paths]
    return Finished(sorted(found, key=lambda artifact: (artifact.manifest.ended, artifact.name)))
