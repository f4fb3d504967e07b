"""Programs of a model at inference, and the loop that lets it repair those that fail (paper §3.3).

The loop knows what Python said, and nothing of the right answer: a program that leaves a value is never asked about
again, right or wrong. It ends when the program runs, when the model writes a program that it wrote before, or after
as many rounds as are allowed.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import msgspec

from lema.base import prompts
from lema.base.protocols import Complete, Prompt, Reply, Sampling, Verifier
from lema.base.records import Question
from lema.data.formats import Format
from lema.pad.executing import Executing, Run
from lema.pad.forms import ran
from lema.pad.judging import EXECUTED, error_class, judge
from lema.pad.scorers import Score
from lema.pad.stepping import StepBeam, search
from lema.programs.program import Outcome

ROUND = "+"  # between the class of a program and the round of refinement that it is of, in `Solution.rung`


@dataclass(frozen=True, slots=True)
class Attempt:
    """A program and what came of it. Tokens are those of all rounds."""

    text: str
    outcome: Outcome
    round: int
    finish_reason: str
    prompt_tokens: int
    completion_tokens: int


@dataclass(frozen=True)
class Answerer:
    """Samples programs, runs them, and asks again about those that fail."""

    executing: Executing
    beam: StepBeam | None
    rounds: int
    format: Format
    run: Run
    score: Score | None = None  # of the beam's scorer, open

    def answers(
        self, questions: Sequence[Question], asked: Sequence[Prompt], complete: Complete, sampling: Sampling
    ) -> list[list[Attempt]]:
        """The last program of each sample, by question, in order."""
        first = self.draw(asked, complete, sampling)
        flat = [(place, sample, reply) for place, several in enumerate(first) for sample, reply in enumerate(several)]
        outcomes = self.executing.run(self.run, [reply.text for _, _, reply in flat])
        attempts = [attempt(reply, outcome) for (_, _, reply), outcome in zip(flat, outcomes, strict=True)]
        former = [{one.text} for one in attempts]
        for number in range(1, self.rounds + 1):
            failed = [
                i for i, one in enumerate(attempts) if error_class(one.outcome) != EXECUTED and one.round == number - 1
            ]
            if not failed:
                break
            again = [
                self.ask(questions[at], asked[at], attempts[i], sample, number)
                for i in failed
                for at, sample, _ in [flat[i]]
            ]
            replies = [one for (one,) in self.draw(again, complete, dataclasses.replace(sampling, n=1))]
            new = [(i, reply) for i, reply in zip(failed, replies, strict=True) if reply.text not in former[i]]
            repaired = self.executing.run(self.run, [reply.text for _, reply in new])
            for (i, reply), outcome in zip(new, repaired, strict=True):
                attempts[i] = attempt(reply, outcome, number, attempts[i])
                former[i].add(reply.text)
        found: list[list[Attempt]] = [[] for _ in questions]
        for (place, _, _), one in zip(flat, attempts, strict=True):
            found[place].append(one)
        return found

    def draw(self, asked: Sequence[Prompt], complete: Complete, sampling: Sampling) -> list[list[Reply]]:
        """Continuations, or the one program that a beam finds."""
        if self.beam is None:
            return complete(asked, sampling)
        return [
            [one] for one in search(self.beam, self.executing.form, self.score, asked, complete, sampling.max_tokens)
        ]

    def ask(self, question: Question, first: Prompt, failed: Attempt, sample: int, number: int) -> Prompt:
        """The request for a repair."""
        return msgspec.structs.replace(
            first,
            id=f"{first.id}~{number}",
            text=self.format.refinement_prompt(question, ran(failed.text, self.executing.form), failed.outcome),
            seed=prompts.seed(first.seed, sample, number),
        )

    def judged(self, attempt: Attempt, question: Question, verifier: Verifier) -> dict[str, Any]:
        """Verdict, answer and rung of the solution that a program is."""
        found = judge(attempt.outcome, question, verifier, self.executing.rule)
        rung = found.rung + (f"{ROUND}{attempt.round}" if attempt.round else "")
        return {"verdict": found.verdict, "answer": found.answer, "rung": rung}


def attempt(reply: Reply, outcome: Outcome, number: int = 0, before: Attempt | None = None) -> Attempt:
    """A reply that was run; `before` is the attempt that it repairs."""
    return Attempt(
        text=reply.text,
        outcome=outcome,
        round=number,
        finish_reason=reply.finish_reason,
        prompt_tokens=reply.prompt_tokens + (before.prompt_tokens if before else 0),
        completion_tokens=reply.completion_tokens + (before.completion_tokens if before else 0),
    )


def class_and_rounds(rung: str) -> tuple[str, int]:
    """The class of a program and the round that it is of, from the rung of its solution."""
    name, _, number = rung.partition(ROUND)
    return name, int(number or 0)


@contextmanager
def opened(
    executing: Executing, beam: StepBeam | None, rounds: int, format_: Format, scorer_checkpoint: Path | None = None
) -> Iterator[Answerer]:
    """Open the sandbox, and the scorer of the beam if it has one that counts, with its checkpoint if it was trained."""
    with ExitStack() as held:
        run = held.enter_context(executing.sandbox.open())
        scorer = beam.scorer if beam is not None and beam.weight else None
        texts = partial(executing.run, run)
        score = None
        if scorer is not None:
            scoring = scorer.open(executing.form, texts, format_=format_, checkpoint=scorer_checkpoint)
            score = held.enter_context(scoring)
        yield Answerer(executing, beam, rounds, format_, run, score)
