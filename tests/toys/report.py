"""A report of made-up results, with everything that a report can hold and with text that must be escaped."""

from __future__ import annotations

import math
import random

from lema.base.records import Correction, Question, Solution, Verdict
from lema.report.findings.compare import compare
from lema.report.findings.corrections import funnel, pick
from lema.report.findings.results import ArmResult
from lema.report.findings.success import Sent, rows
from lema.report.model import Curve, Mix, Note, Provenance, Report, StageLine
from lema.report.tables.parts import Choice, DeltaPpl, LeakCount, LeakPair, Leaks, Level, Sieve

HOSTILE = "<script>alert('x')</script> & [bold]not markup[/bold]"


def results(n: int = 1000, seeds: tuple[int, ...] = (0, 1), gain: float = 0.04) -> list[ArmResult]:
    """A base model and two arms, the second one right on `gain` more questions than the first."""
    draw = random.Random(0)
    ids = [f"q{number:04}" for number in range(n)]
    hard = {id_: draw.random() for id_ in ids}

    def answers(strength: float) -> dict[str, bool]:
        return {id_: hard[id_] + draw.gauss(0, 0.12) < strength for id_ in ids}

    arms = [ArmResult(arm="base", seed=None, right=answers(0.55))]
    for name, strength in (("cot", 0.64), ("cot_and_corrections", 0.64 + gain)):
        arms += [ArmResult(arm=name, seed=seed, right=answers(strength)) for seed in seeds]
    return arms


def material(count: int = 14) -> tuple[dict[str, Question], list[Solution], list[Correction]]:
    """Questions, wrong paths and corrections, of three classes of mistakes."""
    questions, solutions, corrections = {}, [], []
    for i in range(count):
        name = ("Mia", "Noor", "Teo")[i % 3]
        apples, more = 7 + i, 5 + i % 4
        text = (
            f"{name} has {apples} apples and buys {more} bags of 3. {HOSTILE if i == 0 else ''} How many are there now?"
        )
        question = Question(id=f"t{i}", task="toy", text=text, answer=str(apples + 3 * more))
        slip = 3 * more + 1 + i % 2
        path = (
            f"Step 1: {name} starts with {apples} apples.\nStep 2: {more} bags of 3 are {more} * 3 = {slip} apples.\n"
            f"Step 3: Together that is {apples} + {slip} = {apples + slip}.\nStep 4: The answer is {apples + slip}."
        )
        solution = Solution(
            question_id=question.id,
            reasoner="toy",
            sample=0,
            text=path,
            verdict=Verdict.WRONG,
            answer=str(apples + slip),
        )
        correction = Correction(
            question_id=question.id,
            solution_id=solution.id,
            corrector="toy",
            step=2,
            explanation=f"{more} times 3 is {3 * more}, not {slip}: the product was miscalculated.",
            solution=(
                f"{more} bags of 3 are {more} * 3 = {3 * more} apples.",
                f"Together that is {apples} + {3 * more} = {apples + 3 * more}.",
                f"The answer is {apples + 3 * more}.",
            ),
            answer=str(apples + 3 * more),
            error=("arithmetic_slip", "wrong_operand", "wrong_operation")[i % 3],
            reject="" if i % 5 else "wrong_answer",
        )
        questions[question.id] = question
        solutions.append(solution)
        corrections.append(correction)
    return questions, solutions, corrections


COUNTS = {
    "sampled": 6000,
    "right": 2531,
    "wrong": 3290,
    "no_answer": 167,
    "undecided": 12,
    "left_out": {"duplicate": 410, "over_per_question": 380},
    "corrected": 2500,
    "accepted": 2391,
    "rejected": {"wrong_answer": 88, "no_closing_answer": 21},
}


def curve(arm: str, seed: int, floor: float) -> Curve:
    draw = random.Random(f"{arm}{seed}")
    steps = tuple(range(1, 201, 2))
    losses = tuple(floor + 0.9 * math.exp(-step / 35) + draw.gauss(0, 0.012) for step in steps)
    return Curve(arm=arm, seed=seed, steps=steps, losses=losses)


SIEVES = (
    Sieve(
        name="Correction-centric evolution by teacher",
        top="drawn from 812 different seed questions",
        levels=(
            Level(name="new questions written", came=3000, left_out={"several_questions": 41, "empty": 7}, stayed=2952),
            Level(
                name="unlike any other question",
                came=2952,
                left_out={"like_seed": 301, "like_evolved": 97, "like_test": 12},
                stayed=2542,
            ),
            Level(name="kept, labelled by a majority", came=2542, left_out={"no_majority": 530}, stayed=2012),
        ),
    ),
    Sieve(
        name="Augmentation by tiny on train[0:3000]",
        top="sampled paths",
        levels=(
            Level(
                name="kept, of 2,700 questions",
                came=9000,
                left_out={"wrong": 2011, "duplicate": 402, "unparsable": 87},
                stayed=6500,
            ),
        ),
    ),
)
LEAKS = Leaks(
    counts=(
        LeakCount(arm="cot", seeds=(0, 1), source="cot", dropped={"exact": 3, "overlap": 11}),
        LeakCount(arm="cot", seeds=(0, 1), source="augmented", dropped={"names": 2}),
        LeakCount(arm="cot_and_corrections", seeds=(0,), source="", dropped={}),
    ),
    pairs=(
        LeakPair(
            question=f"Ana has 12 apples and {HOSTILE.lower()} eats 5 of them. How many apples are left for tomorrow?",
            test_question="Ben has 30 pears and eats 6 of them. How many pears are left for tomorrow?",
            test_set="gsm_synth test[0:1000]",
            source="cot",
            rule="overlap",
            share=0.625,
        ),
        LeakPair(
            question="t17",
            test_question="q0312",
            test_set="gsm_synth test[0:1000]",
            source="augmented",
            rule="exact",
            share=1,
        ),
    ),
    distinct=16,
)
DELTAS = tuple(
    DeltaPpl(
        model="tiny",
        arm=arm,
        seed=seed,
        corrections_of="tiny on train[0:1500]",
        corrections=2391,
        questions=1204,
        mean=mean,
        low=None if mean is None else mean - 0.031,
        high=None if mean is None else mean + 0.034,
        median=None if mean is None else mean / 2,
        wrong_ppl=None if mean is None else 1.9 + mean,
        right_ppl=None if mean is None else 1.9,
    )
    for arm, seed, mean in (("base", None, -0.1234), ("cot", 0, None), ("cot_and_corrections", 0, 1.4567))
)


def choice(arm: str, seed: int) -> Choice:
    steps = tuple(range(100, 1100, 100))
    accuracies = tuple(0.6 - (step - 600 - 10 * seed) ** 2 / 2e6 for step in steps)
    return Choice(
        arm=arm,
        seed=seed,
        by="best_on_dev",
        on="gsm_synth dev[0:500]",
        questions=500,
        chosen=600,
        steps=steps,
        accuracies=accuracies,
        best_three=sum(sorted(accuracies)[-3:]) / 3,
    )


def toy_report(gain: float = 0.04, seeds: tuple[int, ...] = (0, 1)) -> Report:
    arms, comparisons = compare(results(gain=gain, seeds=seeds), baseline="cot", base="base")
    questions, solutions, corrections = material()
    trained = [("cot", 0.22), ("cot_and_corrections", 0.31)]
    return Report(
        title="gsm_synth, tiny model: CoT against CoT + corrections",
        question="Does learning from corrected mistakes help, at an equal number of examples?",
        baseline="cot",
        base="base",
        arms=arms,
        comparisons=comparisons,
        funnels=(funnel("tiny on train[0:1500]", COUNTS),),
        success=rows(
            Sent(path=path, correction=correction, difficulty=f"Level {1 + number % 2}")
            for number, (path, correction) in enumerate(zip(solutions, corrections, strict=True))
        ),
        sieves=SIEVES,
        leaks=LEAKS,
        choices=tuple(choice(arm, seed) for arm, _ in trained for seed in seeds),
        delta_ppl=DELTAS,
        curves=tuple(curve(arm, seed, floor) for arm, floor in trained for seed in seeds),
        corrections=pick(questions, solutions, corrections),
        mixes=tuple(
            Mix(arm=arm, seed=seed, sources=sources, target_tokens=182_340, repeats=17 + seed, same_text=738)
            for arm, sources in (("cot", {"cot": 3000}), ("cot_and_corrections", {"cot": 2100, "correction": 900}))
            for seed in seeds
        ),
        notes=(
            Note(level="warning", text=f"Training examples come from the split that is scored. {HOSTILE}"),
            Note(level="note", text="Two seeds say little about the variance between seeds."),
        ),
        provenance=Provenance(
            command="lema -m data_mix=cot,cot_and_corrections seed=0,1",
            commit="0123456789abcdef0123456789abcdef01234567",
            dirty=True,
            versions={"lema": "0.1.0", "torch": "2.13.0", "transformers": "5.23.0"},
            seeds=seeds,
        ),
        stages=(
            StageLine(
                name="generate", key="0f3a9b2c4d5e6f70", seconds=71.3, prompt_tokens=512_000, completion_tokens=389_112
            ),
            StageLine(name="correct", key="1f3a9b2c4d5e6f70", seconds=2.1),
            StageLine(name="train", key="2f3a9b2c4d5e6f70", seconds=183.0),
            StageLine(
                name="evaluate", key="3f3a9b2c4d5e6f70", seconds=31.0, prompt_tokens=82_000, completion_tokens=61_882
            ),
        ),
    )
