"""The scripted engine: rules, alternatives and planned failures."""

from __future__ import annotations

import math
import time
from typing import Any

import pytest

from lema.base.errors import ConfigError
from lema.base.protocols import Prompt, Reply, Sampling
from lema.base.spec import key
from lema.engines.scripted import Scripted

WARM = 0.7


def asked(engine: Scripted, *texts: str, seed: int = 0, **sampling: Any) -> list[list[Reply]]:
    prompts = [Prompt(id=str(place), text=text, seed=seed) for place, text in enumerate(texts)]
    with engine.open() as complete:
        return complete(prompts, Sampling(**sampling))


def said(engine: Scripted, text: str, **more: Any) -> str:
    return asked(engine, text, **more)[0][0].text


def test_the_first_rule_whose_pattern_is_found_replies_else_the_default() -> None:
    engine = Scripted(rules=(("bags", "first"), ("bags|pens", "second")), default="neither")
    assert [replies[0].text for replies in asked(engine, "3 pens", "4 bags of pens", "2 cups")] == [
        "second",
        "first",
        "neither",
    ]


def test_groups_of_the_pattern_stand_in_the_reply_and_other_braces_stay() -> None:
    rule = (r"(\d+) \+ (?P<other>\d+)", "Solution:\n{\nStep 1: {1} and {other}, of {0}.\n}")
    assert said(Scripted(rules=(rule,)), "What is 3 + 4?") == "Solution:\n{\nStep 1: 3 and 4, of 3 + 4.\n}"


def test_what_a_group_brings_in_is_text_and_not_a_place() -> None:
    assert said(Scripted(rules=(("(.*)", "{1}"),)), "{seed} {a|b}", seed=5) == "{seed} {a|b}"


def test_a_group_that_took_no_part_is_empty() -> None:
    assert said(Scripted(rules=(("a(b)?", "<{1}>"),)), "a") == "<>"


def test_alternatives_are_drawn_by_seed_and_sample_and_are_the_first_when_greedy() -> None:
    engine = Scripted(default="It is {5|6|7}.")
    texts = {said(engine, "q", seed=seed, temperature=WARM) for seed in range(40)}
    assert texts == {"It is 5.", "It is 6.", "It is 7."}
    assert {reply.text for reply in asked(engine, "q", n=40, temperature=WARM)[0]} == texts
    assert {said(engine, "q", seed=seed) for seed in range(40)} == {"It is 5."}
    assert said(engine, "q", seed=3, temperature=WARM) == said(engine, "q", seed=3, temperature=WARM)


def test_alternatives_of_one_reply_are_drawn_apart() -> None:
    engine = Scripted(default="{a|b}{a|b}")
    assert {said(engine, "q", seed=seed, temperature=WARM) for seed in range(40)} == {"aa", "ab", "ba", "bb"}


def test_the_seed_can_be_said() -> None:
    assert said(Scripted(default="seed {seed}"), "q", seed=11) == "seed 11"


@pytest.mark.parametrize(
    ("limit", "stop", "text", "finish", "tokens"),
    [
        (9, (), "one two\nthree four", "stop", 4),
        (4, (), "one two\nthree four", "stop", 4),
        (3, (), "one two\nthree", "length", 3),
        (3, ("\n",), "one two", "stop", 2),
        (2, ("\n",), "one two", "length", 2),
        (9, ("four", "th"), "one two\n", "stop", 2),
        (9, ("one",), "", "stop", 0),
    ],
)
def test_limits_count_words_and_stop_strings_end_before_themselves(
    limit: int, stop: tuple[str, ...], text: str, finish: str, tokens: int
) -> None:
    ((reply,),) = asked(Scripted(default="one two\nthree four"), "a b c", max_tokens=limit, stop=stop)
    assert reply == Reply(text=text, finish_reason=finish, prompt_tokens=3, completion_tokens=tokens)


def test_it_fails_after_so_many_prompts_of_one_opening() -> None:
    engine = Scripted(default="fine", fail_after=3)
    with engine.open() as complete:
        two = [Prompt(id="a", text="a"), Prompt(id="b", text="b")]
        assert len(complete(two, Sampling())) == 2
        with pytest.raises(RuntimeError, match="after 3 prompts"):
            complete(two, Sampling())
    assert said(engine, "again") == "fine"


def test_each_prompt_takes_its_time() -> None:
    before = time.monotonic()
    asked(Scripted(default="fine", delay=0.02), "a", "b", "c")
    assert time.monotonic() - before >= 0.06


def test_failing_and_waiting_are_no_part_of_the_key_and_the_script_is() -> None:
    plain = Scripted(default="fine")
    assert key(plain) == key(Scripted(default="fine", fail_after=3, delay=1.0))
    assert key(plain) != key(Scripted(default="bad"))
    assert key(plain) != key(Scripted(default="fine", rules=(("a", "b"),)))


@pytest.mark.parametrize(
    ("fields", "where"),
    [
        ({"rules": (("a", "b"), ("(", "b"))}, r"rules\[1\]: '\(' is no regular expression"),
        ({"rules": (("(a)", "{1} {2}"),)}, r"rules\[0\]: \{2\} is no group"),
        ({"default": "{name}"}, r"default: \{name\} is no group"),
    ],
)
def test_impossible_scripts_are_refused(fields: dict[str, Any], where: str) -> None:
    with pytest.raises(ConfigError, match=where):
        Scripted(**fields).check()


def test_of_choices_it_says_the_one_of_its_script() -> None:
    engine = Scripted(rules=(("bags", " second\n"),))
    said = asked(engine, "3 bags", "2 cups", choices=("first", "second", "third"))
    assert said[0][0].text == "second"
    assert [[round(math.exp(value), 3) for value in reply.choices or ()] for (reply,) in said] == [
        [0.05, 0.9, 0.05],
        [0.333] * 3,
    ]
