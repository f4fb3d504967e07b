"""Sampling and judging solutions: what generation, evaluation and selection have in common."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Protocol, runtime_checkable

from lema.answering.answering import Answer, Answering, Measured, Setting, Solve
from lema.base.protocols import UNANSWERED, Complete, Engine, Sampling, Task
from lema.base.question_slice import Slice
from lema.base.records import Question, Solution, Verdict
from lema.base.spec import key
from lema.data.formats import Format
from lema.store import Work
from lema.store.stage import Inputs, Stage


def reasoner_name(engine: Engine, trained: Stage | None) -> str:
    """Who sampled: the model, and the training run that changed it."""
    return engine.name if trained is None else f"{engine.name}+{key(trained)[:8]}"


@runtime_checkable
class Choice(Protocol):
    """A stage that names one of the checkpoints of a training run."""

    def checkpoint(self, inputs: Inputs) -> Path: ...


def checkpoint_of(trained: Stage | None, inputs: Inputs) -> Path | None:
    """The folder of a trained model or adapter: of the finished one, or of the checkpoint that was chosen."""
    if trained is None:
        return None
    return trained.checkpoint(inputs) if isinstance(trained, Choice) else inputs(trained).folder("model")


class Samples(Protocol):
    """The fields that say what a stage samples."""

    @property
    def task(self) -> Task: ...
    @property
    def questions(self) -> Slice | Stage: ...
    @property
    def engine(self) -> Engine: ...
    @property
    def format(self) -> Format: ...
    @property
    def sampling(self) -> Sampling: ...
    @property
    def seed(self) -> int: ...
    @property
    def trained(self) -> Stage | None: ...
    @property
    def part(self) -> int: ...
    @property
    def answering(self) -> Answering: ...


def chosen_questions(stage: Samples, inputs: Inputs) -> list[Question]:
    """The questions of a slice of the task, or those that an earlier stage made."""
    where = stage.questions
    if isinstance(where, Stage):
        return list(inputs(where).rows("questions.jsonl", Question))
    return stage.task.questions(where.split, where.start, where.stop)


def sample_solutions(
    stage: Samples, inputs: Inputs, work: Work, scorer: Stage | None = None
) -> tuple[list[Question], list[Solution], dict[str, Any]]:
    """Sample and judge solutions of a stage's questions, part by part; write `questions.jsonl`, `solutions.jsonl`.

    Where an answer is made of several samples these are `samples.jsonl`, and what is told of it beside its verdict
    `measures.jsonl`. Parts that a killed run finished are read, not sampled again; `stage.part` decides only how often
    that happens, never what is sampled.

    Args:
        scorer: the training of what scores parts of answers, where that was trained.

    Returns:
        The questions, their solutions, and what a summary shows of these beside `tally`.
    """
    questions = chosen_questions(stage, inputs)
    complete = work.session.open(stage.engine, checkpoint=checkpoint_of(stage.trained, inputs), replies=work.replies)
    with solving(stage, complete, checkpoint_of(scorer, inputs)) as solve:
        samples = work.map("solutions", questions, solve, Solution, part=stage.part, unit="questions")
    answers = dict(settled(stage, questions, samples))
    solutions = [solution for answer in answers.values() for solution in answer.solutions]
    work.write("questions.jsonl", questions)
    work.write("solutions.jsonl", solutions)
    measured = [Measured(question_id=id_, measures=dict(a.measures)) for id_, a in answers.items() if a.measures]
    if solutions != samples:
        work.write("samples.jsonl", samples)
    if measured:
        work.write("measures.jsonl", measured)
    return questions, solutions, {**means(measured), **stage.answering.summary(questions, solutions)}


@contextmanager
def solving(stage: Samples, complete: Complete, scorer: Path | None = None) -> Iterator[Solve]:
    """What gives the sampled and judged solutions of questions, by an engine that is open."""
    stage.answering.check_engine(stage.engine)
    setting = Setting(
        task=stage.task,
        format=stage.format,
        sampling=stage.answering.draws(stage.sampling),
        seed=stage.seed,
        reasoner=reasoner_name(stage.engine, stage.trained),
    )
    with stage.answering.open(setting, complete, scorer) as solve:
        yield solve


def settled(stage: Samples, questions: Sequence[Question], samples: Sequence[Solution]) -> Iterator[tuple[str, Answer]]:
    """The answer to each question that has samples, by its id, in order."""
    by_question: dict[str, list[Solution]] = {question.id: [] for question in questions}
    for sample in samples:
        by_question[sample.question_id].append(sample)
    for question in questions:
        if by_question[question.id]:
            yield question.id, stage.answering.settle(question, by_question[question.id], stage.task.verifier)


def means(measured: Sequence[Measured]) -> dict[str, dict[str, float]]:
    """The mean of each measure over the questions that have it; nothing where none has any."""
    names = dict.fromkeys(name for row in measured for name in row.measures)
    held = {name: [row.measures[name] for row in measured if name in row.measures] for name in names}
    return {"measures": {name: sum(values) / len(values) for name, values in held.items()}} if held else {}


def tally(solutions: Sequence[Solution]) -> dict[str, Any]:
    """Counts that a summary shows: by verdict, cut at the limit, tokens."""
    verdicts = Counter(solution.verdict for solution in solutions)
    return {
        "sampled": len(solutions),
        **{verdict.value: verdicts[verdict] for verdict in Verdict},
        "cut_at_limit": sum(solution.finish_reason == "length" for solution in solutions),
        **Counter(UNANSWERED[one.finish_reason] for one in solutions if one.finish_reason in UNANSWERED),
        "prompt_tokens": sum(solution.prompt_tokens for solution in solutions),
        "completion_tokens": sum(solution.completion_tokens for solution in solutions),
    }
