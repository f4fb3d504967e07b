"""Sampling and judging solutions: what generation and evaluation have in common."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Any, Protocol, runtime_checkable

from lema.base import prompts
from lema.base.protocols import Complete, Engine, Prompt, Reply, Sampling, Task
from lema.base.question_slice import Slice
from lema.base.records import Question, Solution, Verdict
from lema.base.spec import key
from lema.data.formats import Format
from lema.pad.executing import Executing
from lema.pad.judging import EXECUTED, one_line, rounds_to
from lema.pad.refining import Answerer, answering, class_and_rounds
from lema.pad.stepping import check_engine
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
    return trained.checkpoint(inputs) if isinstance(trained, Choice) else inputs(trained).path / "model"


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
    def executing(self) -> Executing | None: ...


def chosen_questions(stage: Samples, inputs: Inputs) -> list[Question]:
    """The questions of a slice of the task, or those that an earlier stage made."""
    where = stage.questions
    if isinstance(where, Stage):
        return list(inputs(where).rows("questions.jsonl", Question))
    return stage.task.questions(where.split, where.start, where.stop)


def sample_solutions(
    stage: Samples, inputs: Inputs, work: Work, scorer: Stage | None = None
) -> tuple[list[Question], list[Solution]]:
    """Sample and judge solutions of a stage's questions, part by part; write `questions.jsonl`, `solutions.jsonl`.

    Parts that a killed run finished are read, not sampled again; `stage.part` decides only how often
    that happens, never what is sampled.

    Args:
        scorer: the training of what scores steps of programs, where that was trained.
    """
    questions = chosen_questions(stage, inputs)
    complete = work.session.open(stage.engine, checkpoint=checkpoint_of(stage.trained, inputs), replies=work.replies)
    with solving(stage, complete, checkpoint_of(scorer, inputs)) as do:
        solutions = work.map("solutions", questions, do, Solution, part=stage.part, unit="questions")
    work.write("questions.jsonl", questions)
    work.write("solutions.jsonl", solutions)
    return questions, solutions


@contextmanager
def solving(
    stage: Samples, complete: Complete, scorer: Path | None = None
) -> Iterator[Callable[[Sequence[Question]], list[Solution]]]:
    """What gives the sampled and judged solutions of questions, by an engine that is open; paths, or programs that are
    run."""
    if stage.executing is None:
        yield partial(solve, stage, complete)
        return
    if stage.executing.beam is not None:
        check_engine(stage.engine)
    with answering(stage.executing, stage.format, scorer) as answerer:
        yield partial(solve_by_programs, stage, complete, answerer)


def solve_by_programs(
    stage: Samples, complete: Complete, answerer: Answerer, questions: Sequence[Question]
) -> list[Solution]:
    """Programs for some questions, judged by their values."""
    reasoner = reasoner_name(stage.engine, stage.trained)
    asked = [program_prompt(stage, question) for question in questions]
    found = answerer.answers(questions, asked, complete, stage.sampling)
    return [
        Solution(
            question_id=question.id,
            reasoner=reasoner,
            sample=sample,
            text=attempt.text,
            finish_reason=attempt.finish_reason,
            prompt_tokens=attempt.prompt_tokens,
            completion_tokens=attempt.completion_tokens,
            **answerer.judged(attempt, question, stage.task.verifier),
        )
        for question, several in zip(questions, found, strict=True)
        for sample, attempt in enumerate(several)
    ]


def program_prompt(stage: Samples, question: Question) -> Prompt:
    """The request for programs."""
    return Prompt(
        id=question.id,
        text=stage.format.program_prompt(question),
        chat=stage.format.chat,
        seed=prompts.seed(stage.seed, question.id),
        fields={"question": question.text},
    )


def solve(stage: Samples, complete: Complete, questions: Sequence[Question]) -> list[Solution]:
    """Sampled and judged solutions of some questions by an engine that is open."""
    asked = [
        Prompt(
            id=question.id,
            text=stage.format.cot_prompt(question),
            chat=stage.format.chat,
            seed=prompts.seed(stage.seed, question.id),
            fields={"question": question.text},
        )
        for question in questions
    ]
    reasoner = reasoner_name(stage.engine, stage.trained)
    replies = complete(asked, stage.sampling)
    return [
        judged(stage.task, reasoner, question, sample, reply)
        for question, several in zip(questions, replies, strict=True)
        for sample, reply in enumerate(several)
    ]


def judged(task: Task, reasoner: str, question: Question, sample: int, reply: Reply) -> Solution:
    """A reply as a solution with its verdict."""
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


def ran(questions: Sequence[Question], solutions: Sequence[Solution]) -> dict[str, Any]:
    """What a summary shows of programs: how many left a value, the others by class, how many were repaired, and how
    many would be right by the rounding of the paper's code."""
    gold = {question.id: question.answer for question in questions}
    classes = Counter(class_and_rounds(solution.rung) for solution in solutions)
    values = [(solution.answer, gold[solution.question_id]) for solution in solutions if solution.answer is not None]
    errors: Counter[str] = Counter()
    for (name, _), number in classes.items():
        errors[name] += number if name != EXECUTED else 0
    return {
        "executed": sum(number for (name, _), number in classes.items() if name == EXECUTED),
        "errors": {name: number for name, number in sorted(errors.items()) if number},
        "refined": sum(number for (_, rounds), number in classes.items() if rounds),
        "refined_executed": sum(number for (name, rounds), number in classes.items() if rounds and name == EXECUTED),
        "right_pad_v1": sum(one_line(value) and rounds_to(value, wanted) for value, wanted in values),
    }
