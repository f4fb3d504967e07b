"""A model that is asked to correct, with four examples (paper §2.1; prompt of its Fig. 3)."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated

from pydantic import Field

from lema.base import prompts
from lema.base.errors import ConfigError
from lema.base.protocols import UNANSWERED, Complete, Correct, Engine, Prompt, Reply, Sampling
from lema.base.reasoning_steps import from_free_form, number_steps
from lema.base.records import Correction, Question, Solution
from lema.base.spec import Spec, digest, runtime, since, spec
from lema.correctors.choice_replies import parse_choice
from lema.correctors.replies import Draft, parse

Pair = tuple[Question, Solution]


@spec
class Teacher(Spec):
    """Asks an engine for each correction. The prompt holds the question and the wrong path, and not the reference.

    With `hinted` the prompt also holds the reference answer, which the paper's corrector never sees: more paths are
    corrected, and some for a wrong reason, since the answer is known before the steps. Then the corrector's name ends
    in `-hinted`, every correction says it, and so do the mix and the report.

    `attempts` is how often a path is asked about until a reply can be read; more than one only
    makes sense when replies are sampled. Whether the answer is right is never looked at here.

    A question with candidates is asked about with a prompt that has a place for them
    (`choice_corrections`), and its correction names no step (paper App. C.3).
    """

    kind = "teacher"
    engine: Engine
    prompt: str = runtime(default="math_corrections")  # a file of lema/prompts; its text is in the fingerprint
    sampling: Sampling = Sampling(max_tokens=1024, stop=("\n\nQuestion:",))
    chat: bool = False
    attempts: Annotated[int, Field(ge=1)] = 1
    hinted: bool = since(default=False)

    @property
    def name(self) -> str:
        return f"{self.engine.name}-hinted" if self.hinted else self.engine.name

    def check(self) -> None:
        if self.sampling.n != 1:
            raise ConfigError(f"corrector.sampling.n: one reply at a time is read, got {self.sampling.n}")
        if self.attempts > 1 and self.sampling.temperature == 0:
            raise ConfigError(
                f"corrector.attempts: {self.attempts} greedy attempts are one reply {self.attempts} times. "
                "Raise corrector.sampling.temperature, or leave attempts at 1."
            )
        try:
            prompts.read(self.prompt)
        except ConfigError as fault:
            raise ConfigError(f"corrector.prompt: {fault}") from None
        if self.hinted != ("answer" in prompts.slots(prompts.read(self.prompt))):
            has = "has no place for" if self.hinted else "shows"
            raise ConfigError(
                f"corrector.hinted: it is {str(self.hinted).lower()}, and the prompt {self.prompt} {has} the right "
                "answer. Take corrector=teacher_hinted with a prompt that ends in _hinted, or corrector=teacher with "
                "one that does not."
            )

    def fingerprint(self) -> Mapping[str, str]:
        return {"prompt": digest(prompts.read(self.prompt).encode())}

    @contextmanager
    def open(self, *, replies: Path | None = None) -> Iterator[Correct]:
        template = prompts.read(self.prompt)
        with self.engine.open(replies=replies) as complete:

            def correct(pairs: Sequence[Pair]) -> list[Correction]:
                return self.correct(pairs, template, complete)

            yield correct

    def correct(self, pairs: Sequence[Pair], template: str, complete: Complete) -> list[Correction]:
        """One correction a pair, in order; a pair whose reply cannot be read is asked about again, up to `attempts`."""
        corrections: dict[int, Correction] = {}
        open_pairs = list(range(len(pairs)))
        for attempt in range(self.attempts):
            if not open_pairs:
                break
            asked = [self.ask(*pairs[at], template, attempt) for at in open_pairs]
            answered = complete(asked, self.sampling)
            for at, replies in zip(open_pairs, answered, strict=True):
                corrections[at] = self.read(*pairs[at], *replies)
            open_pairs = [at for at in open_pairs if corrections[at].reject not in ("", *UNANSWERED.values())]
        return [corrections[at] for at in range(len(pairs))]

    def ask(self, question: Question, solution: Solution, template: str, attempt: int = 0) -> Prompt:
        """The request about one wrong path.

        Raises:
            ConfigError: the prompt has a place for candidates and the question has none, or the other way round.
        """
        steps = path_steps(solution)
        fields = {"question": question.text, "solution": number_steps(steps)}
        if question.choices:
            fields |= {"choices": ", ".join(question.choices), "solution": "\n".join(steps)}
        if self.hinted:
            fields |= {"answer": question.answer}
        if ("choices" in prompts.slots(template)) != bool(question.choices):
            fitting = "choice_corrections" if question.choices else "math_corrections"
            fitting += "_hinted" if self.hinted else ""
            raise ConfigError(
                f"corrector.prompt: {self.prompt} does not fit {question.task}, whose questions have "
                f"{'candidates' if question.choices else 'no candidates'}: use corrector.prompt={fitting}"
            )
        text = prompts.render(template, **fields)
        return Prompt(id=solution.id, text=text, chat=self.chat, seed=attempt, fields=fields)

    def read(self, question: Question, solution: Solution, reply: Reply | None = None) -> Correction:
        """The correction that a reply holds, or the reason why there is none."""
        if reply is None:  # an engine of recorded replies has none for this path
            return Correction(
                question_id=question.id,
                solution_id=solution.id,
                corrector=self.name,
                hinted=self.hinted,
                reject="no_reply",
            )
        cut = reply.finish_reason == "length"
        if not reply.text and reply.finish_reason in UNANSWERED:
            draft = Draft(reject=UNANSWERED[reply.finish_reason])
        elif question.choices:
            draft = parse_choice(reply.text, cut=cut)
        else:
            draft = parse(reply.text, path_steps(solution), cut=cut)
        return Correction(
            question_id=question.id,
            solution_id=solution.id,
            corrector=self.name,
            step=draft.step,
            explanation=draft.explanation,
            solution=draft.solution,
            answer=draft.answer,
            reject=draft.reject,
            reply=reply.text,
            hinted=self.hinted,
        )


def path_steps(solution: Solution) -> list[str]:
    """The steps of a wrong path, as the corrector and the training examples number them."""
    return from_free_form(solution.judged, solution.answer)
