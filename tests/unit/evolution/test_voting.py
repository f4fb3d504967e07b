"""Labels by majority: by equality of answers, never of strings; no majority, no label."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import pytest
from toys.lab import Sums

from lema.base.errors import ConfigError
from lema.base.protocols import Complete, Prompt, Reply, Sampling
from lema.base.records import Evolved, Question
from lema.base.spec import Spec, spec
from lema.data.formats import Format
from lema.engines.scripted import Scripted
from lema.evolution.voting import Voting, majority, vote
from lema.tasks.gsm8k import Gsm8k
from lema.verifiers.numbers import Numbers

TASK = Gsm8k(path="nowhere", verifier=Numbers())
SEED = Question(id="seed", task="gsm8k", text="How many legs do two dogs have?", answer="8")
CHILD = Question(id="child", task="gsm8k", text="How much is half a litre of four litres?", answer="", parent="seed")


@spec
class Answers(Spec):
    """Gives these replies to every prompt, and remembers the prompts."""

    kind = "answers"
    texts: tuple[str, ...]
    name: str = "answers"

    @contextmanager
    def open(self, *, checkpoint: Path | None = None, replies: Path | None = None) -> Iterator[Complete]:
        def complete(prompts: Sequence[Prompt], sampling: Sampling) -> list[list[Reply]]:
            self.seen.extend(prompts)
            return [[Reply(text=text) for text in self.texts[: sampling.n]] for _ in prompts]

        self.seen: list[Prompt]
        object.__setattr__(self, "seen", [])
        yield complete


def labelled(*texts: str, n: int = 3) -> Evolved:
    voting = Voting(engine=Answers(texts=texts), sampling=Sampling(n=n, temperature=0.7))
    with voting.open(TASK, Format()) as label:
        (row,) = label([(SEED, Evolved(seed="seed", copy=0, question=CHILD))])
    return row


def test_the_answer_of_the_majority_becomes_the_reference_and_its_solution_the_path() -> None:
    row = labelled("Step 1: The answer is 7.", "Step 1: 4 / 8 = 0.5\nStep 2: The answer is 0.5.", "The answer is 0.5.")
    assert row.reject == ""
    assert row.question is not None
    assert (row.question.answer, row.question.id, row.question.parent) == ("0.5", "child", "seed")
    assert row.question.solution == "Step 1: 4 / 8 = 0.5\nStep 2: The answer is 0.5."
    assert row.answers == ("7", "0.5", "0.5")


@pytest.mark.parametrize(
    ("one", "other"), [("1/2", "0.5"), ("1,200", "1200.0"), ("$18", "18 dollars"), ("eighteen", "18"), ("3 1/2", "3.5")]
)
def test_answers_in_other_notation_are_one_answer(one: str, other: str) -> None:
    row = labelled(f"The answer is {one}.", "The answer is 99.", f"The answer is {other}.")
    assert row.reject == ""
    assert row.question is not None
    assert Numbers().equal(row.question.answer, other)


def test_neither_a_vote_nor_the_path_of_a_label_is_what_runs_on_or_was_thought_before() -> None:
    runs_on = "Step 1: The answer is 4.\n\nQuestion: Another?\nThe answer is 9."
    row = labelled(runs_on, f"<think>The answer is 8.</think>{runs_on}", "The answer is 9.")
    assert row.question is not None
    assert (row.answers, row.question.answer) == (("4", "4", "9"), "4")
    assert row.question.solution == "Step 1: The answer is 4."


def test_three_different_answers_are_no_majority() -> None:
    row = labelled("The answer is 1.", "The answer is 2.", "The answer is 3.")
    assert row.reject == "no_majority"
    assert row.answers == ("1", "2", "3")


def test_what_cannot_be_read_does_not_vote() -> None:
    assert labelled("I do not know.", "The answer is 4.", "The answer is 4.").reject == ""
    assert labelled("I do not know.", "The answer is 4.", "Who knows.").reject == "no_majority"
    assert labelled("I do not know.", "Neither do I.", "Who knows.").reject == "no_answers"
    assert labelled().reject == "no_answers"


def test_hedges_do_not_become_references_however_many_agree() -> None:
    hedge = "The answer is 12 or 13."
    row = labelled(hedge, hedge, hedge)
    assert (row.reject, row.answers) == ("no_answers", (None, None, None))


def test_a_plurality_is_not_a_majority() -> None:
    texts = [f"The answer is {answer}." for answer in (1, 1, 2, 3, 4)]
    assert labelled(*texts, n=5).reject == "no_majority"
    assert labelled(*texts[:2], texts[0], *texts[2:4], n=5).reject == ""


def test_the_majority_does_not_depend_on_the_order_of_answers() -> None:
    def equal(one: str, other: str) -> bool:
        return float(one) == float(other)

    for answers in (["2", "2.0", "3"], ["3", "2.0", "2"], ["2", "3", "2.0"], [None, "2", "2.0"]):
        first = majority(answers, equal, of=3)
        assert first is not None
        assert float(answers[first] or "") == 2
    assert majority([], equal, of=3) is None


def test_questions_are_put_in_the_format_of_the_experiment_and_never_with_a_reference() -> None:
    engine = Answers(texts=("The answer is 4.",) * 3)
    child = Question(id="c", task="gsm8k", text="What is 2 + 2?", answer="", solution="")
    with Voting(engine=engine).open(TASK, Format(wording="lema_v1", chat=True)) as label:
        label([(SEED, Evolved(seed="seed", copy=0, question=child))])
        (prompt,) = engine.seen
    assert prompt.text == Format(wording="lema_v1").cot_prompt(child)
    assert prompt.chat
    assert SEED.answer not in prompt.text + str(prompt.fields)


def test_votes_can_be_asked_for_in_a_format_of_their_own_that_says_how_an_answer_ends() -> None:
    engine = Answers(texts=("The answer is 4.",) * 3)
    child = Question(id="c", task="gsm8k", text="What is 2 + 2?", answer="")
    with Voting(engine=engine, format=Format(examples="by_task")).open(TASK, Format(wording="lema_v1")) as label:
        label([(SEED, Evolved(seed="seed", copy=0, question=child))])
        (prompt,) = engine.seen
    assert "The answer is 22.\n\nQuestion: A tailor" not in prompt.text and "The answer is 22." in prompt.text
    assert prompt.text.endswith("Question: What is 2 + 2?\nAnswer:\n")


def test_a_label_does_not_depend_on_what_else_is_in_the_batch() -> None:
    engine = Scripted(default="The answer is {1|2|3}.")
    rows = [
        (
            SEED,
            Evolved(seed="seed", copy=i, question=Question(id=f"c{i}", task="gsm8k", text=f"Which, {i}?", answer="")),
        )
        for i in range(20)
    ]
    with Voting(engine=engine).open(TASK, Format()) as label:
        whole = label(rows)
        assert label(rows[7:9]) == whole[7:9]
    assert {row.reject for row in whole} == {"", "no_majority"}


def test_an_answer_is_read_as_the_task_reads_answers() -> None:
    assert vote("so The answer is ?", SEED, "8", Sums().verifier) is None
    assert vote("The answer is 12.", SEED, "8", Sums().verifier) == "12"


def test_votes_that_cannot_differ_are_refused() -> None:
    with pytest.raises(ConfigError, match=r"voting\.sampling\.n"):
        Voting(engine=Scripted(), sampling=Sampling(n=1, temperature=0.7)).check()
    with pytest.raises(ConfigError, match=r"voting\.sampling\.temperature"):
        Voting(engine=Scripted(), sampling=Sampling(n=3)).check()
