"""Delta-PPL (paper, appendix D.5): how much less likely a model finds its mistakes than their corrections.

Delta-PPL = mean over corrections of PPL(wrong path | question) - PPL(right path | question). The right path is the one
that the correction contains: the steps before the wrong one, then the corrected steps.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from statistics import fmean, median
from typing import Annotated, Any, Literal

from pydantic import Field

from lema.base.reasoning_steps import from_free_form
from lema.base.records import Correction, Example, Question, Record, Solution
from lema.base.spec import runtime, spec
from lema.base.stats import clustered_mean
from lema.data.formats import Format
from lema.lm.model import Model
from lema.lm.scoring import Score, open_scorer
from lema.stages.sampling import checkpoint_of
from lema.store import Work
from lema.store.stage import Inputs, Stage


class PathPair(Record, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A wrong path and the right one of its correction, as completions of the same prompt."""

    question_id: str
    solution_id: str
    prompt: str
    wrong: str
    right: str


class DeltaPpl(Record, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Log-probabilities (natural, summed) and tokens of both paths, end token included."""

    question_id: str
    solution_id: str
    wrong_logprob: float
    wrong_tokens: int
    right_logprob: float
    right_tokens: int
    wrong_ppl: float
    right_ppl: float
    delta: float  # wrong_ppl - right_ppl: above zero, the model prefers the right path


@spec
class DeltaPerplexity(Stage):
    """Perplexities of wrong paths and of their corrections under a model, base or trained: `delta_ppl.jsonl`."""

    kind = "delta_ppl"
    needs = "gpu"
    heavy = True
    corrections: Stage
    model: Model
    format: Format
    trained: Stage | None = None
    quantised: bool = False
    seed: int = 0  # of the bootstrap
    device: Literal["auto", "cpu", "cuda"] = runtime(default="auto")
    batch_tokens: Annotated[int, Field(ge=1)] = runtime(default=8192)
    part: Annotated[int, Field(ge=1)] = runtime(default=500)

    def run(self, inputs: Inputs, work: Work) -> dict[str, Any]:
        pairs = list(self.pairs(inputs))
        checkpoint = checkpoint_of(self.trained, inputs)
        with open_scorer(
            self.model,
            checkpoint,
            chat=self.format.chat,
            quantised=self.quantised,
            device=self.device,
            batch_tokens=self.batch_tokens,
        ) as score:

            def compare(chunk: Sequence[PathPair]) -> list[DeltaPpl]:
                return compared(chunk, score)

            rows = work.map("delta_ppl", pairs, compare, DeltaPpl, part=self.part, unit="corrections")
        work.write("delta_ppl.jsonl", rows)
        return summary(rows, self.seed)

    def pairs(self, inputs: Inputs) -> Iterator[PathPair]:
        """Both paths of every accepted correction, worded as training would word them."""
        artifact = inputs(self.corrections)
        questions = {question.id: question for question in artifact.rows("questions.jsonl", Question)}
        paths = {solution.id: solution for solution in artifact.rows("paths.jsonl", Solution)}
        for correction in artifact.rows("corrections.jsonl", Correction):
            path, question = paths[correction.solution_id], questions[correction.question_id]
            wrong = from_free_form(path.judged, path.answer)
            right = [*wrong[: (correction.step or 1) - 1], *correction.solution]
            yield PathPair(
                question_id=correction.question_id,
                solution_id=correction.solution_id,
                prompt=self.format.cot_prompt(question),
                wrong=self.format.cot_completion(wrong, question),
                right=self.format.cot_completion(right, question),
            )


def compared(pairs: Sequence[PathPair], score: Score) -> list[DeltaPpl]:
    """Score both paths of each pair."""
    texts = [(pair, text) for pair in pairs for text in (pair.wrong, pair.right)]
    scores = score(
        [
            Example(prompt=pair.prompt, completion=text, question_id=pair.question_id, source="path")
            for pair, text in texts
        ]
    )
    return [
        DeltaPpl(
            question_id=pair.question_id,
            solution_id=pair.solution_id,
            wrong_logprob=wrong.logprob,
            wrong_tokens=wrong.tokens,
            right_logprob=right.logprob,
            right_tokens=right.tokens,
            wrong_ppl=wrong.perplexity,
            right_ppl=right.perplexity,
            delta=wrong.perplexity - right.perplexity,
        )
        for pair, wrong, right in zip(pairs, scores[::2], scores[1::2], strict=True)
    ]


def summary(rows: Sequence[DeltaPpl], seed: int) -> dict[str, Any]:
    """Mean with its interval over questions, and median; None where there is too little to say one."""
    by_question: dict[str, list[float]] = {}
    for row in rows:
        by_question.setdefault(row.question_id, []).append(row.delta)
    counts = {"corrections": len(rows), "questions": len(by_question)}
    if not rows:
        return counts | dict.fromkeys(("mean", "low", "high", "median", "wrong_ppl", "right_ppl"))
    interval = clustered_mean(list(by_question.values()), seed) if len(by_question) > 1 else None
    return counts | {
        "mean": fmean(row.delta for row in rows),
        "low": interval and interval.low,
        "high": interval and interval.high,
        "median": median(row.delta for row in rows),
        "wrong_ppl": fmean(row.wrong_ppl for row in rows),
        "right_ppl": fmean(row.right_ppl for row in rows),
    }
