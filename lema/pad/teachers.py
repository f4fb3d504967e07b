"""Who writes the programs that students learn from (paper §3.1)."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from typing import Annotated, Protocol, runtime_checkable

from pydantic import Field

from lema.base import prompts
from lema.base.errors import ConfigError, InputError
from lema.base.protocols import Engine, Prompt, Reply, Sampling, Task
from lema.base.question_slice import Slice
from lema.base.records import Question
from lema.base.spec import Spec, digest, runtime, spec
from lema.pad.demos import demonstrations
from lema.pad.executing import Executing, Run
from lema.pad.forms import written
from lema.pad.slips import blunder
from lema.synth.draw import Draw
from lema.synth.problem import read_trace
from lema.synth.programs import VARIANTS, program_lines

#: Programs for each question, in order.
Write = Callable[[Sequence[Question]], list[list[Reply]]]
Share = Annotated[float, Field(ge=0, le=1)]


@runtime_checkable
class Writer(Protocol):
    """Writes several programs for each question. It never sees the reference answers of those questions."""

    @property
    def name(self) -> str: ...

    @property
    def per_question(self) -> int:
        """How many programs a question gets, at most."""
        ...

    def open(
        self, task: Task, executing: Executing, run: Run, *, replies: Path | None = None
    ) -> AbstractContextManager[Write]: ...


@spec
class Asked(Spec):
    """An engine that is asked once with each of several sets of demonstrations (the paper: 8 sets of 4).

    The sets are different training questions, drawn by `seed`, with programs that were run and are right. A question
    among them is left out of its own request.
    """

    kind = "asked_programs"
    engine: Engine
    demos: Slice
    sets: Annotated[int, Field(ge=1, le=64)] = 8
    shots: Annotated[int, Field(ge=1, le=16)] = 4
    sampling: Sampling = Sampling(temperature=1.0, max_tokens=512, stop=("\n\nQuestion:",))
    prompt: str = runtime(default="programs")  # a file of lema/prompts; its text is in the fingerprint
    chat: bool = False
    seed: int = 0

    @property
    def name(self) -> str:
        return self.engine.name

    @property
    def per_question(self) -> int:
        return self.sets * self.sampling.n

    def check(self) -> None:
        try:
            prompts.read(self.prompt)
        except ConfigError as fault:
            raise ConfigError(f"teacher.prompt: {fault}") from None

    def fingerprint(self) -> Mapping[str, str]:
        return {"prompt": digest(prompts.read(self.prompt).encode())}

    @contextmanager
    def open(self, task: Task, executing: Executing, run: Run, *, replies: Path | None = None) -> Iterator[Write]:
        """Run the demonstrations and acquire the engine.

        Raises:
            InputError: too few of the training questions have a program that is right.
        """
        template = prompts.read(self.prompt)
        held = self.demonstrations(task, executing, run)
        with self.engine.open(replies=replies) as complete:

            def write(questions: Sequence[Question]) -> list[list[Reply]]:
                asked = [
                    self.ask(question, held, number, template) for question in questions for number in range(self.sets)
                ]
                answered = iter(complete(asked, self.sampling))
                return [[reply for _ in range(self.sets) for reply in next(answered)] for _ in questions]

            yield write

    def demonstrations(self, task: Task, executing: Executing, run: Run) -> list[list[tuple[Question, str]]]:
        """The sets, which share no question."""
        where = self.demos
        questions = task.questions(where.split, where.start, where.stop)
        right = demonstrations(task, questions, executing, run)
        wanted = self.sets * self.shots
        if len(right) < wanted:
            raise InputError(
                f"synthesis.teacher.demos: {self.sets} sets of {self.shots} examples need {wanted} questions with "
                f"a program that runs and is right, and {where} of {task.name} has {len(right)} (made from traces, "
                "calculator notes, or the words of symbolic tasks). Give more questions, or fewer sets or shots."
            )
        drawn = random.Random(self.seed).sample(right, wanted)
        return [drawn[start : start + self.shots] for start in range(0, wanted, self.shots)]

    def ask(
        self, question: Question, held: Sequence[Sequence[tuple[Question, str]]], number: int, template: str
    ) -> Prompt:
        shown = [(other, program) for other, program in held[number] if other.id != question.id]
        examples = "\n\n".join(f"Question: {other.text}\nProgram:\n{program}" for other, program in shown)
        return Prompt(
            id=f"{question.id}/{number}",
            text=prompts.render(template, examples=examples, question=question.text),
            chat=self.chat,
            seed=prompts.seed(self.seed, question.id, number),
            fields={"question": question.text},
        )


@spec
class Traces(Spec):
    """Writes the trace of a generated problem as a program, in several ways (`lema.synth.programs`).

    Args:
        variants: programs a question, of at most 8 ways; ways that come to the same program are left out later.
        wrong: share of programs with a number that the question does not state, as a teacher misreads one.
        broken: share of programs that use a name which nothing defines.
    """

    kind = "trace_programs"
    version = 3  # given numbers have names in the first four ways
    name: str = "traces"
    variants: Annotated[int, Field(ge=1, le=VARIANTS)] = 4
    wrong: Share = 0.0
    broken: Share = 0.0
    seed: int = 0

    @property
    def per_question(self) -> int:
        return self.variants

    def check(self) -> None:
        if self.wrong + self.broken > 1:
            raise ConfigError(f"teacher: wrong + broken must not be above 1, got {self.wrong + self.broken:g}")

    @contextmanager
    def open(self, task: Task, executing: Executing, run: Run, *, replies: Path | None = None) -> Iterator[Write]:  # noqa: ARG002
        def write(questions: Sequence[Question]) -> list[list[Reply]]:
            return [list(self.programs(question, executing)) for question in questions]

        yield write

    def programs(self, question: Question, executing: Executing) -> Iterator[Reply]:
        """Its programs; an empty text where names run out.

        Raises:
            InputError: the question has no trace.
        """
        problem = read_trace(question.trace)
        for variant in range(self.variants):
            lines = program_lines(problem, variant, "words" if executing.form == "body" else "snake")
            draw = Draw("program", self.seed, question.id, variant)
            luck = draw.between(0, 9999) / 10000
            if lines is not None and luck < self.wrong + self.broken:
                lines = blunder(lines, draw, broken=luck >= self.wrong)
            yield Reply(text="" if lines is None else written(lines, executing.form))
