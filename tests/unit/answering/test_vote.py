"""A vote: who is elected, what is told beside it, and that its samples are kept."""

from __future__ import annotations

import dataclasses
import itertools
from collections import Counter
from pathlib import Path
from statistics import fmean

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st
from toys.lab import LastWord, experiment, points, run
from toys.programs import BODY

from lema.answering.answering import Measured
from lema.answering.path import PATH
from lema.answering.vote import Vote, ladder, pass_at
from lema.base.errors import ConfigError
from lema.base.protocols import Sampling
from lema.base.records import Question, Solution, Verdict
from lema.experiment.pipeline import pipeline
from lema.pad.stepping import StepBeam
from lema.report.read import finished
from lema.report.tables import data_tables
from lema.store import Store

QUESTION = Question(id="q", task="toy", text="What is 3 + 3?", answer="6")


def samples(*answers: str | None) -> list[Solution]:
    verdicts = {"6": Verdict.RIGHT, None: Verdict.NO_ANSWER}
    return [
        Solution(
            question_id="q", reasoner="m", sample=number, text=f"{number}: {answer}", answer=answer,
            verdict=verdicts.get(answer, Verdict.WRONG), prompt_tokens=9, completion_tokens=5,
        )
        for number, answer in enumerate(answers)
    ]  # fmt: skip


def elected(*answers: str | None) -> Solution:
    (solution,) = Vote(n=len(answers)).settle(QUESTION, samples(*answers), LastWord()).solutions
    return solution


@pytest.mark.parametrize(
    ("answers", "answer", "verdict"),
    [
        (("6", "7", "6"), "6", Verdict.RIGHT),
        (("7", "6", "7", "6", "7"), "7", Verdict.WRONG),
        (("7", "6"), "7", Verdict.WRONG),  # as many votes: the one sampled first
        (("6", "7", "8"), "6", Verdict.RIGHT),
        ((None, None, None, "6"), "6", Verdict.RIGHT),  # those without an answer do not vote
        ((None, None), None, Verdict.NO_ANSWER),
    ],
)
def test_the_answer_of_most_is_elected_right_or_wrong(
    answers: tuple[str | None, ...], answer: str | None, verdict: Verdict
) -> None:
    solution = elected(*answers)
    assert (solution.answer, solution.verdict, solution.sample) == (answer, verdict, 0)
    assert solution.completion_tokens == 5 * len(answers) and solution.prompt_tokens == 9 * len(answers)


def test_the_verdict_has_no_say_in_the_vote() -> None:
    told = samples("7", "7", "6")
    swapped = [
        msgspec.structs.replace(one, verdict=Verdict.RIGHT if one.answer == "7" else Verdict.WRONG) for one in told
    ]
    first, second = (Vote(n=3).settle(QUESTION, one, LastWord()) for one in (told, swapped))
    assert first.solutions[0].answer == second.solutions[0].answer == "7"
    assert first.measures["share of votes"] == second.measures["share of votes"] == pytest.approx(2 / 3)


@given(n=st.integers(2, 7), right=st.integers(0, 7), k=st.integers(1, 7))
def test_pass_at_k_is_the_share_of_all_draws_of_k_samples_that_hold_a_right_one(n: int, right: int, k: int) -> None:
    right, k = min(right, n), min(k, n)
    draws = list(itertools.combinations([True] * right + [False] * (n - right), k))
    assert pass_at(k, n, right) == pytest.approx(fmean(map(any, draws)))


def test_measures_are_told_up_to_the_number_of_samples() -> None:
    assert list(ladder(8)) == [1, 2, 4, 8] and list(ladder(5)) == [1, 2, 4, 5] and list(ladder(1)) == [1]
    measures = Vote(n=4).settle(QUESTION, samples("6", "7", None, "6"), LastWord()).measures
    assert measures == pytest.approx({"pass@1": 0.5, "pass@2": 5 / 6, "pass@4": 1.0, "share of votes": 0.5})


def test_a_vote_on_programs_goes_by_their_values_and_asks_a_model_without_them_for_paths() -> None:
    vote = Vote(of=BODY)
    assert vote.same("12", "12.0", LastWord()) and not Vote().same("12", "12.0", LastWord())
    assert vote.learned("program") == vote and vote.learned("path") == Vote(of=PATH)
    assert vote.once() == BODY


def test_what_gives_one_answer_alone_has_nothing_to_vote_on() -> None:
    with pytest.raises(ConfigError, match=r"answering\.of.*beam"):
        Vote(of=dataclasses.replace(BODY, beam=StepBeam())).check()
    Vote(of=BODY).check()


def test_an_evaluation_by_vote_keeps_its_samples_and_every_report_shows_its_measures(tmp_path: Path) -> None:
    store = Store(tmp_path)
    sweep = points(["cot"], [0], answering=Vote(n=5))
    run(store, sweep)
    stages = pipeline(sweep[0].experiment)
    artifact = store.get(stages.evaluate[0])
    sampled = list(artifact.rows("samples.jsonl", Solution))
    solutions = {solution.question_id: solution for solution in artifact.rows("solutions.jsonl", Solution)}
    assert Counter(sample.question_id for sample in sampled) == dict.fromkeys(solutions, 5)
    for id_, own in itertools.groupby(sampled, key=lambda sample: sample.question_id):
        counts = Counter(sample.answer for sample in own if sample.answer is not None)
        assert counts[solutions[id_].answer] == max(counts.values(), default=0)
    rows = list(artifact.rows("measures.jsonl", Measured))
    single = fmean(sample.verdict is Verdict.RIGHT for sample in sampled)
    assert fmean(row.measures["pass@1"] for row in rows) == pytest.approx(single)
    assert artifact.summary["measures"]["pass@1"] == pytest.approx(single)
    report = finished(tmp_path).report
    told = {(row.arm, row.measure): row for row in report.measures}
    assert told["cot", "pass@1"].mean == pytest.approx(single) and told["cot", "pass@1"].n == len(solutions)
    assert {measure for arm, measure in told if arm == "base"} == {
        "pass@1",
        "pass@2",
        "pass@4",
        "pass@5",
        "share of votes",
    }
    assert "share of votes" in str(data_tables.measures(report))


def test_the_vote_moves_no_training_and_no_choice_of_checkpoint() -> None:
    plain, vote = (pipeline(experiment("cot", 0, answering=one)) for one in (PATH, Vote(n=3)))
    assert plain.train == vote.train and plain.evaluate != vote.evaluate and plain.base != vote.base
    assert vote.evaluate[0].answering.draws(Sampling(max_tokens=7)) == Sampling(n=3, temperature=0.7, max_tokens=7)


def test_a_vote_is_compared_with_one_path_of_the_same_model_and_with_a_vote_before_training(tmp_path: Path) -> None:
    sweep = [point for one in (PATH, Vote(n=3)) for point in points(["cot"], [0], answering=one)]
    run(store := Store(tmp_path), sweep)
    assert store.artifacts.is_dir()
    compared = {(one.arm, one.baseline) for one in finished(tmp_path).report.comparisons}
    assert compared == {("cot (vote)", "cot"), ("cot", "base"), ("cot (vote)", "base (vote)")}
