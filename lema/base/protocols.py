"""The one page that an extender reads: what each kind of component must do.

A component is a `Spec`: a frozen value, cheap to build, importable without torch. What costs memory,
a GPU or a connection exists only inside `with component.open(...)`.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Annotated, Any, Literal, Protocol, runtime_checkable

import msgspec
from pydantic import Field

from lema.base.errors import ConfigError
from lema.base.records import Correction, Evolved, Judgement, Question, Seed, Solution
from lema.base.spec import Spec, since, spec


class Prompt(msgspec.Struct, frozen=True, kw_only=True):
    """One request to an engine.

    `seed` makes sampling independent of batching: equal prompt, seed and sampling give equal text.
    `fields` are the values that the text was made of (`question`, `solution`); the `recorded`
    engine looks rows up by them.
    """

    id: str
    text: str
    chat: bool = False  # True: the text is one user turn of the model's chat template
    seed: int = 0
    fields: dict[str, str] = {}


class Reply(msgspec.Struct, frozen=True, kw_only=True):
    """One sampled continuation."""

    text: str
    finish_reason: str = "stop"  # "stop" or "length"; without a text also one of `UNANSWERED`
    prompt_tokens: int = 0
    completion_tokens: int = 0
    logprobs: tuple[float, ...] | None = None  # one a completion token, when asked for
    choices: tuple[float, ...] | None = None  # log-probability of each of `Sampling.choices`, in their order


ESCAPE = re.compile(r"\\[nrt](?![a-z])")  # and not \\neq or \\text
#: Why a prompt has no answer, as `Reply.finish_reason` -> the reason of rejection that it is counted under.
UNANSWERED: dict[str, Literal["refused", "server_error", "no_content"]] = {
    "refused": "refused",  # by a server, for good: a filter of contents, a prompt that is too long
    "error": "server_error",  # in every try
    "empty": "no_content",  # in every try
}


@spec
class Sampling(Spec):
    """How to draw continuations. Temperature 0 is greedy.

    With `choices` nothing is written freely: a reply is one of these texts, and says the natural
    log-probability that the model gives to each of them right after the prompt (`Reply.choices`): the
    sum over the tokens of the text, tokenised apart from the prompt, without an end token. So " yes"
    and "yes" are different choices, and their probabilities do not add up to 1. The text is the most
    likely choice, or, above temperature 0, drawn in proportion to probability ** (1 / temperature);
    `top_p`, `max_tokens` and `stop` do not count. An engine that cannot do this raises ConfigError.

        labels = (" yes", " no")
        replies = complete(prompts, Sampling(choices=labels))
        scores = [dict(zip(labels, reply.choices)) for (reply,) in replies]
    """

    kind = "sampling"
    n: Annotated[int, Field(ge=1)] = 1
    temperature: Annotated[float, Field(ge=0)] = 0.0
    top_p: Annotated[float, Field(gt=0, le=1)] = 1.0
    max_tokens: Annotated[int, Field(ge=1)] = 512
    stop: tuple[str, ...] = ()  # the stop string itself is not part of the text
    logprobs: bool = False
    choices: tuple[str, ...] = since(default=())

    def check(self) -> None:
        for end in self.stop:
            if ESCAPE.search(end):
                raise ConfigError(
                    f"stop: {end!r} holds a backslash and a letter, not a line break, and would never be met. Write "
                    '"\\n" in double quotes, in YAML and inside of the brackets on the command line.'
                )
        if not all(self.choices) or len(set(self.choices)) < len(self.choices):
            raise ConfigError(f"choices: expected different texts that are not empty, got {list(self.choices)}")
        if self.choices and self.logprobs:
            raise ConfigError("logprobs: replies to `choices` have the log-probabilities of the choices; leave it out")


#: n replies for each prompt, in the order given; fewer only from an engine that plays back what was recorded.
Complete = Callable[[Sequence[Prompt], Sampling], list[list[Reply]]]


@runtime_checkable
class Engine(Protocol):
    """Draws text from a model.

    One whose answers cannot be begun in the prompt says so with a class attribute, `continues = False`.
    """

    @property
    def name(self) -> str:
        """Short name of the model, used in ids and reports: letters, digits, `-`, `_` and `.`."""
        ...

    def open(self, *, checkpoint: Path | None = None, replies: Path | None = None) -> AbstractContextManager[Complete]:
        """Acquire the model.

        Args:
            checkpoint: folder of a trained model or adapter to use in place of the base weights.
            replies: folder in which an engine that pays for replies keeps each one, before use.

        Raises:
            MissingExtra: the library that this engine needs is not installed.
        """
        ...


@runtime_checkable
class Verifier(Protocol):
    """Judges a text by its final answer."""

    def judge(self, text: str, question: Question) -> Judgement: ...

    def equal(self, answer: str, other: str) -> bool:
        """Whether two extracted answers are one: symmetric, and True for an answer and itself."""
        ...


@runtime_checkable
class Task(Protocol):
    """A set of questions with reference answers, in named splits."""

    @property
    def name(self) -> str: ...

    @property
    def verifier(self) -> Verifier: ...

    @property
    def splits(self) -> tuple[str, ...]: ...

    @property
    def test_split(self) -> str:
        """The split that results are reported on."""
        ...

    def questions(self, split: str, start: int = 0, stop: int | None = None) -> list[Question]:
        """The questions of a slice of a split, in a fixed order, with unique and stable ids.

        Raises:
            InputError: the data is missing or malformed, or has fewer rows than asked for.
        """
        ...

    def steps(self, question: Question) -> list[str]:
        """The reference path as texts of numbered steps, the last one `The answer is X.`"""
        ...


#: One correction for each (question, wrong path), in order; those that failed carry `reject`.
Correct = Callable[[Sequence[tuple[Question, Solution]]], list[Correction]]


@runtime_checkable
class Corrector(Protocol):
    """Names the first wrong step of a path, explains it, and finishes the solution from there.

    A corrector does not judge its own answer and never sees whether it is right: the stage keeps a
    correction iff its final answer is.
    """

    @property
    def name(self) -> str: ...

    def open(self, *, replies: Path | None = None) -> AbstractContextManager[Correct]: ...


class TrainJob(msgspec.Struct, frozen=True, kw_only=True):
    """What training ranks are given: files in, folder out, and no store."""

    model: dict[str, Any]  # fields of the model spec
    trainer: dict[str, Any]  # fields of the trainer spec
    base: str | None  # checkpoint folder to start from, in place of the model's own weights
    examples: str  # JSONL of Example
    chat: bool
    seed: int
    work: str  # folder that survives kills: checkpoints, logs
    output: str  # folder of the finished model or adapter; checkpoints that are kept go to `checkpoints/` beside it
    tracking: dict[str, Any] = {}  # W&B: project, group, run id, mode; empty for none


@runtime_checkable
class Trainer(Protocol):
    """Fine-tunes a model on examples, in processes of its own."""

    def check_model(self, model: Any, *, from_checkpoint: bool) -> None:
        """Raise ConfigError for a model that cannot be trained this way."""
        ...

    def placed(self, nodes: int = 1, per_node: int | None = None) -> Trainer:
        """This trainer in a job of so many nodes, with so many ranks on each (None: the job leaves that open).

        Raises:
            ConfigError: it cannot be split like that.
        """
        ...

    def train(self, job: TrainJob, progress: Callable[[int, int], None]) -> dict[str, Any]:
        """Run or resume the job and return its summary (steps, tokens, final loss, seconds).

        `progress` is told (steps done, steps in all).

        Raises:
            InputError: too many examples are longer than the limit.
            Preempted: the machine asked us to stop; a checkpoint is in `job.work`.
        """
        ...


#: What became of each seed, in order; those without a new question carry `reject`.
Evolve = Callable[[Sequence[Seed]], list[Evolved]]


@runtime_checkable
class Evolver(Protocol):
    """Makes a new question from each seed; the new one names the seed's question as its parent.

    A question comes from its seed alone, never from what else is in the batch.
    """

    @property
    def name(self) -> str: ...

    @property
    def labels(self) -> bool:
        """Whether its questions have reference answers. Those of an evolver that gives none are voted on."""
        ...

    def check_task(self, task: Task) -> None:
        """Raise ConfigError for a task whose questions it cannot evolve."""
        ...

    def open(self, task: Task, *, replies: Path | None = None) -> AbstractContextManager[Evolve]: ...
