"""How large a model's output space is where it answers (PaD, arXiv 2305.13888, its last analysis).

PaD says that programs make the space of predictions smaller. Measured here under teacher forcing, on held-out questions
with a right target in the form that the model answers in: how surprised the model is by it, and how many next tokens it
hesitates between. Tokens of different forms are not comparable (a program has fewer, and says more with each), so bits
are also given for whole questions.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Annotated, Any, Literal

from pydantic import Field

from lema.answering.answering import Writes
from lema.base.errors import ConfigError
from lema.base.protocols import Task
from lema.base.question_slice import Slice
from lema.base.records import Example, Record
from lema.base.spec import runtime, spec
from lema.base.stats import bounds_of, resampled_sums
from lema.data.formats import Format
from lema.lessons.programs import program_example
from lema.lessons.right_paths import path_example
from lema.lm.model import Model
from lema.lm.prediction import open_predictor
from lema.pad.written import Written
from lema.stages.sampling import checkpoint_of
from lema.store import Work
from lema.store.stage import Inputs, Stage

if TYPE_CHECKING:
    from lema.base.stats import Matrix

Value = tuple[float, float | None, float | None]  # with the bounds of its 95 % interval, where there can be one


class Space(Record, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The target of one question under a model: sums over its tokens, the end token with them."""

    question_id: str
    tokens: int
    bits: float  # -log2 of the target's probability
    entropy: float  # of each next token, in bits
    top: int  # tokens that the model finds likeliest where they stand


@spec
class OutputSpace(Stage):
    """Predictions of a model, base or trained, on gold targets of held-out questions: `output_space.jsonl`.

    Args:
        target: what a question is answered with: its reference path, the last step of that, or a program.
        programs: a synthesis on these questions, of which the first kept program of each is the target. A question
            without one has no row.
        seed: of the bootstrap.
    """

    kind = "output_space"
    needs = "gpu"
    heavy = True
    task: Task
    questions: Slice
    target: Writes
    model: Model
    format: Format
    programs: Stage | None = None
    trained: Stage | None = None
    quantised: bool = False
    seed: int = 0
    device: Literal["auto", "cpu", "cuda"] = runtime(default="auto")
    batch_tokens: Annotated[int, Field(ge=1)] = runtime(default=8192)
    part: Annotated[int, Field(ge=1)] = runtime(default=500)

    def check(self) -> None:
        if (self.target == "program") != (self.programs is not None):
            raise ConfigError(f"programs: a synthesis is given iff the target is a program, and it is {self.target}")

    def run(self, inputs: Inputs, work: Work) -> dict[str, Any]:
        examples = list(self.examples(inputs))
        checkpoint = checkpoint_of(self.trained, inputs)
        with open_predictor(
            self.model,
            checkpoint,
            chat=self.format.chat,
            quantised=self.quantised,
            device=self.device,
            batch_tokens=self.batch_tokens,
        ) as predict:

            def look(chunk: Sequence[Example]) -> list[Space]:
                return [
                    Space(
                        question_id=example.question_id,
                        tokens=found.tokens,
                        bits=found.bits,
                        entropy=found.entropy,
                        top=found.top,
                    )
                    for example, found in zip(chunk, predict(chunk), strict=True)
                ]

            rows = work.map("output_space", examples, look, Space, part=self.part, unit="questions")
        work.write("output_space.jsonl", rows)
        asked = len(self.task.questions(self.questions.split, self.questions.start, self.questions.stop))
        counts = {
            "questions": len(rows),
            "without_target": asked - len(rows),
            "tokens": sum(row.tokens for row in rows),
        }
        if not rows:
            return counts | dict.fromkeys(MEASURES)
        return counts | {name: list(value) for name, value in measured(columns(rows), self.seed).items()}

    def examples(self, inputs: Inputs) -> Iterator[Example]:
        """The gold target of each question that has one, worded as in training."""
        where = self.questions
        questions = self.task.questions(where.split, where.start, where.stop)
        first: dict[str, str] = {}
        if self.programs is not None:
            for row in inputs(self.programs).rows("programs.jsonl", Written):
                first.setdefault(row.question_id, row.text)
        for question in questions:
            if self.target != "program":
                steps = self.task.steps(question)[-1 if self.target == "answer" else 0 :]
                yield path_example(self.format, question, steps, "cot")
            elif question.id in first:
                yield program_example(self.format, question, first[question.id])


#: What is measured, in order; `measures` says how.
MEASURES = ("question_bits", "token_bits", "entropy", "vocabulary", "top")


def columns(rows: Sequence[Space]) -> Matrix:
    """Sums of each question, [bits, entropy, top, tokens, 1] x questions."""
    import numpy as np

    sums = [(row.bits, row.entropy, row.top, row.tokens, 1) for row in rows]
    return np.array(sums, dtype=np.float64).T.copy()  # rows that lie together are summed alike, however many there are


def measures(sums: Matrix) -> dict[str, Matrix]:
    """From sums over questions, as `columns` has them, in any number:

    question_bits: -log2 of a target's probability, mean over questions.
    token_bits: the same, mean over tokens.
    entropy: of the distribution of a next token in bits, mean over tokens.
    vocabulary: exp(H), as many equally likely next tokens as have this mean entropy.
    top: share of tokens that the model finds likeliest where they stand.
    """
    bits, entropy, top, tokens, questions = sums
    return {
        "question_bits": bits / questions,
        "token_bits": bits / tokens,
        "entropy": entropy / tokens,
        "vocabulary": 2 ** (entropy / tokens),
        "top": top / tokens,
    }


def measured(held: Matrix, seed: int) -> dict[str, Value]:
    """Each measure with its interval over questions."""
    draws = measures(resampled_sums(held, seed)) if held.shape[1] > 1 else {}
    return valued(measures(held.sum(axis=1)), draws)


def differences(first: Matrix, second: Matrix, seed: int) -> dict[str, Value]:
    """Each measure of `second` less that of `first`, which is of the same questions in the same order."""
    import numpy as np

    half = len(first)
    here = less(measures(second.sum(axis=1)), measures(first.sum(axis=1)))
    draws: Mapping[str, Matrix] = {}
    if first.shape[1] > 1:
        both = resampled_sums(np.concatenate([first, second]), seed)
        draws = less(measures(both[half:]), measures(both[:half]))
    return valued(here, draws)


def less(second: Mapping[str, Matrix], first: Mapping[str, Matrix]) -> dict[str, Matrix]:
    return {name: held - first[name] for name, held in second.items()}


def valued(here: Mapping[str, Matrix], draws: Mapping[str, Matrix]) -> dict[str, Value]:
    none = (None, None)
    return {name: (float(value), *(bounds_of(draws[name]) if draws else none)) for name, value in here.items()}
