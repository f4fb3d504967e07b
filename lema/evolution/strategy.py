"""Which questions are evolved, how often, and by whom (`evolution_strategy`)."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import Annotated, Literal

from pydantic import Field

from lema.base.errors import ConfigError, InputError
from lema.base.protocols import Evolver
from lema.base.spec import Spec, spec
from lema.evolution.voting import Voting
from lema.likeness import Decontamination, NearDuplicates
from lema.synth.draw import Draw


@spec
class Strategy(Spec):
    """Where new questions come from (paper §2.2, App. C.5).

    `seeds_from` is what seeds are drawn from, always with replacement: `corrections` draws rows of the correction
    data, so that a question is drawn in proportion to how many accepted corrections it has
    (correction-centric evolution); `task` draws from all questions that mistakes are collected on (general evolution).

    Each round samples and corrects mistakes on the new questions; from the second on they are those of
    the model that was fine-tuned with the data of the rounds before.

    `voting` labels the new questions; None takes the answers that the evolver gives. `near_duplicates` and
    `decontamination` say which new questions repeat another, or one that is scored; generated problems are
    compared exactly, whatever these say.
    """

    kind = "evolution_strategy"
    name: str
    seeds_from: Literal["corrections", "task"]
    evolver: Evolver
    count: Annotated[int, Field(ge=1)] = 10_000
    rounds: Annotated[int, Field(ge=1)] = 1
    voting: Voting | None = None
    near_duplicates: NearDuplicates = NearDuplicates()
    decontamination: Decontamination = Decontamination()
    seed: int = 0

    def check(self) -> None:
        if self.voting is None and not self.evolver.labels:
            raise ConfigError(
                f"evolution_strategy.voting: {self.evolver.name} writes questions without answers. "
                "Say who answers them: evolution_strategy=teacher_general or teacher_correction_centric do."
            )


def draw_seeds(ids: Sequence[str], count: int, seed: int) -> list[tuple[str, int]]:
    """`count` draws with replacement from rows of question ids: (id, number of this draw among those of the id).

    Raises:
        InputError: there is nothing to draw from.
    """
    if not ids:
        raise InputError(
            "evolution has no seeds: there is not one accepted correction, or not one question, to draw from. "
            "Collect more mistakes: generation.questions.stop, generation.sampling.n."
        )
    draw = Draw("evolution seeds", seed)
    copies: Counter[str] = Counter()
    seeds = []
    for _ in range(count):
        drawn = draw.pick(ids)
        seeds.append((drawn, copies[drawn]))
        copies[drawn] += 1
    return seeds
