"""A scorer of steps that has learned from what became of a student's own programs.

It is a language model, trained by the stages that train all others (`lema.stages.prefixes`, `lema.stages.train`), and
reads the question with the program so far. Both are all it knows: no answer, and nothing of what else is scored.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Annotated, Literal

from pydantic import Field

from lema.base.errors import ConfigError
from lema.base.protocols import Prompt, Sampling, Trainer
from lema.base.question_slice import Slice
from lema.base.spec import Spec, runtime, spec
from lema.data.formats import Format
from lema.lm.model import Model
from lema.pad.forms import Form
from lema.pad.scorers import LOWEST, RunTexts, Score, Step

Count = Annotated[int, Field(ge=1)]
READ = 8192  # tokens, padding included, that are read at once where several steps are


@spec
class Learned(Spec):
    """P(right) / (P(right) + P(wrong)), the probabilities of two words behind the question and the program so far.

    Its examples are prefixes of programs that a student samples on training questions, and the word says whether the
    value of the whole program is right (outcome supervision). Prefixes that several programs share stand there once for
    each, so that the score comes to the share of them that is right.

    Args:
        model: what learns; its checkpoint comes from that training.
        start: its weights before that: `base`, the model's own, or `student`, those of the model that wrote the
            programs.
        sampling: of the student; the same as `refinement.sampled` shares its programs.
        questions: that the student is sampled on; None: those of the synthesis, from which it learned.
        trainer: None: the experiment's.
        balanced: as many right as other programs of each question; a scorer learns which questions are easy otherwise.
        at_most: examples, drawn by the seed; None: all.
        seed: of sampling, and of what `at_most` keeps.
        right, wrong: the words; any that the tokenizer tells apart, best of one token each.
        steps_at_once: that go through the model together. Above 1 a score can depend on the others in its last digits.
    """

    kind = "learned_step"
    model: Model
    start: Literal["base", "student"] = "base"
    sampling: Sampling = Sampling(n=4, temperature=0.7, max_tokens=96)
    questions: Slice | None = None
    trainer: Trainer | None = None
    balanced: bool = True
    at_most: Count | None = None
    seed: int = 0
    right: str = " right"
    wrong: str = " wrong"
    quantised: bool = False
    steps_at_once: Count = runtime(default=1)
    device: Literal["auto", "cpu", "cuda"] = runtime(default="auto")
    part: Count = runtime(default=200)  # questions between two saves

    def check(self) -> None:
        if self.sampling.temperature == 0:
            raise ConfigError(
                "sampling.temperature: greedy programs are one a question, and say nothing of how likely a beginning "
                "is to end well. Give a temperature above 0."
            )
        if not self.right.strip() or not self.wrong.strip() or self.right == self.wrong:
            raise ConfigError(f"right, wrong: give two different words, not {self.right!r} and {self.wrong!r}")

    def trainer_or(self, default: Trainer) -> Trainer:
        return default if self.trainer is None else self.trainer

    @contextmanager
    def open(
        self,
        form: Form,  # noqa: ARG002
        run: RunTexts,  # noqa: ARG002
        *,
        format_: Format | None = None,
        checkpoint: Path | None = None,
    ) -> Iterator[Score]:
        """Load the trained scorer.

        Raises:
            ConfigError: there is none, or the model is not one that continues a text.
        """
        if checkpoint is None or format_ is None:
            raise ConfigError(
                "answering.beam.scorer: one that learns needs its training, which only an evaluation of a model of "
                "programs has. Take another scorer here."
            )
        from lema.lm.choosing import choice_ids, choose
        from lema.lm.loading import load_config, load_model, load_tokenizer, pick_device
        from lema.lm.replies import context, token_ids
        from lema.lm.scoring import next_logprobs

        if load_config(self.model, checkpoint).is_encoder_decoder:
            raise ConfigError(
                f"answering.beam.scorer.model: {self.model.name} is an encoder-decoder model, and a scorer reads text "
                "and the word that continues it. Take a causal one."
            )
        tokenizer = load_tokenizer(self.model, checkpoint)
        loaded = load_model(self.model, checkpoint, device=pick_device(self.device), quantised=self.quantised)
        words = Sampling(choices=(self.right, self.wrong))
        labels = choice_ids(tokenizer, words.choices)
        room = context(loaded.config)
        longest = None if room is None else room - max(map(len, labels))
        ask = partial(next_logprobs, loaded, batch_tokens=READ)

        def some(steps: Sequence[Step]) -> list[float]:
            asked = [
                Prompt(id=str(n), text=format_.step_prompt(step.question, step.before + step.line), chat=format_.chat)
                for n, step in enumerate(steps)
            ]
            ids = token_ids(tokenizer, asked)
            fits = [number for number, row in enumerate(ids) if longest is None or len(row) <= longest]
            replies = choose([asked[n] for n in fits], [ids[n] for n in fits], labels, words, ask)
            scores = [LOWEST] * len(steps)  # of a program that no longer fits the model
            for number, (reply,) in zip(fits, replies, strict=True):
                assert reply.choices is not None
                scores[number] = share(*reply.choices)
            return scores

        def score(steps: Sequence[Step]) -> list[float]:
            at_once = self.steps_at_once
            return [one for start in range(0, len(steps), at_once) for one in some(steps[start : start + at_once])]

        yield score


def share(right: float, wrong: float) -> float:
    """What the first of two log-probabilities has of their probabilities' sum, at least `LOWEST`."""
    return max(LOWEST, 1 / (1 + math.exp(min(wrong - right, 700.0))))
