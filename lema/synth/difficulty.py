"""The dials of a generated problem, and the named settings of them."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from lema.errors import ConfigError
from lema.spec import Spec, spec

LARGEST_BOUND = 100  # every whole number up to it is one token of the shipped tokenizer


@spec
class Difficulty(Spec):
    """How hard problems are. Ranges hold both ends."""

    kind = "difficulty"
    operations: tuple[int, int]  # that the answer needs
    longer: tuple[int, int]  # the same, in the split `test_longer`
    distractors: tuple[int, int]  # quantities that the answer does not need
    bound: Annotated[int, Field(ge=20, le=LARGEST_BOUND)] = 60  # on every number and result
    given: Annotated[int, Field(ge=5)] = 20  # on the numbers that the text states for a quantity
    shuffle: Annotated[float, Field(ge=0, le=1)] = 0.0  # share of problems told out of order
    one_each: bool = True  # nobody owns two kinds of things, beside the containers of what they own

    def check(self) -> None:
        for name, lowest, highest in (("operations", 1, 8), ("longer", 1, 8), ("distractors", 0, 4)):
            low, high = getattr(self, name)
            if not lowest <= low <= high <= highest:
                raise ConfigError(
                    f"difficulty.{name}: expected {lowest} <= low <= high <= {highest}, got [{low}, {high}]"
                )
        if self.longer[0] <= self.operations[1]:
            raise ConfigError(
                f"difficulty.longer starts at {self.longer[0]}, but problems of up to {self.operations[1]} "
                "operations are trained on: start it above that"
            )
        if self.given > self.bound:
            raise ConfigError(f"difficulty.given is {self.given}, above difficulty.bound, which is {self.bound}")


LEVELS = {
    "easy": Difficulty(operations=(2, 3), longer=(4, 6), distractors=(0, 1), bound=40, given=15),
    "default": Difficulty(operations=(2, 4), longer=(5, 8), distractors=(0, 1)),
    "hard": Difficulty(operations=(4, 6), longer=(7, 8), distractors=(1, 3), shuffle=0.5, one_each=False),
}
