"""Corrections (LEMA, paper §2.3): question and wrong path in; the wrong step, the reason, and the right rest out."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Literal, get_args

from lema.base.errors import ConfigError
from lema.base.spec import spec
from lema.data.correction_wording import Part
from lema.data.formats import Format
from lema.lessons.corrected import corrected
from lema.lessons.lesson import Lesson, Material, Taught


@spec
class Corrections(Lesson):
    """Accepted corrections, as the paper has them.

    Args:
        without: parts that are left out (App. D.4, Fig. 12).
        loss: what of the target is learned: all of it, or nothing but the steps that the correction changed.
    """

    kind = "corrections"
    needs = ("corrections",)
    without: tuple[Part, ...] = ()
    loss: Literal["completion", "changed_steps"] = "completion"

    def check(self) -> None:
        if len(set(self.without)) < len(self.without) or len(self.without) == len(get_args(Part)):
            raise ConfigError(f"without: leave out at most two different parts, not {', '.join(self.without)}")
        if self.loss == "changed_steps" and "solution" in self.without:
            raise ConfigError("loss=changed_steps: without the solution there are no corrected steps to learn")

    def examples(self, material: Material, format_: Format) -> Iterator[Taught]:
        for one in corrected(material):
            prompt = format_.correction_prompt(one.question, one.wrong, self.without)
            pieces = format_.correction_pieces(one.correction, one.wrong, self.without)
            yield one.taught(prompt, pieces, "correction", self.loss)
