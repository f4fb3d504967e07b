"""TriviaQA and TruthfulQA: how a row becomes a question, how answers in words are judged, and picks among them."""

from __future__ import annotations

import json
from collections import Counter
from pathlib import Path
from typing import Any

import pytest
from material.made_data import data_of, trivia, truths
from toys.lab import run_stage
from toys.pickers import discriminated, sampled

from lema.base.errors import ConfigError, InputError
from lema.base.protocols import Sampling
from lema.base.question_slice import Slice
from lema.base.records import Question, Verdict
from lema.discrimination.asking import Asking
from lema.engines.scripted import Scripted
from lema.stages.discriminate import Pool
from lema.store import Store
from lema.tasks.triviaqa import Triviaqa
from lema.tasks.truthfulqa import Truthfulqa
from lema.verifiers.aliases import Aliases
from lema.verifiers.choices import Choices

BAND = Question(id="q", task="t", text="Who?", answer="The Beatles", aliases=("Beatles, The", "Fab Four"))


def of_rows(folder: Path, *rows: dict[str, Any]) -> Path:
    (folder / "validation.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    return folder


@pytest.mark.parametrize(
    ("text", "verdict"),
    [
        ("The answer is the Beatles.", Verdict.RIGHT),
        ("Step 1: A band.\nStep 2: The answer is BEATLES!", Verdict.RIGHT),
        ("The answer is fab four. They are from Liverpool.", Verdict.RIGHT),
        ("#### Fab-Four", Verdict.RIGHT),
        ("The answer is the Beatles or the Stones.", Verdict.WRONG),
        ("The answer is Queen.", Verdict.WRONG),
        ("The answer is unknown.", Verdict.NO_ANSWER),
        ("Some band.", Verdict.NO_ANSWER),
    ],
)
def test_any_alias_is_right_by_its_words(text: str, verdict: Verdict) -> None:
    assert Aliases().judge(text, BAND).verdict is verdict


def test_an_abbreviation_does_not_end_an_answer() -> None:
    question = Question(id="q", task="t", text="Where?", answer="St. Louis")
    assert Aliases().judge("The answer is St. Louis.", question).verdict is Verdict.RIGHT
    assert Aliases().equal("St Louis", "st. louis") and not Aliases().equal("", "")


def test_a_trivia_row_has_its_other_names_as_aliases() -> None:
    task = Triviaqa(verifier=Aliases(), path=str(data_of("triviaqa")))
    (question,) = task.questions("validation", 7, 8)
    assert question.text == trivia(267)["question"] and question.answer == "Port Number 267"
    assert question.aliases == ("the Port Number 267", "Harbour 267")
    assert task.verifier.judge("The answer is harbour 267.", question).verdict is Verdict.RIGHT


def test_a_repeated_trivia_question_is_told_apart(tmp_path: Path) -> None:
    task = Triviaqa(verifier=Aliases(), path=str(of_rows(tmp_path, trivia(1), trivia(1))))
    one, other = task.questions("validation")
    assert other.id == f"{one.id}-2"


def test_the_true_answer_is_not_always_first() -> None:
    questions = Truthfulqa(verifier=Choices(), path=str(data_of("truthfulqa"))).questions("validation")
    places = Counter(question.choices.index(question.answer) for question in questions)
    assert set(places) == {0, 1, 2, 3} and max(places.values()) < 0.4 * len(questions)
    assert questions[5].answer == "It weighs 5 grams"


@pytest.mark.parametrize(
    ("task", "row", "message"),
    [
        (Triviaqa, {"question": "Who?", "answer": {"value": " "}}, "line 1: no question, or no answer"),
        (Triviaqa, {"question": "Who?"}, "not a row of triviaqa"),
        (Truthfulqa, truths(1) | {"question": " "}, "no question, or not one true"),
        (Truthfulqa, {"question": "?", "mc1_targets": {"choices": ["a", "b"], "labels": [1, 1]}}, "not one true"),
        (Truthfulqa, {"question": "?", "mc1_targets": {"choices": ["a"], "labels": [1, 0]}}, "not one true"),
    ],
)
def test_a_row_that_is_no_question_is_named(task: Any, row: dict[str, Any], message: str, tmp_path: Path) -> None:
    verifier = Aliases() if task is Triviaqa else Choices()
    with pytest.raises(InputError, match=message):
        task(verifier=verifier, path=str(of_rows(tmp_path, row))).questions("validation")


@pytest.mark.parametrize("task", [Triviaqa, Truthfulqa])
def test_the_hub_needs_a_pinned_revision(task: Any) -> None:
    with pytest.raises(ConfigError, match="needs a pinned revision"):
        task(verifier=Choices()).check()
    task(verifier=Choices(), revision="0" * 40).check()


def test_picks_among_answers_in_words(tmp_path: Path) -> None:
    """Every fourth sample names the port by another of its names; the discriminator writes what a harbour is called."""
    task = Triviaqa(verifier=Aliases(), path=str(data_of("triviaqa")))
    solver = Scripted(rules=((r"number (\d+) on", "The answer is {Port Number |Harbour |Bay |Cape }{1}."),))
    candidates = sampled(
        task=task,
        questions=Slice(split="validation", stop=30),
        engine=solver,
        sampling=Sampling(n=4, temperature=1.0),
    )
    picker = Scripted(
        rules=((r"number (\d+) on the made-up map\?\n(?:Answer.*\n)*The right one is$", " the harbour {1}."),)
    )
    stage = discriminated(
        candidates=candidates, task=task, engine=picker, asking=Asking(read_out="verbatim"), demos=Slice(split="train")
    )
    store = Store(tmp_path / "store")
    run_stage(store, stage)
    pools = list(store.get(stage).rows("pools.jsonl", Pool))
    measured = store.get(stage).summary["measured"]
    with_harbour = [pool for pool in pools if any("Harbour" in str(answer) for answer in pool.answers)]
    expected = sum(1.0 if pool in with_harbour else min(pool.values) for pool in pools) / len(pools)
    assert measured["disc"] == pytest.approx(expected) and 10 < len(with_harbour) < 30
