"""A model that is asked for a new question, once a seed (paper §2.2; prompt of its Fig. 7)."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path

from msgspec.structs import replace

from lema.base import prompts
from lema.base.errors import ConfigError, InputError
from lema.base.protocols import UNANSWERED, Engine, Evolve, Prompt, Reply, Sampling, Task
from lema.base.records import Evolved, Question, Seed
from lema.base.spec import Spec, digest, runtime, spec
from lema.evolvers.replies import parse


@spec
class Teacher(Spec):
    """Asks an engine for a question that is related to the seed and worded in another way.

    Its questions have no answers: they are labelled by a vote. A question that was drawn more than
    once is asked about with another seed each time, so sampling must not be greedy.
    """

    kind = "teacher_evolver"
    engine: Engine
    prompt: str = runtime(default="evolve_question")  # a file of lema/prompts; its text is in the fingerprint
    sampling: Sampling = Sampling(temperature=0.7, max_tokens=512, stop=("\n\nGiven exercise:",))
    chat: bool = False
    seed: int = 0

    @property
    def name(self) -> str:
        return self.engine.name

    @property
    def labels(self) -> bool:
        return False

    def check(self) -> None:
        if self.sampling.n != 1:
            raise ConfigError(f"evolver.sampling.n: one question a seed is asked for, got {self.sampling.n}")
        if self.sampling.temperature == 0:
            raise ConfigError(
                "evolver.sampling.temperature: a question is drawn as a seed more than once, and greedy replies to it "
                "are all one. Give a temperature above 0."
            )
        try:
            prompts.read(self.prompt)
        except ConfigError as fault:
            raise ConfigError(f"evolver.prompt: {fault}") from None

    def check_task(self, task: Task) -> None:
        """Any task will do."""

    def fingerprint(self) -> Mapping[str, str]:
        return {"prompt": digest(prompts.read(self.prompt).encode())}

    @contextmanager
    def open(self, task: Task, *, replies: Path | None = None) -> Iterator[Evolve]:  # noqa: ARG002 (a seed says enough)
        template = prompts.read(self.prompt)
        with self.engine.open(replies=replies) as complete:

            def evolve(seeds: Sequence[Seed]) -> list[Evolved]:
                answered = complete([self.ask(seed, template) for seed in seeds], self.sampling)
                return [self.read(seed, *several) for seed, several in zip(seeds, answered, strict=True)]

            yield evolve

    def ask(self, seed: Seed, template: str) -> Prompt:
        """The request for one new question.

        Raises:
            InputError: the seed has choices, which a new question would need as well.
        """
        question = seed.question
        if question.choices:
            raise InputError(
                f"question {question.id} of {question.task} has choices, and this evolver writes questions "
                "without any. Choose a task whose answers are written out, or evolution_strategy=none."
            )
        fields = {"question": question.text}
        return Prompt(
            id=f"{question.id}@{seed.copy}",
            text=prompts.render(template, **fields),
            chat=self.chat,
            seed=prompts.seed(self.seed, question.id, seed.copy),
            fields=fields,
        )

    def read(self, seed: Seed, reply: Reply | None = None) -> Evolved:
        """The question that a reply holds, or the reason why there is none."""
        about = Evolved(seed=seed.question.id, copy=seed.copy, reject="no_reply")
        if reply is None:  # an engine of recorded replies has none for this seed
            return about
        if not reply.text and reply.finish_reason in UNANSWERED:
            return replace(about, reject=UNANSWERED[reply.finish_reason])
        draft = parse(reply.text, cut=reply.finish_reason == "length")
        made = Question(
            id=f"evolved-{digest(draft.text.encode())}",
            task=seed.question.task,
            text=draft.text,
            answer="",
            parent=seed.question.id,
        )
        return replace(about, question=None if draft.reject else made, reject=draft.reject, reply=reply.text)
