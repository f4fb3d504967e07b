"""Training examples from paths and corrections: what goes in, what comes out, and what of it is learned."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence

from lema.base.records import Correction, Example, Question
from lema.data.correction_wording import Kind, Piece
from lema.data.formats import Format
from lema.lessons.data_mix import Blend

#: Kinds of pieces that carry loss, by `Blend.loss`.
LEARNED: dict[str, tuple[Kind, ...]] = {
    "completion": ("note", "kept", "changed", "mistake"),
    "changed_steps": ("changed",),
    "all_but_mistake": ("note", "kept", "changed"),
}


def path_example(format_: Format, question: Question, steps: Sequence[str], source: str) -> Example:
    """A right path: the question in, its steps out, all of them learned."""
    return Example(
        prompt=format_.cot_prompt(question),
        completion=format_.cot_completion(steps, question),
        question_id=question.id,
        source=source,
    )


def program_example(format_: Format, question: Question, text: str) -> Example:
    """A program that is right: the question in, the program out."""
    return Example(prompt=format_.program_prompt(question), completion=text, question_id=question.id, source="program")


def correction_example(
    format_: Format, blend: Blend, question: Question, wrong: Sequence[str], correction: Correction
) -> Example:
    """An accepted correction in the form that the mix wants.

    Args:
        wrong: steps of the path that was corrected, the last one its answer.
    """
    match blend.corrections:
        case "as_cot":
            kept = wrong[: (correction.step or 1) - 1]
            prompt, source = format_.cot_prompt(question), "cot_from_correction"
            pieces = format_.path_pieces(question, kept, correction.solution)
        case "in_target":
            prompt, source = format_.cot_prompt(question), "mistake_in_target"
            pieces = format_.mistake_in_target(correction, wrong)
        case _:
            prompt, source = format_.correction_prompt(question, wrong, blend.without), "correction"
            pieces = format_.correction_pieces(correction, wrong, blend.without)
    return Example(
        prompt=prompt,
        completion="".join(piece.text for piece in pieces),
        question_id=question.id,
        source=source,
        unlearned=tuple(unlearned(pieces, LEARNED[blend.loss])),
    )


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
