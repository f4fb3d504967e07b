"""A scorer of steps, made of the shipped model by the real trainer: what it learns, and each step on its own."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator
from pathlib import Path
from statistics import fmean

import pytest
from toys.lab import run_stage
from toys.planted import planted
from toys.programs import TASK

from lema.base.errors import ConfigError
from lema.base.protocols import Prompt, Reply, Sampling
from lema.base.records import Question, Solution, Verdict
from lema.data.formats import Format
from lema.lm.model import Model
from lema.pad.demos import program_of
from lema.pad.learned import Learned
from lema.pad.scorers import LOWEST, Score
from lema.pad.stepping import Prefix, StepBeam, search
from lema.stages.prefixes import Prefixes
from lema.stages.train import Train
from lema.store import Store
from lema.synth.draw import Draw
from lema.trainers.finetune import Finetune

pytestmark = pytest.mark.real
SCORER = Learned(model=Model(name="tiny", shipped="tiny", dtype="float32"), device="cpu")
TRAINER = Finetune(method="full", learning_rate=2e-3, max_steps=24, batch_size=16, micro_batch=16, device="cpu")
SLIP = "Step = Nora = Nora + 1"


def slipped(question: Question, right: str) -> tuple[str, int]:
    """The program with a line that no right one has, and how many lines stand before it."""
    lines = right.split("\n")
    at = Draw("slip", question.id).between(0, len(lines) - 1)
    return "\n".join([*lines[:at], SLIP, *lines[at:]]), at


def programs(start: int, stop: int) -> list[tuple[Question, str]]:
    questions = TASK.questions("train", start, stop)
    return [(question, text) for question in questions if (text := program_of(question, "body")) is not None]


def sampled(question: Question, sample: int, text: str, verdict: Verdict) -> Solution:
    return Solution(question_id=question.id, reasoner="tiny", sample=sample, text=text, verdict=verdict)


@pytest.fixture(scope="module")
def checkpoint(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("scorer")
    held = programs(0, 60)
    solutions = [
        solution
        for question, right in held
        for solution in (
            sampled(question, 0, right, Verdict.RIGHT),
            sampled(question, 1, slipped(question, right)[0], Verdict.NO_ANSWER),
        )
    ]
    generated = planted(folder / "sampled", questions=[question for question, _ in held], solutions=solutions)
    prefixes = Prefixes(sampled=generated, form="body", format=Format(), right=SCORER.right, wrong=SCORER.wrong)
    stage = Train(examples=prefixes, model=SCORER.model, trainer=TRAINER, format=Format())
    store = Store(folder / "store")
    run_stage(store, stage)
    assert 300 < store.get(prefixes).summary["examples"] < 700
    return store.get(stage).path / "model"


@pytest.fixture(scope="module")
def score(checkpoint: Path) -> Iterator[Score]:
    with SCORER.open("body", lambda _: [], format_=Format(), checkpoint=checkpoint) as made:
        yield made


def steps_of(question: Question, program: str) -> list[Prefix]:
    lines = program.split("\n")
    return [
        Prefix(question=question.text, before="".join(f"{one}\n" for one in lines[:number]), line=lines[number])
        for number in range(len(lines))
    ]


def test_beginnings_that_end_well_are_ranked_above_those_that_do_not_on_unseen_questions(score: Score) -> None:
    right, wrong = [], []
    for question, text in programs(100, 130):
        other, at = slipped(question, text)
        right.append(score(steps_of(question, text))[min(at, text.count("\n"))])
        wrong.append(score(steps_of(question, other))[at])
    better = fmean((good > bad) + 0.5 * (good == bad) for good in right for bad in wrong)
    assert better > 0.9, (better, right, wrong)
    assert all(LOWEST <= one <= 1 for one in (*right, *wrong))


def test_the_score_of_a_step_does_not_depend_on_the_others(score: Score) -> None:
    steps = [step for question, text in programs(100, 104) for step in steps_of(question, slipped(question, text)[0])]
    together = score(steps)
    assert len(set(together)) > 5
    assert together == [score([step])[0] for step in steps] == score(steps[::-1])[::-1]


def test_steps_read_at_once_are_scored_alike_but_for_rounding(score: Score, checkpoint: Path) -> None:
    steps = [step for question, text in programs(100, 103) for step in steps_of(question, text)]
    at_once = dataclasses.replace(SCORER, steps_at_once=64)
    with at_once.open("body", lambda _: [], format_=Format(), checkpoint=checkpoint) as several:
        assert several(steps) == pytest.approx(score(steps), rel=1e-4)


def test_a_beam_that_it_leads_leaves_the_slips_and_no_question_depends_on_the_batch(score: Score) -> None:
    """Each next line is the right one or a slip; without a scorer the slip is the likelier."""
    held = {question.text: text.split("\n") for question, text in programs(100, 106)}

    def write(asked: list[Prompt], sampling: Sampling) -> list[list[Reply]]:
        replies = []
        for prompt in asked:
            written = prompt.text.split("Answer =\n", 1)[1].split("\n")[:-1]
            lines = held[prompt.fields["question"]]
            right = lines[min(sum(one != SLIP for one in written), len(lines) - 1)]
            slip = SLIP if len(written) < 8 else right
            said = [(right, -1.0), (slip, -0.9)]
            replies.append([Reply(text=text, logprobs=(held_,)) for text, held_ in said])
        return replies

    asked = [
        Prompt(id=str(n), text=f"Question: {text}\nAnswer =\n", seed=n, fields={"question": text})
        for n, text in enumerate(held)
    ]
    beam = StepBeam(width=3, samples=2, scorer=SCORER, weight=2.0)
    plain = search(dataclasses.replace(beam, scorer=None), "body", None, asked, write, 32)  # type: ignore[arg-type]
    led = search(beam, "body", score, asked, write, 32)  # type: ignore[arg-type]
    assert all(SLIP in one.text for one in plain)
    assert sum(SLIP in one.text for one in led) <= 1
    alone = [search(beam, "body", score, [one], write, 32)[0] for one in asked]  # type: ignore[arg-type]
    assert led == alone


def test_a_program_that_no_longer_fits_the_model_is_worth_the_least(score: Score) -> None:
    endless = Prefix(question="How many pens?", before="Step = Mia = 3 + 4\n" * 100, line="Answer = Mia")
    fits = dataclasses.replace(endless, before="Step = Mia = 3 + 4\n")
    first, second = score([endless, fits])
    assert first == LOWEST < second


def test_without_its_training_it_cannot_be_opened() -> None:
    with pytest.raises(ConfigError, match="needs its training"), SCORER.open("body", lambda _: [], format_=Format()):
        pass
