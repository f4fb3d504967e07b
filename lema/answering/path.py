"""One reasoning path a question, written from the question to the answer: what a model does unless it is told more."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from functools import partial
from pathlib import Path

from lema.answering.answering import Answering, Setting, Solve, Writes
from lema.base import prompts
from lema.base.errors import ConfigError
from lema.base.judged_stretch import judged_stretch
from lema.base.protocols import Complete, Prompt, Reply
from lema.base.records import Question, Solution
from lema.base.spec import spec


@spec
class OnePath(Answering):
    """A path, or an answer without one, judged by the task's verifier; as many as the sampling says."""

    kind = "path"
    regradable = True

    def learned(self, writes: Writes) -> Answering:
        if writes == "program":
            raise ConfigError(
                "answering: this mix teaches programs, and nothing says how they are run. Take answering=function or "
                "answering=body."
            )
        return self

    @contextmanager
    def open(self, setting: Setting, complete: Complete, scorer: Path | None = None) -> Iterator[Solve]:  # noqa: ARG002
        yield partial(solve, setting, complete)


PATH = OnePath()


def solve(setting: Setting, complete: Complete, questions: Sequence[Question]) -> list[Solution]:
    """Sampled and judged paths of some questions."""
    asked = [
        Prompt(
            id=question.id,
            text=setting.format.cot_prompt(question),
            chat=setting.format.chat,
            seed=prompts.seed(setting.seed, question.id),
            fields={"question": question.text},
        )
        for question in questions
    ]
    replies = complete(asked, setting.sampling)
    return [
        judged(setting, question, sample, reply)
        for question, several in zip(questions, replies, strict=True)
        for sample, reply in enumerate(several)
    ]


def judged(setting: Setting, question: Question, sample: int, reply: Reply) -> Solution:
    """A reply as a solution with its verdict."""
    start, end = judged_stretch(reply.text)
    found = setting.task.verifier.judge(reply.text[start:end], question)
    return Solution(
        question_id=question.id,
        reasoner=setting.reasoner,
        sample=sample,
        text=reply.text,
        verdict=found.verdict,
        answer=found.answer,
        rung=found.rung,
        finish_reason=reply.finish_reason,
        prompt_tokens=reply.prompt_tokens,
        completion_tokens=reply.completion_tokens,
        stretch=None if reply.text[start:end] == reply.text.strip() else (start, end),
    )
