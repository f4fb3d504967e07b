"""Can a model pick its own right answer? SELF-[IN]CORRECT (Jiang et al., arXiv 2404.04298), second phase.

The first phase is a `Generate` stage with n samples a question: both phases score the same candidates.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Annotated, Any, Literal

import msgspec
from pydantic import Field

from lema.base.errors import ConfigError, InputError
from lema.base.protocols import Engine, Sampling, Task
from lema.base.question_slice import Slice
from lema.base.records import Question, Record, Solution, Verdict
from lema.base.spec import canonical, digest, encode, runtime, spec
from lema.data.datasets import Published
from lema.data.formats import Format
from lema.discrimination.asking import NO_ANSWER, Asking, stops
from lema.discrimination.demos import demonstrations, simplified
from lema.discrimination.measures import INVALID, measure
from lema.discrimination.orders import orders
from lema.discrimination.picking import Case, Inquiry, OpenModel, Pick, pick
from lema.discrimination.voting import plurality
from lema.engines.seq2seq import Seq2Seq
from lema.engines.transformers import Transformers
from lema.lm.scoring import open_scorer
from lema.stages.generate import Generate
from lema.stages.sampling import checkpoint_of
from lema.store import Work
from lema.store.stage import Inputs, Stage

HERE = (Transformers, Seq2Seq)  # engines that load a model into this process, whose scores are then of whole texts


class Pool(Record, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The candidates of one question: their answers, scores (1 for right), and what a vote among them scores."""

    question_id: str
    answers: tuple[str | None, ...]
    values: tuple[float, ...]
    majority: float


@spec
class Discriminate(Stage):
    """A model's picks among sampled candidates: `pools.jsonl`, `picks.jsonl` (one row an order of a question).

    A candidate without a final answer keeps its place; questions with fewer candidates than were asked for, which only
    recorded texts have, are left out and counted.

    Args:
        candidates: n samples a question, of this model or of another.
        demos: training questions from which the worked examples of the prompt are made.
        cyclic: every question is put n times, each candidate at each position once.
        seed: of the orders and of the worked examples.
        max_tokens: longest reply; of read-outs by log-probability there is none.
    """

    kind = "discriminate"
    needs = "gpu"
    heavy = True
    candidates: Generate
    task: Task
    engine: Engine
    format: Format
    asking: Asking
    demos: Slice | None = None
    trained: Stage | None = None
    cyclic: bool = False
    seed: int = 0
    max_tokens: Annotated[int, Field(ge=1)] = 256
    device: Literal["auto", "cpu", "cuda"] = runtime(default="auto")
    batch_tokens: Annotated[int, Field(ge=1)] = runtime(default=8192)
    part: Annotated[int, Field(ge=1)] = runtime(default=200)

    @property
    def loads(self) -> str | None:
        return digest(encode(canonical([self.engine, self.trained])))

    @property
    def n(self) -> int:
        return self.candidates.sampling.n

    def run(self, inputs: Inputs, work: Work) -> dict[str, Any]:
        sampled = inputs(self.candidates)
        questions = list(sampled.rows("questions.jsonl", Question))
        paths: dict[str, list[Solution]] = {question.id: [] for question in questions}
        for solution in sampled.rows("solutions.jsonl", Solution):
            paths[solution.question_id].append(solution)
        whole = [question for question in questions if len(paths[question.id]) == self.n]
        if not whole:
            raise InputError(f"no question has {self.n} candidates to pick from")
        pools = [self.pool(question, paths[question.id]) for question in whole]
        cases = [self.case(place, question, paths[question.id], whole) for place, question in enumerate(whole)]
        inquiry = self.inquiry()
        with self.opened(inputs, work) as model:

            def do(chunk: Sequence[Case]) -> list[Pick]:
                return pick(inquiry, model, chunk)

            picks = work.map("picks", cases, do, Pick, part=self.part, unit="questions")
        work.write("pools.jsonl", pools)
        work.write("picks.jsonl", picks)
        return {"questions": len(whole), "left_out": len(questions) - len(whole), **summary(pools, picks)}

    def pool(self, question: Question, solutions: Sequence[Solution]) -> Pool:
        answers = tuple(solution.answer for solution in solutions)
        values = tuple(float(solution.verdict is Verdict.RIGHT) for solution in solutions)
        vote = plurality(answers, values, self.task.verifier.equal)
        return Pool(question_id=question.id, answers=answers, values=values, majority=vote)

    def case(self, place: int, question: Question, solutions: Sequence[Solution], others: Sequence[Question]) -> Case:
        """What is put to the model about one question."""
        answers = tuple(
            simplified(
                self.asking.distractors,
                question,
                solution.verdict is Verdict.RIGHT,
                solution.answer,
                others,
                self.task.verifier.equal,
                self.seed,
                slot,
            )
            for slot, solution in enumerate(solutions)
        )
        texts = tuple(solution.judged for solution in solutions)
        finals = tuple(NO_ANSWER if answer is None else answer for answer in answers)
        return Case(
            question=question,
            views=finals if self.asking.view == "final_answer" else texts,
            answers=answers,
            texts=texts,
            orders=orders(place, self.n, self.seed, cyclic=self.cyclic),
        )

    def inquiry(self) -> Inquiry:
        """How cases become picks."""
        asking = self.asking
        demos = []
        if asking.shots and asking.read_out != "likelihood":
            where = self.demos
            assert where is not None  # `check`
            worked = not isinstance(self.task, Published) or self.task.worked
            demos = demonstrations(
                self.task.questions(where.split, where.start, where.stop),
                asking.shots,
                2 if asking.read_out == "pairwise" else self.n,
                view=asking.view,
                equal=self.task.verifier.equal,
                steps=self.task.steps if worked else None,
                seed=self.seed,
            )
        sampling = Sampling(max_tokens=self.max_tokens, stop=stops(self.format, asking))
        return Inquiry(asking, self.format, sampling, demos, self.task.verifier.equal, self.seed)

    @contextmanager
    def opened(self, inputs: Inputs, work: Work) -> Iterator[OpenModel]:
        """The model, open for what the read-out needs of it."""
        checkpoint = checkpoint_of(self.trained, inputs)
        if self.asking.read_out != "likelihood":
            yield OpenModel(complete=work.session.open(self.engine, checkpoint=checkpoint, replies=work.replies))
            return
        assert isinstance(self.engine, HERE)  # `check`
        with open_scorer(
            self.engine.model,
            checkpoint,
            chat=self.format.chat,
            quantised=self.engine.quantised,
            device=self.device if self.device != "auto" else self.engine.device,
            batch_tokens=self.batch_tokens,
        ) as score:
            yield OpenModel(score_texts=score)

    def check(self) -> None:
        if not 2 <= self.n <= 9:
            raise ConfigError(f"candidates.sampling.n: a pick is among 2 to 9 candidates, got {self.n}")
        if self.asking.read_out == "likelihood" and not isinstance(self.engine, HERE):
            raise ConfigError(
                f"read_outs: likelihood scores whole solutions, which {self.engine.name} does not do. Take another "
                "read-out, or a model in this process (lema.engines.transformers.Transformers, or Seq2Seq)."
            )
        if self.asking.shots and self.demos is None and self.asking.read_out != "likelihood":
            raise ConfigError("demos: say which training questions the worked examples are made from, or take shots=0")
        if self.asking.reasoning and self.asking.shots and isinstance(self.task, Published) and not self.task.worked:
            raise ConfigError(
                f"reasoning: {self.task.name} has no worked solutions to write examples of reasoning from. Take "
                "shots=0, or reasoning=false."
            )


def summary(pools: Sequence[Pool], picks: Sequence[Pick]) -> dict[str, Any]:
    """The measure of one run, and its counts."""
    found = measure(
        [pool.values for pool in pools], chosen_of(pools, picks), majority=[pool.majority for pool in pools]
    )
    places = Counter(p.shown.index(p.chosen) + 1 for p in picks if p.chosen is not None)
    return {
        "picks": len(picks),
        "invalid": sum(one.chosen is None for one in picks),
        "chosen_at": {str(place): places[place] for place in range(1, len(pools[0].values) + 1)},
        "prompt_tokens": sum(one.prompt_tokens for one in picks),
        "completion_tokens": sum(one.completion_tokens for one in picks),
        "measured": msgspec.to_builtins(found),
    }


def chosen_of(pools: Sequence[Pool], picks: Sequence[Pick]) -> list[list[int]]:
    """[questions x orders] numbers of the candidates picked."""
    rows: dict[str, list[int]] = {pool.question_id: [] for pool in pools}
    for one in picks:
        rows[one.question_id].append(INVALID if one.chosen is None else one.chosen)
    return list(rows.values())
