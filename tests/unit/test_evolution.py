"""What a strategy refuses, and how seeds are drawn."""

from __future__ import annotations

import pytest
from toy_lab import BLENDS, Sums

from lema.engines.scripted import Scripted
from lema.errors import ConfigError, InputError
from lema.evolution import Strategy, draw_seeds
from lema.evolvers.procedural import Procedural
from lema.evolvers.teacher import Teacher
from lema.tasks.gsm_synth import GsmSynth
from lema.verifiers.integers import Integers
from lema.voting import Voting

PROCEDURAL = Strategy(name="general", seeds_from="task", evolver=Procedural())


def test_a_task_that_cannot_be_evolved_and_a_mix_without_corrections_are_refused() -> None:
    mix = BLENDS["cot_and_corrections"]
    synth = GsmSynth(verifier=Integers())
    with pytest.raises(ConfigError, match=r"evolution_strategy\.evolver.*sums has none.*gsm_synth"):
        PROCEDURAL.check_for(Sums(), mix)
    with pytest.raises(ConfigError, match="data_mix=cot takes none"):
        PROCEDURAL.check_for(synth, BLENDS["cot"])
    PROCEDURAL.check_for(synth, mix)


def test_new_questions_that_nobody_answers_are_refused() -> None:
    silent = Teacher(engine=Scripted())
    with pytest.raises(ConfigError, match=r"evolution_strategy\.voting"):
        Strategy(name="general", seeds_from="task", evolver=silent).check()
    Strategy(name="general", seeds_from="task", evolver=silent, voting=Voting(engine=Scripted())).check()


def test_the_copies_of_a_question_are_numbered_in_order_and_equal_seeds_draw_alike() -> None:
    seeds = draw_seeds(["a", "b", "b"], 50, seed=3)
    for name in "ab":
        copies = [copy for id_, copy in seeds if id_ == name]
        assert copies == list(range(len(copies)))
    assert seeds == draw_seeds(["a", "b", "b"], 50, seed=3) != draw_seeds(["a", "b", "b"], 50, seed=4)
    assert draw_seeds(["a", "b", "b"], 20, seed=3) == seeds[:20]


def test_nothing_to_draw_from_is_an_error_that_says_what_to_do() -> None:
    with pytest.raises(InputError, match=r"generation\.questions\.stop"):
        draw_seeds([], 5, seed=0)
