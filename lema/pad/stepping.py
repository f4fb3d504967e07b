"""Step-by-step verification: a beam over the lines of a program (paper §3.4).

From each prefix several next lines are drawn; a prefix is worth the log-probability of its tokens plus `weight` times
the sum of the logarithms of its lines' scores; the best few of a question go on. The released code advances scoring
only when all beams of all questions of a batch have a line more. Here each question is on its own: its lines come
from seeds of its own, and what else is in the batch changes nothing. With weight 0 it is the plain beam, bit for bit.

The engine needs log-probabilities and stop strings; the paper's beam is over tokens, which needs a model in memory.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from typing import Annotated

import msgspec
from pydantic import Field

from lema.base import prompts
from lema.base.errors import ConfigError, StageFailed
from lema.base.protocols import Complete, Engine, Prompt, Reply, Sampling
from lema.base.spec import Spec, spec
from lema.pad.forms import RESULT, Form
from lema.pad.scorers import Score, Scorer

Count = Annotated[int, Field(ge=1)]


@spec
class StepBeam(Spec):
    """How programs are searched for, line by line.

    Args:
        width: prefixes of a question that go on.
        samples: lines drawn from each; equal ones count once.
        scorer: what a line is worth; None: nothing but its probability.
        weight: of the logarithm of the scores, lambda.
        length_penalty: finished programs are compared by score / tokens ** this.
        lines: most lines of a program.
        comments: whether lines that are comments are scored, as the paper's are.
    """

    kind = "step_beam"
    width: Count = 5
    samples: Count = 5
    scorer: Scorer | None = None
    weight: Annotated[float, Field(ge=0)] = 1.0
    temperature: Annotated[float, Field(gt=0)] = 1.0
    length_penalty: Annotated[float, Field(ge=0)] = 1.0
    lines: Count = 24
    comments: bool = False


def check_engine(engine: Engine) -> None:
    """Raise ConfigError for an engine whose answers cannot be begun in the prompt."""
    if not getattr(engine, "continues", True):
        raise ConfigError(
            f"answering.beam: lines are drawn behind those before, and {engine.name} is run as an encoder-decoder, "
            "whose decoder begins anew after every prompt. Take answering=function or answering=body (no beam)."
        )


@dataclass(frozen=True, slots=True)
class Prefix:
    """Lines written so far; it is a `Step` for scorers, whose line is the last one."""

    question: str
    before: str = ""  # lines before the last one, each with its line break
    line: str = ""
    logprob: float = 0.0  # mean over the tokens of the last line
    score: float = 0.0
    tokens: int = 0
    done: bool = False

    @property
    def text(self) -> str:
        return self.before + self.line


@dataclass(slots=True)
class Search:
    """The beam of one question."""

    prompt: Prompt
    live: list[Prefix]
    done: list[Prefix] = field(default_factory=list)
    spent: int = 0  # tokens drawn
    read: int = 0  # tokens of prompts


def search(
    beam: StepBeam, form: Form, score: Score | None, asked: Sequence[Prompt], complete: Complete, most: int
) -> list[Reply]:
    """The best program for each prompt.

    Args:
        score: of the beam's scorer, open.
        most: tokens of a line.

    Raises:
        ConfigError: a prompt is a chat turn, which no prefix can be put behind.
        StageFailed: the engine gives no log-probabilities.
    """
    if any(prompt.chat for prompt in asked):
        raise ConfigError("answering.beam: lines are drawn behind those before, which a chat format has no place for")
    searches = [Search(prompt, [Prefix(question=prompt.fields["question"])]) for prompt in asked]
    sampling = Sampling(n=beam.samples, temperature=beam.temperature, max_tokens=most, stop=("\n",), logprobs=True)
    for number in range(beam.lines):
        going = [(one, prefix) for one in searches if len(one.done) < beam.width for prefix in one.live]
        if not going:
            break
        replies = complete([ask(one.prompt, prefix, number) for one, prefix in going], sampling)
        for one in searches:
            grown = []
            for (other, prefix), several in zip(going, replies, strict=True):
                if other is one:
                    one.spent += sum(reply.completion_tokens for reply in several)
                    one.read += sum(reply.prompt_tokens for reply in several[:1])
                    grown += [extended(prefix, reply, form) for reply in distinct(several)]
            advance(one, scored(beam, score, grown), beam)
    return [finished(one, beam) for one in searches]


def ask(prompt: Prompt, prefix: Prefix, number: int) -> Prompt:
    """The request for next lines: its seed is the prefix's own, wherever it stands in the beam."""
    return msgspec.structs.replace(
        prompt,
        id=f"{prompt.id}/{number}",
        text=prompt.text + (f"{prefix.text}\n" if number else ""),
        seed=prompts.seed(prompt.seed, number, prefix.text),
    )


def distinct(replies: Sequence[Reply]) -> list[Reply]:
    """The first of equal lines, in the order of sampling."""
    seen: dict[str, Reply] = {}
    for reply in replies:
        seen.setdefault(reply.text, reply)
    return list(seen.values())


def extended(prefix: Prefix, reply: Reply, form: Form) -> Prefix:
    if reply.logprobs is None:
        raise StageFailed("answering.beam: the engine gives no log-probabilities, by which prefixes are compared")
    total = math.fsum(reply.logprobs)
    line = reply.text
    return Prefix(
        question=prefix.question,
        before=f"{prefix.text}\n" if prefix.tokens else "",
        line=line,
        logprob=total / max(1, len(reply.logprobs)),
        score=prefix.score + total,
        tokens=prefix.tokens + len(reply.logprobs),
        # An empty line is where the model had nothing more to write.
        done=last(line, form) or not line.strip() or reply.finish_reason == "length",
    )


def last(line: str, form: Form) -> bool:
    """Whether a program ends with this line."""
    return line.lstrip().startswith("return") if form == "function" else line.startswith(RESULT)


def counts(line: str, *, comments: bool) -> bool:
    """Whether a line is scored."""
    return bool(line.strip()) and (comments or not line.lstrip().startswith("#"))


def beginnings(text: str, form: Form, *, comments: bool) -> Iterator[str]:
    """The prefixes of a program, each up to the end of a line, that a beam which writes it would score."""
    lines = text.split("\n")
    for number, line in enumerate(lines, 1):
        if counts(line, comments=comments):
            yield "\n".join(lines[:number])
        if last(line, form):
            break


def scored(beam: StepBeam, score: Score | None, grown: Sequence[Prefix]) -> list[Prefix]:
    """The prefixes with what their last lines are worth."""
    if score is None or not beam.weight:
        return list(grown)
    counted = [one for one in grown if counts(one.line, comments=beam.comments)]
    worth = dict(zip(map(id, counted), score(counted), strict=True))
    return [
        replace(one, score=one.score + beam.weight * math.log(worth[id(one)])) if id(one) in worth else one
        for one in grown
    ]


def advance(one: Search, grown: Sequence[Prefix], beam: StepBeam) -> None:
    """The best prefixes, of which the finished ones are put aside; of equal ones the first drawn."""
    best = sorted(grown, key=lambda prefix: -prefix.score)[: beam.width]
    one.done += [prefix for prefix in best if prefix.done]
    one.live = [prefix for prefix in best if not prefix.done]


def finished(one: Search, beam: StepBeam) -> Reply:
    """The best finished program; where none is, the best prefix, as one that was cut."""
    held = one.done or one.live
    chosen = max(held, key=lambda prefix: prefix.score / max(1, prefix.tokens) ** beam.length_penalty)
    return Reply(
        text=chosen.text,
        finish_reason="stop" if one.done else "length",
        prompt_tokens=one.read,
        completion_tokens=one.spent,
    )
