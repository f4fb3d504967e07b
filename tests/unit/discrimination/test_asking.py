"""What a model is shown, word for word, and what is read from its words."""

from __future__ import annotations

from collections import Counter

import pytest

from lema.base.errors import ConfigError, InputError
from lema.base.reasoning_steps import split_steps
from lema.base.records import Question
from lema.data.formats import Format
from lema.discrimination.asking import Asking, Demo, Shown, labels, pick_prompt, score_prompt, stops
from lema.discrimination.demos import demonstrations, simplified
from lema.discrimination.orders import orders
from lema.tasks.gsm_synth import GsmSynth
from lema.verifiers.choices import Choices
from lema.verifiers.integers import Integers

PENS = Question(id="q", task="toy", text="Mia has 7 pens and buys 5. How many are there?", answer="12")
DEMO = Demo(
    Shown(Question(id="d", task="toy", text="2 + 2?", answer="4"), ["5", "4"]), 1, "4", ["Add up.", "The answer is 4."]
)
BRIEF, PLAIN, CHAT = Format(), Format(wording="lema_v1"), Format(wording="instruct", chat=True)
TASK = GsmSynth(verifier=Integers())


def test_the_terse_prompt_word_for_word() -> None:
    assert pick_prompt(BRIEF, Asking(), Shown(PENS, ["12", "no final answer"]), [DEMO]) == (
        "Question: 2 + 2?\nAnswer 1: 5\nAnswer 2: 4\nThe right one is 2.\n\n"
        "Question: Mia has 7 pens and buys 5. How many are there?\nAnswer 1: 12\nAnswer 2: no final answer\n"
        "The right one is"
    )


def test_a_chat_model_gets_the_instruction_the_examples_and_no_cue_in_one_turn() -> None:
    text = pick_prompt(CHAT, Asking(reasoning=True), Shown(PENS, ["12", "7"]), [DEMO])
    head, example, last = text.split("\n\n")
    assert "2 proposed answers" in head and '"Choice: k"' in head and "from 1 to 2" in head
    assert example == (
        "Question: 2 + 2?\nAnswer 1: 5\nAnswer 2: 4\nStep 1: Add up.\nStep 2: The answer is 4.\n"
        "Answer 1 does not agree.\nAnswer 2 agrees.\nChoice: 2"
    )
    assert last.endswith("Answer 2: 7")
    assert pick_prompt(CHAT, Asking(read_out="label_logprob"), Shown(PENS, ["1", "2"]), [DEMO]).count("Choice:") == 0
    assert labels(CHAT, Asking(), 3) == ("1", "2", "3") and stops(CHAT, Asking()) == ()


def test_a_plain_model_goes_on_from_a_cue_and_stops_at_the_line_or_at_the_next_question() -> None:
    shown = Shown(PENS, ["12", "7"])
    assert pick_prompt(PLAIN, Asking(), shown, [DEMO]).endswith("Answer 2: 7\nChoice:")
    assert stops(PLAIN, Asking()) == ("\n",) and stops(PLAIN, Asking(reasoning=True)) == ("\nQuestion:",)
    assert pick_prompt(PLAIN, Asking(reasoning=True), shown, []).endswith("Answer 2: 7")
    assert labels(PLAIN, Asking(read_out="pointwise_logprob"), 1) == (" right", " wrong")


def test_full_solutions_stand_in_lines_of_their_own_and_choices_are_said() -> None:
    chosen = Question(id="c", task="toy", text="Where?", answer="sea", choices=("sea", "land"))
    text = pick_prompt(BRIEF, Asking(view="full_solution"), Shown(chosen, ["Step 1: x\nStep 2: y", "z"]), [])
    assert text == (
        "Question: Where?\nChoices: sea; land\nAnswer 1:\nStep 1: x\nStep 2: y\nAnswer 2:\nz\nThe right one is"
    )


def test_examples_of_single_candidates_are_right_and_wrong_by_turns() -> None:
    text = score_prompt(BRIEF, Asking(read_out="pointwise_logprob"), PENS, "12", [DEMO, DEMO])
    assert "Answer: 4\nThis answer is right.\n\n" in text and "Answer: 5\nThis answer is wrong.\n\n" in text
    assert text.endswith("Answer: 12\nThis answer is")
    scored = score_prompt(PLAIN, Asking(read_out="pointwise"), PENS, "12", [DEMO, DEMO])
    assert "Score: 10\n\n" in scored and "Score: 0\n\n" in scored and scored.endswith("\nScore:")


def test_the_example_of_verbatim_repeats_the_answer() -> None:
    assert "The right one is 4.\n" in pick_prompt(BRIEF, Asking(read_out="verbatim"), Shown(PENS, ["1", "2"]), [DEMO])


@pytest.mark.parametrize(
    ("asking", "message"),
    [
        ({"read_out": "label_logprob", "reasoning": True}, "no room to reason"),
        ({"read_out": "verbatim", "view": "full_solution"}, "verbatim repeats a final answer"),
        ({"view": "full_solution", "distractors": "scaled"}, "replaces final answers"),
        ({"read_out": "likelihood", "distractors": "other_questions"}, "replaces final answers"),
    ],
)
def test_what_cannot_be_asked_is_refused(asking: dict[str, object], message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        Asking(**asking).check()  # type: ignore[arg-type]


def test_a_manner_that_uses_the_gold_answer_says_so() -> None:
    assert "uses the gold answer" in Asking(distractors="scaled").label
    assert Asking(reasoning=True).label == "label text, final answer, 2 shots, reasoning"


def test_in_a_block_of_n_questions_every_candidate_stands_at_every_position_once() -> None:
    places = Counter((number, at) for place in range(40) for at, number in enumerate(orders(place, 4, 0)[0]))
    assert set(places.values()) == {10} and len(places) == 16
    assert len({orders(4 * block, 4, 0) for block in range(40)}) > 10, "blocks differ"
    assert orders(7, 4, 0) == orders(7, 4, 0)
    assert len({orders(0, 4, seed) for seed in range(20)}) > 5, "so do seeds"


def test_cyclic_orders_show_every_candidate_at_every_position_for_every_question() -> None:
    turns = orders(3, 4, 0, cyclic=True)
    assert turns[0] == orders(3, 4, 0)[0] and all(sorted(column) == [0, 1, 2, 3] for column in zip(*turns, strict=True))


def test_worked_examples_have_one_right_candidate_and_balanced_labels() -> None:
    questions = TASK.questions("train", 0, 60)
    demos = demonstrations(questions, 8, 4, view="final_answer", equal=Integers().equal, steps=TASK.steps, seed=0)
    assert [demo.right for demo in demos] == [0, 1, 2, 3] * 2
    for demo in demos:
        right = [Integers().equal(view, demo.answer) for view in demo.shown.candidates]
        assert right == [number == demo.right for number in range(4)]
        assert len(set(demo.shown.candidates)) == 4 and demo.path[-1] == f"The answer is {demo.answer}."
    again = demonstrations(questions, 8, 4, view="final_answer", equal=Integers().equal, steps=TASK.steps, seed=0)
    assert again == demos


def test_worked_examples_of_whole_solutions_are_judged_as_they_are_labelled() -> None:
    questions = TASK.questions("train", 0, 60)
    demos = demonstrations(questions, 4, 3, view="full_solution", equal=Integers().equal, steps=TASK.steps, seed=1)
    for demo in demos:
        verdicts = [Integers().judge(view, demo.shown.question).verdict.value for view in demo.shown.candidates]
        assert verdicts == ["right" if number == demo.right else "wrong" for number in range(3)]
        assert split_steps(demo.shown.candidates[demo.right]) == list(demo.path)


def test_examples_of_choices_take_the_other_choices_and_others_the_answers_of_other_questions() -> None:
    places = [Question(id=f"c{k}", task="t", text="?", answer="sea", choices=("sea", "land", "air")) for k in range(2)]
    (demo,) = demonstrations(places, 1, 3, view="final_answer", equal=Choices().equal, steps=None, seed=0)
    assert set(demo.shown.candidates) == {"sea", "land", "air"} and demo.shown.candidates[0] == "sea"
    names = [Question(id=f"n{k}", task="t", text="?", answer=name, aliases=("Annie",) if k == 0 else ()) for k, name in
             enumerate(["Ann", "Ben", "Annie", "Cy"])]  # fmt: skip
    for seed in range(5):
        for made in demonstrations(names, 1, 3, view="final_answer", equal=Choices().equal, steps=None, seed=seed):
            if made.answer == "Ann":
                assert set(made.shown.candidates) == {"Ann", "Ben", "Cy"}, "an alias is no wrong answer"
    with pytest.raises(InputError, match="more questions"):
        demonstrations(names[:2], 1, 4, view="final_answer", equal=Choices().equal, steps=None, seed=0)
    with pytest.raises(InputError, match="3 worked examples need as many questions"):
        demonstrations(names[:2], 3, 2, view="final_answer", equal=Choices().equal, steps=None, seed=0)


def test_simplified_distractors_stay_wrong_and_right_candidates_stay_as_they_are() -> None:
    equal, others = Integers().equal, TASK.questions("train", 0, 20)
    assert simplified("scaled", PENS, True, "12", others, equal, 0, 0) == "12"
    scaled = {simplified("scaled", PENS, False, "13", others, equal, seed, 0) for seed in range(20)}
    assert scaled == {"1300", "0.13"}
    assert {simplified("scaled", PENS, False, "1,200", others, equal, s, 0) for s in range(20)} == {"120000"}, (
        "12 is right"
    )
    assert simplified("scaled", PENS, False, None, others, equal, 0, 0) is None
    drawn = {simplified("other_questions", PENS, False, None, others, equal, seed, 0) for seed in range(50)}
    assert len(drawn) > 3 and drawn <= {other.answer for other in others} - {"12"}
    assert simplified("own", PENS, False, "13", others, equal, 0, 0) == "13"
