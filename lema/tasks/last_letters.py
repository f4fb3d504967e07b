"""Last-Letter (Wei et al., 2022): the last letters of four names, put together. See `lema.data.symbolic`."""

from __future__ import annotations

from lema.base.errors import InputError
from lema.base.protocols import Verifier
from lema.base.reasoning_steps import MARKER
from lema.base.records import Question
from lema.base.spec import runtime, spec
from lema.data import symbolic
from lema.data.datasets import Dataset, Published


class Row(symbolic.Row):
    """A row; the answer is a string of letters."""

    def to_question(self) -> Question:
        return self.question_of("last_letters")


@spec
class LastLetters(Published):
    """Questions of Last-Letter, splits `train` and `test`, from `path`, a folder with `last_letters.json`."""

    kind = "last_letters"
    verifier: Verifier
    path: str | None = runtime(default=None)

    @property
    def data(self) -> Dataset:
        return symbolic.dataset(self.name, "last_letters.json", Row, self.path)

    def steps(self, question: Question) -> list[str]:
        """The last letter of each name, and all of them: written here from the question's words.

        Raises:
            InputError: the question is worded in another way.
        """
        names = symbolic.names(question.text, question.answer)
        if names is None:
            raise InputError(
                f"question {question.id}: no path can be written, as it is not worded as Last-Letter's are, or its "
                "words do not give its answer"
            )
        steps = [f'The last letter of "{name}" is "{name[-1].lower()}".' for name in names]
        together = "-".join(name[-1].lower() for name in names)
        return [*steps, f"Put together they are {together}.", f"{MARKER} {question.answer}."]
