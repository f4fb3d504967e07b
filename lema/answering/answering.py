"""How a model answers a question: the seam that evaluation, selection and the sampling of mistakes share.

An answering samples (`open`), and says what of the samples is the model's answer (`settle`). A new one is one file and
one YAML:

    @spec
    class LastOfTwo(Answering):
        kind = "last_of_two"

        @contextmanager
        def open(self, setting, complete, scorer=None):
            yield lambda questions: [...]  # `Solution`s of these questions, several of each if need be

        def settle(self, question, samples, verifier):
            return Answer(solutions=samples[-1:], measures={"first try": float(samples[0].verdict == "right")})
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, ClassVar, Literal, Self

from lema.base.protocols import Complete, Engine, Sampling, Task, Verifier
from lema.base.records import Question, Record, Solution
from lema.base.spec import Spec
from lema.data.formats import Format
from lema.store.stage import held_values

Writes = Literal["path", "answer", "program"]  # what a model was taught to answer a question with
#: Sampled and judged solutions of some questions, those of a question one after the other.
Solve = Callable[[Sequence[Question]], list[Solution]]


@dataclass(frozen=True, kw_only=True)
class Setting:
    """What is asked, of whom and how: the same for all questions of a stage."""

    task: Task
    format: Format
    sampling: Sampling
    seed: int
    reasoner: str  # name of the model that answers, in ids of solutions


@dataclass(frozen=True, kw_only=True)
class Answer:
    """What a model answers one question with: one solution for each answer that was asked for.

    `measures` are shares, from 0 to 1, that are told beside the verdict, by name; one that says nothing of this
    question is left out.
    """

    solutions: Sequence[Solution]
    measures: Mapping[str, float] = field(default_factory=dict)


class Measured(Record, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The measures of one question: a row of `measures.jsonl`."""

    question_id: str
    measures: dict[str, float]


class Answering(Spec):
    """Base of all answerings: what most of them share. Decorate each with `@spec` and give it a `kind`."""

    regradable: ClassVar[bool] = False  # its solutions can be judged again by a grader that reads paths

    def learned(self, writes: Writes) -> Answering:  # noqa: ARG002
        """The answering of a model that writes this.

        Raises:
            ConfigError: such a model cannot answer this way.
        """
        return self

    def once(self) -> Answering:
        """The same without what makes one answer cost several: for choosing checkpoints, candidates, training data."""
        return self

    def check_engine(self, engine: Engine) -> None:
        """Raise ConfigError for an engine that cannot be asked this way."""

    def draws(self, sampling: Sampling) -> Sampling:
        """What is really drawn for each question where this is asked for."""
        return sampling

    def open(self, setting: Setting, complete: Complete, scorer: Path | None = None) -> AbstractContextManager[Solve]:
        """Acquire what answering needs beside the model.

        Args:
            complete: the engine, open.
            scorer: checkpoint of the model that scores parts of answers, where this one has such a model trained.
        """
        raise NotImplementedError

    def same(self, one: str, other: str, verifier: Verifier) -> bool:
        """Whether two extracted answers are one."""
        return verifier.equal(one, other)

    def settle(self, question: Question, samples: Sequence[Solution], verifier: Verifier) -> Answer:  # noqa: ARG002
        """What the samples of a question come to; the verifier tells equal answers, and says nothing of right ones."""
        return Answer(solutions=samples)

    def summary(self, questions: Sequence[Question], solutions: Sequence[Solution]) -> dict[str, Any]:  # noqa: ARG002
        """What a stage's summary shows of the solutions beside counts of verdicts."""
        return {}

    def inside(self) -> Iterator[Self | Answering]:
        """This answering, and those that it is made of."""
        yield self
        yield from (held for held in held_values(self) if isinstance(held, Answering))
