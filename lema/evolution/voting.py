"""Labels by majority: the answer that most of several sampled solutions agree on (paper §2.2)."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from msgspec.structs import replace

from lema.base import prompts
from lema.base.errors import ConfigError, InputError
from lema.base.judged_stretch import judged
from lema.base.protocols import Engine, Prompt, Reply, Sampling, Task, Verifier
from lema.base.records import Evolved, Question, Verdict
from lema.base.spec import Spec, since, spec
from lema.data.formats import Format

#: (the question that was drawn, what became of it)
Unlabelled = tuple[Question, Evolved]
Label = Callable[[Sequence[Unlabelled]], list[Evolved]]


@spec
class Voting(Spec):
    """Who answers new questions, and how often: more than half of the answers must agree (the paper: 2 of 3).

    Answers agree iff the task's verifier says that they are equal, however they are written. A text whose answer cannot
    be read does not vote, and still counts among those asked.

    `format` is how the answers are asked for, of a model that was not fine-tuned; None takes the experiment's.
    """

    kind = "voting"
    engine: Engine
    sampling: Sampling = Sampling(n=3, temperature=0.7)
    seed: int = 0
    format: Format | None = since(default=None)

    def check(self) -> None:
        if self.sampling.n < 2:
            raise ConfigError(f"voting.sampling.n: one sample is no vote; give at least 2, got {self.sampling.n}")
        if self.sampling.temperature == 0:
            raise ConfigError(
                f"voting.sampling.temperature: {self.sampling.n} greedy answers are one, {self.sampling.n} times over. "
                "Give a temperature above 0."
            )

    @contextmanager
    def open(self, task: Task, format_: Format, *, replies: Path | None = None) -> Iterator[Label]:
        """Acquire the engine."""
        with self.engine.open(replies=replies) as complete:

            def label(chunk: Sequence[Unlabelled]) -> list[Evolved]:
                children = [made.question for _, made in chunk if made.question is not None]
                form = self.format or format_
                answered = complete([self.ask(child, form) for child in children], self.sampling)
                return [
                    self.decide(seed, made, several, task.verifier)
                    for (seed, made), several in zip(chunk, answered, strict=True)
                ]

            yield label

    def ask(self, question: Question, format_: Format) -> Prompt:
        """The request for solutions of one new question."""
        return Prompt(
            id=question.id,
            text=format_.cot_prompt(question),
            chat=format_.chat,
            seed=prompts.seed(self.seed, question.id),
            fields={"question": question.text},
        )

    def decide(self, seed: Question, made: Evolved, replies: Sequence[Reply], verifier: Verifier) -> Evolved:
        """The new question with the answer of the majority as its reference, or rejected for want of one."""
        assert made.question is not None
        answers = tuple(vote(judged(reply.text), made.question, seed.answer, verifier) for reply in replies)
        first = majority(answers, verifier.equal, of=self.sampling.n)
        if first is None:
            return replace(made, answers=answers, reject="no_majority" if any(answers) else "no_answers")
        label = answers[first]
        assert label is not None
        return replace(
            made, answers=answers, question=replace(made.question, answer=label, solution=judged(replies[first].text))
        )


def vote(text: str, question: Question, reference: str, verifier: Verifier) -> str | None:
    """The answer in a text, if it can serve as a reference: judged against itself it is right.

    Args:
        reference: any answer of the task; verifiers read texts only beside one.
    """
    answer = verifier.judge(text, replace(question, answer=reference)).answer
    if answer is None:
        return None
    try:
        again = verifier.judge(text, replace(question, answer=answer))
    except InputError:  # "12 or 13" is an answer that no reference can be
        return None
    return answer if again.verdict is Verdict.RIGHT else None


def majority(answers: Sequence[str | None], equal: Callable[[str, str], bool], *, of: int) -> int | None:
    """The position of the first answer that more than half of `of` are equal to; None when there is none."""
    for first, answer in enumerate(answers):
        if answer is not None:
            agree = sum(other is not None and equal(answer, other) for other in answers)
            if 2 * agree > of:
                return first
    return None
