"""The solutions that corrections contain: question in, right path out, without the mistake."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Literal

from lema.base.spec import spec
from lema.data.formats import Format
from lema.lessons.corrected import corrected
from lema.lessons.lesson import Lesson, Material, Taught


@spec
class CotFromCorrections(Lesson):
    """The path's steps before the wrong one, then the corrected ones: as many examples on the same questions as
    `Corrections` has (CoT-45K of paper §4.1).

    `loss` says what of the target is learned: all of it, or nothing but the steps that the correction changed.
    """

    kind = "cot_from_corrections"
    needs = ("corrections",)
    writes = "path"
    loss: Literal["completion", "changed_steps"] = "completion"

    def examples(self, material: Material, format_: Format) -> Iterator[Taught]:
        for one in corrected(material):
            kept = one.wrong[: (one.correction.step or 1) - 1]
            pieces = format_.path_pieces(one.question, kept, one.correction.solution)
            yield one.taught(format_.cot_prompt(one.question), pieces, "cot_from_correction", self.loss)
