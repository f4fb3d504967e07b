"""A model that may have learned to correct: with its reasons for what it says known to the letter."""

from __future__ import annotations

import json
import random
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from functools import cache
from pathlib import Path
from typing import Any, Literal

from lema.base.protocols import Complete, Prompt, Reply, Sampling
from lema.base.question_slice import Slice
from lema.base.reasoning_steps import number_steps
from lema.base.records import Question, Solution, Verdict
from lema.base.spec import Spec, spec
from lema.config.options import Point
from lema.correctors.symbolic import Symbolic
from lema.data.formats import Format
from lema.experiment.analysis import Analysis
from lema.experiment.correction_skill import AskedToCorrect
from lema.experiment.sections import Evaluation, Generation
from lema.lessons.data_budget import Budget
from lema.tasks.gsm_synth import GsmSynth
from lema.verifiers.integers import Integers
from toys.lab import MIXES, experiment

TASK = GsmSynth(verifier=Integers())
Says = Literal["corrections", "wrong_form", "paths"]


@cache
def known() -> dict[str, Question]:
    """Questions by their texts."""
    return {q.text: q for split in ("train", "test", "dev") for q in TASK.questions(split, 0, 60)}


@spec
class Pupil(Spec):
    """Answers about half of the questions right; asked to correct, it says what `says` says if it was taught to.

    `corrections` are those of the symbolic corrector to the letter, `wrong_form` the same without the heading of the
    reason, `paths` a new path.
    """

    kind = "pupil"
    says: Says = "corrections"

    @property
    def name(self) -> str:
        return "pupil"

    @contextmanager
    def open(self, *, checkpoint: Path | None = None, replies: Path | None = None) -> Iterator[Complete]:
        taught = checkpoint is not None and json.loads((checkpoint / "learned.json").read_text())["chance"] > 0.7

        def complete(prompts: Sequence[Prompt], sampling: Sampling) -> list[list[Reply]]:
            return [[self.reply(prompt, sample, taught) for sample in range(sampling.n)] for prompt in prompts]

        yield complete

    def reply(self, prompt: Prompt, sample: int, taught: bool) -> Reply:
        question = known()[prompt.fields["question"]]
        if "solution" in prompt.fields and taught and self.says != "paths":
            path = Solution(
                question_id=question.id,
                reasoner="pupil",
                sample=int(prompt.id.rsplit("#", 1)[1]),
                text=prompt.fields["solution"],
                verdict=Verdict.WRONG,
                answer="0",
            )
            said = Format().correction_completion(Symbolic().correct_one(question, path))
            return Reply(text=said.replace("Reason: ", "") if self.says == "wrong_form" else said)
        return Reply(text=attempt(question, f"{prompt.seed}{sample}"), prompt_tokens=9, completion_tokens=12)


def attempt(question: Question, luck: str) -> str:
    """The reference path, in half of the cases with its first result off by one, and with that as the answer."""
    steps = TASK.steps(question)
    if random.Random(f"{question.text}{luck}").random() < 0.5:
        before, number = steps[0].rstrip(".").rsplit(" ", 1)
        steps = [f"{before} {int(number) + 1}.", f"The answer is {int(number) + 1}."]
    return number_steps(steps)


def pupils(
    *, says: Says = "corrections", mixes: Sequence[str] = tuple(MIXES), seeds: Sequence[int] = (0, 1), **asked: Any
) -> list[Point]:
    """A sweep whose trained models are asked to correct."""
    engine, analysis = Pupil(says=says), Analysis(correction_skill=AskedToCorrect(**{"taught_at_most": 5, **asked}))
    fields: dict[str, Any] = {
        "task": TASK,
        "reasoner": engine,
        "generation": Generation(questions=Slice(split="train", stop=40), sampling=Sampling(n=2, temperature=0.7)),
        "corrector": Symbolic(),
        "cot_questions": Slice(split="train", stop=40),
        "evaluation": Evaluation(questions=Slice(split="test", stop=60), engine=engine, sampling=Sampling()),
        "data_budget": Budget(),
        "analysis": analysis,
    }
    return [
        Point(experiment(mix, seed, **fields), {}, (f"data_mix={mix}", f"seed={seed}"))
        for mix in mixes
        for seed in seeds
    ]
