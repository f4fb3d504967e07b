"""Asking a model for new questions."""

from __future__ import annotations

import pytest
from toys.canned import CUT, Canned
from toys.lab import Sums

from lema.base import prompts
from lema.base.errors import ConfigError, InputError
from lema.base.protocols import Sampling
from lema.base.records import Evolved, Question, Seed
from lema.base.spec import key
from lema.engines.scripted import Scripted
from lema.evolvers.teacher import Teacher

QUESTION = Question(
    id="q1", task="toy", text="Ann has 3 bags of 4 pens. How many pens?", answer="secret", solution="hidden #### secret"
)
SEEDS = [Seed(question=QUESTION, copy=copy) for copy in range(6)]


def evolved(*replies: str, seeds: list[Seed] = SEEDS[:1]) -> list[Evolved]:
    with Teacher(engine=Canned(replies=replies)).open(Sums()) as evolve:
        return evolve(seeds)


def test_the_prompt_holds_the_question_and_neither_answer_nor_path() -> None:
    prompt = Teacher(engine=Scripted()).ask(SEEDS[0], prompts.read("evolve_question"))
    assert QUESTION.text in prompt.text
    assert prompt.text.endswith("\n\nNew exercise:")
    assert "secret" not in prompt.text + str(prompt.fields)
    assert "hidden" not in prompt.text


def test_the_shipped_prompt_says_what_the_paper_asks_for_and_can_be_filled() -> None:
    text = prompts.read("evolve_question")
    assert text.count("{{question}}") == 1
    assert prompts.render(text, question="{{x}}").count("{{x}}") == 1


def test_a_new_question_names_its_parent_and_has_no_answer_yet() -> None:
    (row,) = evolved("New exercise: How many legs do 3 cats have?")
    assert row.reject == ""
    assert row.reply == "New exercise: How many legs do 3 cats have?"
    child = row.question
    assert child is not None
    assert (child.text, child.parent, child.task) == ("How many legs do 3 cats have?", "q1", "toy")
    assert (child.answer, child.solution) == ("", "")


def test_ids_come_from_the_text_alone() -> None:
    one, two = evolved("How many?")[0].question, evolved("Question: How many?")[0].question
    other = evolved("How much?")[0].question
    assert one is not None and two is not None and other is not None
    assert one.id == two.id != other.id


def test_what_cannot_be_read_is_counted_by_name_with_the_whole_reply() -> None:
    for reply, reason in (("", "empty"), (f"A tram has 4{CUT}", "truncated"), ("1. A?\n2. B?", "several_questions")):
        (row,) = evolved(reply)
        assert (row.question, row.reject, row.reply) == (None, reason, reply.removesuffix(CUT))


def test_a_seed_without_a_reply_is_counted() -> None:
    row = Teacher(engine=Scripted()).read(SEEDS[2])
    assert (row.seed, row.copy, row.question, row.reject) == ("q1", 2, None, "no_reply")


def test_each_draw_of_a_question_is_asked_with_a_seed_of_its_own_whatever_the_chunks() -> None:
    engine = Scripted(rules=(("New exercise", "What is {seed} + 1?"),))
    with Teacher(engine=engine).open(Sums()) as evolve:
        rows = evolve(SEEDS)
        assert [row for seed in SEEDS for row in evolve([seed])] == rows
    assert [row.copy for row in rows] == list(range(6))
    assert len({row.question.text for row in rows if row.question}) == 6


def test_nothing_in_nothing_out() -> None:
    assert evolved("How many?", seeds=[]) == []


def test_a_question_with_choices_is_refused_and_named() -> None:
    choice = Question(id="c7", task="csqa", text="Where?", answer="A", choices=("A. here", "B. there"))
    with pytest.raises(InputError, match=r"c7 of csqa has choices"):
        evolved("How many?", seeds=[Seed(question=choice, copy=0)])


def test_impossible_settings_are_refused() -> None:
    warm = Sampling(temperature=0.7)
    with pytest.raises(ConfigError, match=r"evolver\.sampling\.n"):
        Teacher(engine=Scripted(), sampling=Sampling(n=2, temperature=0.7)).check()
    with pytest.raises(ConfigError, match=r"evolver\.sampling\.temperature"):
        Teacher(engine=Scripted(), sampling=Sampling()).check()
    with pytest.raises(ConfigError, match=r"evolver\.prompt"):
        Teacher(engine=Scripted(), sampling=warm, prompt="none").check()


def test_the_text_of_the_prompt_is_in_the_key(monkeypatch: pytest.MonkeyPatch) -> None:
    before = key(Teacher(engine=Scripted()))
    monkeypatch.setattr("lema.base.prompts.read", lambda name: "other words {{question}}")
    assert key(Teacher(engine=Scripted())) != before
