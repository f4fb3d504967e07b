"""Resuming: question and the path up to its first wrong step in, the corrected steps out."""

from __future__ import annotations

from collections.abc import Iterator

from lema.base.spec import spec
from lema.data.correction_wording import Piece
from lema.data.formats import Format
from lema.lessons.corrected import corrected
from lema.lessons.lesson import Lesson, Material, Taught


@spec
class Resume(Lesson):
    """What a model that is right so far should write next, learned where it once went wrong.

    The right steps before the mistake are part of the prompt; in a chat, where a prompt is the user's turn, they begin
    the answer. Either way nothing but the corrected steps is learned, and the mistake is nowhere.
    """

    kind = "resume"
    needs = ("corrections",)
    writes = "path"

    def examples(self, material: Material, format_: Format) -> Iterator[Taught]:
        for one in corrected(material):
            before = one.wrong[: (one.correction.step or 1) - 1]
            pieces = format_.path_pieces(one.question, before, one.correction.solution)
            kept, changed = pieces[: len(before)], pieces[len(before) :]
            prompt = format_.cot_prompt(one.question)
            if format_.chat:
                yield one.taught(prompt, [*kept, *changed], "resume", "changed_steps")
            else:
                yield one.taught(prompt + joined(kept), changed, "resume")


def joined(pieces: list[Piece]) -> str:
    return "".join(piece.text for piece in pieces)
