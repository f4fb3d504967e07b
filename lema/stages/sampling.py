"""Sampling and judging solutions: what generation and evaluation have in common."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from hashlib import sha256
from pathlib import Path
from typing import Any

from lema.formats import Format
from lema.protocols import Engine, Prompt, Reply, Sampling, Task
from lema.records import Question, Solution, Verdict
from lema.spec import key
from lema.stage import Inputs, Stage
from lema.store import Work


def prompt_seed(seed: int, question: Question) -> int:
    """The seed of a question's samples: the same in any order, batch or slice."""
    return int.from_bytes(sha256(f"{seed}:{question.id}".encode()).digest()[:4])


def reasoner_name(engine: Engine, trained: Stage | None) -> str:
    """Who sampled: the model, and the training run that changed it."""
    return engine.name if trained is None else f"{engine.name}+{key(trained)[:8]}"


def checkpoint_of(trained: Stage | None, inputs: Inputs) -> Path | None:
    """The folder of a trained model or adapter."""
    return None if trained is None else inputs(trained).path / "model"


def sample_solutions(
    questions: Sequence[Question],
    *,
    task: Task,
    engine: Engine,
    format: Format,  # noqa: A002
    sampling: Sampling,
    seed: int,
    reasoner: str,
    checkpoint: Path | None,
    work: Work,
    part: int,
) -> list[Solution]:
    """Sample and judge solutions of all questions, part by part, and write `solutions.jsonl`.

    Parts that a killed run finished are read, not sampled again; `part` decides only how often
    that happens, never what is sampled.
    """

    def judged(question: Question, sample: int, reply: Reply) -> Solution:
        found = task.verifier.judge(reply.text, question)
        return Solution(
            question_id=question.id,
            reasoner=reasoner,
            sample=sample,
            text=reply.text,
            verdict=found.verdict,
            answer=found.answer,
            rung=found.rung,
            finish_reason=reply.finish_reason,
            prompt_tokens=reply.prompt_tokens,
            completion_tokens=reply.completion_tokens,
        )

    with engine.open(checkpoint=checkpoint, replies=work.replies) as complete:

        def solve(chunk: Sequence[Question]) -> list[Solution]:
            prompts = [
                Prompt(
                    id=question.id,
                    text=format.cot_prompt(question),
                    chat=format.chat,
                    seed=prompt_seed(seed, question),
                    fields={"question": question.text},
                )
                for question in chunk
            ]
            replies = complete(prompts, sampling)
            return [
                judged(question, sample, reply)
                for question, several in zip(chunk, replies, strict=True)
                for sample, reply in enumerate(several)
            ]

        solutions = work.map("solutions", questions, solve, Solution, part=part, unit="questions")
    work.write("questions.jsonl", questions)
    work.write("solutions.jsonl", solutions)
    return solutions


def tally(solutions: Sequence[Solution]) -> dict[str, Any]:
    """Counts that a summary shows: by verdict, cut at the limit, tokens."""
    verdicts = Counter(solution.verdict for solution in solutions)
    return {
        "sampled": len(solutions),
        **{verdict.value: verdicts[verdict] for verdict in Verdict},
        "cut_at_limit": sum(solution.finish_reason == "length" for solution in solutions),
        "prompt_tokens": sum(solution.prompt_tokens for solution in solutions),
        "completion_tokens": sum(solution.completion_tokens for solution in solutions),
    }
