"""The wording of inputs and outputs."""

from __future__ import annotations

import pytest

from lema.base.reasoning_steps import split_steps
from lema.base.records import Correction, Question
from lema.data.formats import Format

QUESTION = Question(id="q", task="toy", text=" Mia has 7\u00a0pens.\n She  buys 5.\tHow many? ", answer="12")
WRONG = ["She has 7.", "7 - 5 = 2.", "The answer is 2."]
LEMA = Format(wording="lema_v1")


def correction(step: int) -> Correction:
    solution = ("7 + 5 = 12.", "The answer is 12.")
    return Correction(
        question_id="q", solution_id="q#m#0", corrector="t", step=step, explanation="She buys.", solution=solution
    )


def test_lema_v1_inputs_are_the_published_interface() -> None:
    assert LEMA.cot_prompt(QUESTION) == (
        "Please solve the following math problem.\n"
        "Question: Mia has 7\u00a0pens. She buys 5. How many?\n"
        "Answer: Let's think step by step.\n"
    )
    assert LEMA.correction_prompt(QUESTION, WRONG) == (
        "For the following math problem, the original solution is incorrect. Please identify the incorrect step, "
        "explain why it is incorrect, and correct the original solution starting from the incorrect step.\n"
        "\n"
        "Question: Mia has 7\u00a0pens. She buys 5. How many?\n"
        "Original Solution:\n"
        "{\n"
        "Step 1: She has 7.\n"
        "Step 2: 7 - 5 = 2.\n"
        "Step 3: The answer is 2.\n"
        "}\n"
        "Incorrect Step:"
    )


def test_lema_v1_outputs_have_an_ellipsis_only_after_step_one() -> None:
    tail = "\nExplanation: She buys.\nCorrect Solution:\n{\n"
    assert LEMA.correction_completion(correction(2)) == (
        f" Step 2.{tail}...\nStep 2: 7 + 5 = 12.\nStep 3: The answer is 12.\n}}"
    )
    assert LEMA.correction_completion(correction(1)) == (
        f" Step 1.{tail}Step 1: 7 + 5 = 12.\nStep 2: The answer is 12.\n}}"
    )
    assert LEMA.cot_completion(["7 + 5 = 12.", "The answer is 12."]) == "7 + 5 = 12. The answer is 12."


@pytest.mark.parametrize("wording", ["lema_v1", "brief"])
def test_a_plain_cue_and_its_completion_meet_in_one_space(wording: str) -> None:
    form = Format(wording=wording)  # type: ignore[arg-type]
    assert form.correction_prompt(QUESTION, WRONG)[-1] == ":"
    assert form.correction_completion(correction(2)).startswith(" Step 2.")


def test_a_chat_turn_neither_ends_in_a_cue_nor_is_answered_with_a_space() -> None:
    form = Format(wording="instruct", chat=True)
    assert form.cot_prompt(QUESTION).endswith(QUESTION.text)
    assert form.correction_prompt(QUESTION, WRONG).endswith("Step 3: The answer is 2.")
    assert form.correction_completion(correction(2)).startswith("Wrong step: Step 2.")
    assert form.cot_completion(["a", "b"]) == "Step 1: a\nStep 2: b"


CHOICE = Question(
    id="c", task="toy", text="Where is  a \tpen?", answer="pencil case", choices=("sea.", "pencil case", "moon.")
)
LINES = [
    "Explanations:",
    "Sea - a body of water.",
    "Pencil case - a case for pens.",
    "Moon - it has no pens.",
    "Reasons and Final Answer:",
    'The most relevant answer to the question is "pencil case". It is made for pens.',
    "The answer is pencil case.",
]
MENDED = Correction(
    question_id="c", solution_id="c#m#0", corrector="t", explanation="A sea is wet.", solution=tuple(LINES)
)


def test_lema_v1_words_a_choice_as_the_published_files_do() -> None:
    assert LEMA.cot_prompt(CHOICE) == (
        "Please answer the following commonsense question. Please first explain each candidate answer, then select "
        "only one answer that is most relevant to the question and provide reasons.\n"
        "Question: Where is  a \tpen?\n"
        "Candidate Answers: sea, pencil case, moon.\n"
        "Answer: Let's think step by step.\n"
    )
    assert LEMA.cot_completion(LINES, CHOICE) == "\n".join(LINES)


def test_lema_v1_corrects_a_choice_as_a_whole() -> None:
    prompt = LEMA.correction_prompt(CHOICE, ["Explanations:", "The answer is sea."])
    assert prompt.endswith(
        "\n\nQuestion: Where is  a \tpen?\nCandidate Answers: sea, pencil case, moon.\n"
        "Original Answer:\n{\nExplanations:\nThe answer is sea.\n}\nMistakes:"
    )
    assert LEMA.correction_completion(MENDED) == " A sea is wet.\nCorrected Answer:\n{\n" + "\n".join(LINES) + "\n}"


@pytest.mark.parametrize("wording", ["lema_v1", "brief", "instruct"])
def test_every_wording_shows_the_candidates_and_names_no_step_of_a_choice(wording: str) -> None:
    form = Format(wording=wording)  # type: ignore[arg-type]
    for prompt in (form.cot_prompt(CHOICE), form.correction_prompt(CHOICE, LINES)):
        at = [prompt.index(choice.rstrip(".")) for choice in CHOICE.choices]
        assert at == sorted(at)
    target = form.correction_completion(MENDED)
    assert "A sea is wet." in target and "The answer is pencil case." in target
    assert "Step 1." not in target and "..." not in target
    plain = wording != "instruct"
    assert form.correction_prompt(CHOICE, LINES).endswith("Mistakes:") == target.startswith(" ") == plain


def test_the_lines_of_a_choice_come_back_from_its_text_as_steps() -> None:
    assert split_steps(LEMA.cot_completion(LINES, CHOICE)) == LINES


def test_wizardmath_models_get_the_input_that_they_were_trained_on() -> None:
    form = Format(wording="lema_v1_wizardmath")
    assert form.cot_prompt(QUESTION) == (
        "Below is an instruction that describes a task. Write a response that appropriately completes the request.\n"
        "\n"
        "### Instruction:\n"
        "Mia has 7\u00a0pens. She buys 5. How many?\n"
        "\n"
        "### Response: Let's think step by step.\n"
    )
    assert form.cot_completion(WRONG) == LEMA.cot_completion(WRONG)
    assert form.correction_prompt(QUESTION, WRONG) == LEMA.correction_prompt(QUESTION, WRONG)
    assert form.correction_completion(correction(2)) == LEMA.correction_completion(correction(2))
