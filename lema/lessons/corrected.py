"""Accepted corrections with their wrong paths, and the examples that lessons make of them."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from typing import Literal, NamedTuple

from lema.base.reasoning_steps import from_free_form
from lema.base.records import Correction, Example, MadeOf, Question, Solution
from lema.data.correction_wording import Kind, Piece
from lema.lessons.lesson import Material, Taught
from lema.store import Artifact

HINTED = "hinted_"  # before the source of an example whose corrector was told the right answer
Loss = Literal["completion", "changed_steps", "all_but_mistake"]
#: Kinds of pieces that carry loss.
LEARNED: dict[Loss, tuple[Kind, ...]] = {
    "completion": ("note", "kept", "changed", "mistake"),
    "changed_steps": ("changed",),
    "all_but_mistake": ("note", "kept", "changed"),
}


class Corrected(NamedTuple):
    """A wrong path and its accepted correction."""

    question: Question
    path: Solution
    correction: Correction

    @property
    def wrong(self) -> list[str]:
        """Steps of the wrong path, the last one its answer."""
        return from_free_form(self.path.judged, self.path.answer)

    def taught(self, prompt: str, pieces: Sequence[Piece], source: str, loss: Loss = "completion") -> Taught:
        """The example with this input and target. Equal corrections of equal paths are the same, in whichever form a
        mix gives them, so that mixes which should have as many of them do. Before the source of an example whose
        corrector was told the right answer stands `hinted_`."""
        example = Example(
            prompt=prompt,
            completion="".join(piece.text for piece in pieces),
            question_id=self.question.id,
            source=f"{HINTED}{source}" if self.correction.hinted else source,
            unlearned=tuple(unlearned(pieces, LEARNED[loss])),
            made_of=MadeOf(question=self.question.id, path=self.path.id, correction=self.correction.id),
        )
        said = self.correction
        return Taught(example, (self.question.text, self.path.judged, str(said.step), said.explanation, *said.solution))


def corrected(material: Material) -> Iterator[Corrected]:
    """Every accepted correction, those of evolved questions after those of the task's own."""
    for artifact in material.of("corrections"):
        asked = {question.id: question for question in artifact.rows("questions.jsonl", Question)}
        for path, correction in pairs(artifact):
            yield Corrected(asked[path.question_id], path, correction)


def pairs(artifact: Artifact) -> Iterator[tuple[Solution, Correction]]:
    """Each accepted correction with its path; both files are in one order, so that neither is held."""
    paths = artifact.rows("paths.jsonl", Solution)
    for correction in artifact.rows("corrections.jsonl", Correction):
        yield next(path for path in paths if path.id == correction.solution_id), correction


def unlearned(pieces: Sequence[Piece], learned: Collection[Kind]) -> Iterator[tuple[int, int]]:
    """The stretches of the joined pieces that carry no loss, as (start, end) in characters."""
    start = end = 0
    for piece in pieces:
        if piece.kind in learned:
            if end > start:
                yield start, end
            start = end + len(piece.text)
        end += len(piece.text)
    if end > start:
        yield start, end
