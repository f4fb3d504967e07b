"""Coin-Flip (Wei et al., 2022): people flip a coin or leave it; is it still heads up? See `lema.data.symbolic`."""

from __future__ import annotations

from lema.base.errors import InputError
from lema.base.protocols import Verifier
from lema.base.reasoning_steps import MARKER
from lema.base.records import Question
from lema.base.spec import runtime, spec
from lema.data import symbolic
from lema.data.datasets import Dataset, Published


class Row(symbolic.Row):
    """A row; the answer is yes or no."""

    def to_question(self) -> Question:
        return self.question_of("coin_flip")


@spec
class CoinFlip(Published):
    """Questions of Coin-Flip, splits `train` and `test`, from `path`, a folder with `coin_flip.json`."""

    kind = "coin_flip"
    verifier: Verifier
    path: str | None = runtime(default=None)

    @property
    def data(self) -> Dataset:
        return symbolic.dataset(self.name, "coin_flip.json", Row, self.path)

    def steps(self, question: Question) -> list[str]:
        """How the coin lies after each person, and the answer: written here from the question's words.

        Raises:
            InputError: the question is worded in another way.
        """
        said = symbolic.flips(question.text)
        if said is None:
            raise InputError(f"question {question.id}: no path can be written, as it is not worded as Coin-Flip's are")
        heads, steps = True, ["The coin starts heads up."]
        for name, flipped in said:
            heads = heads != flipped
            did = "flips the coin, so it is now" if flipped else "leaves the coin, so it is still"
            steps.append(f"{name} {did} {'heads' if heads else 'tails'} up.")
        return [*steps, f"{MARKER} {'yes' if heads else 'no'}."]
