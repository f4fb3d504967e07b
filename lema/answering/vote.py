"""A vote: the answer of most of n samples (self-consistency, arXiv 2203.11171; maj@n)."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager
from math import comb
from pathlib import Path
from typing import Annotated, Any

import msgspec
from pydantic import Field

from lema.answering.answering import Answer, Answering, Setting, Solve, Writes
from lema.answering.path import PATH
from lema.base.errors import ConfigError
from lema.base.protocols import Complete, Engine, Sampling, Verifier
from lema.base.records import Question, Solution, Verdict
from lema.base.spec import spec
from lema.discrimination.voting import classes


@spec
class Vote(Answering):
    """The majority of n answers, each given as `of` says.

    Votes go to equal answers, whether or not they are right, and samples without an answer do not vote. Of answers with
    equally many votes the one that was sampled first is taken, which is a fair draw, since samples are exchangeable. A
    question that nobody answers has no answer.

    Its measures: pass@k for k of 1, 2, 4 and so on up to n, by the unbiased estimator 1 - C(n-c, k) / C(n, k) of c
    right samples among n (arXiv 2107.03374), so that pass@1 is what a single sample scores; and the share of votes that
    the answer has, of all n.

    Args:
        n: samples of each question.
        temperature, top_p: how they are drawn; tokens and stop texts are those of `evaluation.sampling`.
        of: how one of the n is given: a path, or a program that is run.
    """

    kind = "vote"
    n: Annotated[int, Field(ge=2)] = 8
    temperature: Annotated[float, Field(gt=0)] = 0.7
    top_p: Annotated[float, Field(gt=0, le=1)] = 1.0
    of: Answering = PATH

    def check(self) -> None:
        if self.draws(Sampling()).n < self.n:
            raise ConfigError(
                "answering.of: it gives one answer whatever is asked for (a beam finds one program), and a vote needs "
                f"{self.n} that are drawn. Take one without a beam."
            )

    def learned(self, writes: Writes) -> Answering:
        changed: dict[str, Any] = {"of": self.of.learned(writes)}
        return dataclasses.replace(self, **changed)

    def once(self) -> Answering:
        return self.of.once()

    def check_engine(self, engine: Engine) -> None:
        self.of.check_engine(engine)

    def draws(self, sampling: Sampling) -> Sampling:
        changed: dict[str, Any] = {"n": self.n, "temperature": self.temperature, "top_p": self.top_p}
        return self.of.draws(dataclasses.replace(sampling, **changed))

    def open(self, setting: Setting, complete: Complete, scorer: Path | None = None) -> AbstractContextManager[Solve]:
        return self.of.open(setting, complete, scorer)

    def same(self, one: str, other: str, verifier: Verifier) -> bool:
        return self.of.same(one, other, verifier)

    def settle(self, question: Question, samples: Sequence[Solution], verifier: Verifier) -> Answer:  # noqa: ARG002
        groups = classes([sample.answer for sample in samples], lambda one, other: self.same(one, other, verifier))
        most = max(groups, key=len, default=[0])  # of several as large, the first
        elected = msgspec.structs.replace(
            samples[most[0]],
            sample=0,
            prompt_tokens=sum(sample.prompt_tokens for sample in samples),
            completion_tokens=sum(sample.completion_tokens for sample in samples),
        )
        votes = len(most) if groups else 0
        right = sum(sample.verdict is Verdict.RIGHT for sample in samples)
        measures = {f"pass@{k}": pass_at(k, len(samples), right) for k in ladder(len(samples))}
        return Answer(solutions=[elected], measures={**measures, "share of votes": votes / len(samples)})

    def summary(self, questions: Sequence[Question], solutions: Sequence[Solution]) -> dict[str, Any]:
        return self.of.summary(questions, solutions)


def ladder(n: int) -> Iterator[int]:
    """1, 2, 4 and so on below n, then n."""
    k = 1
    while k < n:
        yield k
        k *= 2
    yield n


def pass_at(k: int, n: int, right: int) -> float:
    """The probability that k samples, drawn without putting any back, hold a right one."""
    return 1 - comb(n - right, k) / comb(n, k)
