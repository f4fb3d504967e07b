"""Solved examples before a question: found by task, sound in themselves, and no data set's own."""

from __future__ import annotations

import json
import re

import pytest
from conftest import require_data
from reading.solved import examples_of

from lema.base import prompts
from lema.base.errors import ConfigError
from lema.base.records import Question
from lema.base.spec import key
from lema.data.formats import Format
from lema.data.solved_examples import solving

FEW_SHOT = Format(examples="by_task")
PENS = Question(id="q", task="gsm8k", text="Mia has 7 pens and buys 5. How many?", answer="12")
SUM = re.compile(r"((?:\d+ [-+*/] )+\d+) = (\d+)")


def test_the_question_comes_last_and_its_solution_is_to_follow_on_the_next_line() -> None:
    text = FEW_SHOT.cot_prompt(PENS)
    assert text.endswith("\n\nQuestion: Mia has 7 pens and buys 5. How many?\nAnswer:\n")
    assert text.count("\nQuestion: ") == text.count("\nAnswer:\n") == 5
    assert FEW_SHOT.cot_completion(["7 + 5 = 12.", "The answer is 12."]).startswith("Step 1: ")


def test_a_question_with_candidates_is_shown_with_them_whatever_its_task() -> None:
    chosen = Question(id="c", task="other", text="Where is a  pen?", answer="case", choices=("sea", "case."))
    assert FEW_SHOT.cot_prompt(chosen).endswith(
        "\n\nQuestion: Where is a  pen?\nCandidate Answers: sea, case.\nAnswer:\n"
    )


def test_each_task_has_the_examples_that_end_as_its_answers_do() -> None:
    texts = {task: FEW_SHOT.cot_prompt(Question(id="q", task=task, text="?", answer="")) for task in ("svamp", "math")}
    assert "The answer is 22." in texts["svamp"] and "The answer is $\\frac{2}{7}$." in texts["math"]
    assert Format(examples="solve_letters").cot_prompt(PENS).startswith(prompts.read("solve_letters")[:200])


@pytest.mark.parametrize(
    ("form", "message"),
    [
        (
            lambda: Format(examples="solve_riddles").check(),
            r"examples: there are none named 'solve_riddles'. Take by_task",
        ),
        (lambda: Format(examples="math_corrections").check(), r"none named 'math_corrections'"),
        (lambda: Format(examples="by_task", wording="instruct").check(), r"wording=brief"),
        (lambda: FEW_SHOT.check_task("riddles"), r"no solved examples for questions of riddles.*solve_numbers"),
        (lambda: FEW_SHOT.cot_prompt(Question(id="q", task="riddles", text="?", answer="")), r"of riddles"),
        (lambda: Format(examples="solve_choices").cot_prompt(PENS), r"solve_choices does not fit gsm8k.*no candidates"),
    ],
)
def test_what_has_no_examples_is_refused(form: object, message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        form()  # type: ignore[operator]


def test_the_examples_count_in_the_key_and_their_absence_leaves_it_as_it_was() -> None:
    assert key(Format()) == "3f1a053ec492c1d5"
    names = (None, "by_task", "solve_numbers", "solve_latex")
    assert len({key(Format(examples=name)) for name in names}) == len(names)


@pytest.mark.parametrize("name", solving())
def test_a_prompt_has_an_instruction_four_examples_and_a_place_for_the_question(name: str) -> None:
    text = prompts.read(name)
    assert "The answer is X." in text.split("\n\n")[0]
    assert prompts.slots(text) == ({"question", "choices"} if name == "solve_choices" else {"question"})
    assert text.endswith("\nAnswer:")
    shown = examples_of(name)
    assert len(shown) == 4 and len({question.answer for question, _ in shown}) >= 2
    for question, steps in shown:
        assert steps[-1] == f"The answer is {question.answer}."
        assert len(steps) >= 3


def test_the_sums_of_the_word_problems_are_right() -> None:
    sums = SUM.findall(prompts.read("solve_numbers"))
    assert len(sums) == 12
    for said, result in sums:
        one, sign, two = said.split()
        worth = {"+": int(one) + int(two), "-": int(one) - int(two), "*": int(one) * int(two)}
        assert worth.get(sign, int(one) // int(two)) == int(result) and (sign != "/" or int(one) % int(two) == 0)


def test_the_letters_are_those_that_the_words_end_in_and_the_presses_are_counted() -> None:
    for question, _ in examples_of("solve_letters"):
        words = re.search(r'"(.*)"', question.text)
        assert words is not None and "".join(word[-1] for word in words[1].split()).lower() == question.answer
    for question, _ in examples_of("solve_yes_no"):
        first, *moves, _asked = re.findall(r"[^.?]+[.?]", question.text)
        assert question.answer == ("yes" if sum(" not " not in move for move in moves) % 2 == 0 else "no"), first


def test_no_example_is_a_question_of_a_data_set() -> None:
    told = " ".join(
        squeezed(path.read_text(encoding="utf-8", errors="replace"))
        for folder in ("gsm8k", "math", "svamp", "asdiv", "csqa", "multiarith", "symbolic")
        for path in sorted(require_data(folder).iterdir())
        if path.suffix in (".json", ".jsonl", ".xml")
    )
    assert squeezed("Natalia sold clips to 48 of her friends in April") in told
    for name in solving():
        for question, _ in examples_of(name):
            words = squeezed(question.text).split()
            for start in range(max(1, len(words) - 9)):
                assert " ".join(words[start : start + 10]) not in told, question.text


def squeezed(text: str) -> str:
    """Words and numbers alone, as JSON would escape none of them."""
    return " ".join(re.findall(r"[a-z0-9]+", json.dumps(text, ensure_ascii=False).lower()))
