"""Mistakes that are noticed on the way: question in; the path up to its wrong step, then the correction, out."""

from __future__ import annotations

from collections.abc import Iterator

from lema.base.spec import spec
from lema.data.formats import Format
from lema.lessons.corrected import Loss, corrected
from lema.lessons.lesson import Lesson, Material, Taught


@spec
class MistakeInTarget(Lesson):
    """What a model that makes a mistake and notices it would write. The paper does not have this control.

    `loss` says what of the target is learned: all of it, nothing but the steps that the correction changed, or
    everything but the wrong step.
    """

    kind = "mistake_in_target"
    needs = ("corrections",)
    loss: Loss = "completion"

    def examples(self, material: Material, format_: Format) -> Iterator[Taught]:
        for one in corrected(material):
            pieces = format_.mistake_in_target(one.correction, one.wrong)
            yield one.taught(format_.cot_prompt(one.question), pieces, "mistake_in_target", self.loss)
