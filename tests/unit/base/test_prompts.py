"""Prompt files: found by name, filled once, and sound in themselves."""

from __future__ import annotations

import re

import pytest

from lema.base import prompts
from lema.base.errors import ConfigError
from lema.base.reasoning_steps import number_steps, split_steps
from lema.base.records import Question, Verdict
from lema.correctors.replies import parse
from lema.verifiers.numbers import Numbers

EXAMPLE = re.compile(
    r"Question: (?P<question>.*)\nOriginal Solution:\n\{\n(?P<solution>[^{}]*)\n\}\n"
    r"Incorrect Step: (?P<reply>Step \d+\.\nExplanation: .*\nCorrect Solution:\n\{\n[^{}]*\n\})"
)


def test_an_unknown_prompt_is_an_error_that_names_the_nearest() -> None:
    with pytest.raises(ConfigError, match=r"math_correction'.*math_corrections"):
        prompts.read("math_correction")


def test_slots_are_filled_once_and_braces_in_values_stay() -> None:
    assert prompts.render("{ {{a}} } {{b}}", a="{{b}}", b="{x}") == "{ {{b}} } {x}"
    with pytest.raises(KeyError):
        prompts.render("{{a}} {{b}}", a="1")


@pytest.mark.parametrize("name", ["math_corrections", "choice_corrections"])
def test_a_hinted_prompt_is_the_plain_one_with_the_right_answer_of_every_example(name: str) -> None:
    hinted = prompts.read(f"{name}_hinted")
    answers = re.findall(r"(?:Correct Solution|Corrected Answer):\n\{\n[^{}]*The answer is (.*)\.\n\}", hinted)
    assert hinted.count("Right Answer: ") == len(answers) + 1 == 5
    assert re.findall(r"Right Answer: (.*)", hinted) == [*answers, "{{answer}}"]
    first, rest = re.sub(r"Right Answer: .*\n", "", hinted).split("\n", 1)
    plain_first, plain_rest = prompts.read(name).split("\n", 1)
    assert rest == plain_rest and first.startswith(plain_first)


def test_the_correction_prompt_ends_in_the_cue_and_has_the_mix_of_the_paper() -> None:
    text = prompts.read("math_corrections")
    assert text.endswith("Original Solution:\n{\n{{solution}}\n}\nIncorrect Step:")
    examples = list(EXAMPLE.finditer(text))
    assert [re.match(r"Step (\d+)", e["reply"])[1] for e in examples] == ["2", "2", "1", "3"]  # type: ignore[index]
    assert len(re.findall(r"\n\nQuestion: ", text)) == len(examples) + 1 == 5


@pytest.mark.parametrize("number", range(4))
def test_each_example_turns_a_wrong_path_into_a_right_one(number: int) -> None:
    example = list(EXAMPLE.finditer(prompts.read("math_corrections")))[number]
    right = ["30", "48", "108", "30"][number]
    question = Question(id="q", task="toy", text=example["question"], answer=right)
    wrong = split_steps(example["solution"])
    assert Numbers().judge(example["solution"], question).verdict is Verdict.WRONG
    draft = parse(example["reply"], wrong)
    assert not draft.reject
    assert draft.step is not None
    whole = number_steps([*wrong[: draft.step - 1], *draft.solution])
    assert Numbers().judge(whole, question).verdict is Verdict.RIGHT
    for sum_, result in re.findall(r"((?:[\d.]+ [-+*/] )+[\d.]+) = ([\d.]+\d|\d)", whole):
        assert compute(sum_) == float(result), sum_
    assert ("...\n" in example["reply"]) == (draft.step > 1)


def compute(expression: str) -> float:
    """Left to right: the examples mix no operators."""
    first, *rest = expression.split()
    value = float(first)
    for operator, number in zip(rest[::2], rest[1::2], strict=True):
        other = float(number)
        value = {"+": value + other, "-": value - other, "*": value * other, "/": value / (other or 1)}[operator]
    return value
