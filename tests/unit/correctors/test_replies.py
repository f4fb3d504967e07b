"""What a corrector's reply must hold, and what is put right in it."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lema.correctors.replies import Draft, parse

GIVEN = ["Ann has 3 bags.", "Each bag holds 4 pens.", "So she has 3 + 4 = 7 pens.", "The answer is 7."]
WHY = "The pens of the bags are multiplied."
END = ("So she has 3 * 4 = 12 pens.", "The answer is 12.")
GOOD = Draft(3, WHY, END, "12", "")
BODY = "Step 3: So she has 3 * 4 = 12 pens.\nStep 4: The answer is 12."


def reply(step: str = "Step 3.", why: str = f"Explanation: {WHY}", solution: str = f"{{\n...\n{BODY}\n}}") -> str:
    return f"{step}\n{why}\nCorrect Solution:\n{solution}"


SOUND = {
    "as asked": reply(),
    "after the cue's space": " " + reply(),
    "cue repeated": "Incorrect Step: " + reply(),
    "cue repeated twice": "Incorrect Step:\nIncorrect Step: " + reply(),
    "colon": reply(step="Step 3:"),
    "no stop": reply(step="Step 3"),
    "number alone": reply(step="3."),
    "a sentence": reply(step="The incorrect step is Step 3."),
    "bold": "**Incorrect Step:** " + reply(step="**Step 3.**", why=f"**Explanation:** {WHY}"),
    "code fence": "```\n" + reply() + "\n```",
    "one-character ellipsis": reply(solution=f"{{\n…\n{BODY}\n}}"),
    "no ellipsis": reply(solution=f"{{\n{BODY}\n}}"),
    "no braces": reply(solution=f"...\n{BODY}"),
    "braces on the lines of steps": reply(solution=f"{{{BODY}}}"),
    "stops after numbers": reply(solution="{\n...\n" + BODY.replace(":", ".") + "\n}"),
    "explanation on the step's line": f"Step 3. {WHY}\nCorrect Solution:\n{{\n...\n{BODY}\n}}",
    "explanation in two lines": reply(why=f"Explanation:\n{WHY.replace(' of ', ' of' + chr(10))}"),
    "'Corrected'": reply().replace("Correct Solution", "Corrected solution"),
    "good steps repeated": reply(solution=f"{{\nStep 1: Ann has 3 bags.\nStep 2: Each bag  holds 4 pens\n{BODY}\n}}"),
    "one good step repeated": reply(solution=f"{{\n...\nStep 2: Each bag holds 4 pens.\n{BODY}\n}}"),
    "answer on the line before": reply(solution="{\n...\nStep 3: So she has 3 * 4 = 12 pens. The answer is 12.\n}"),
    "answer without number": reply(solution="{\n...\nStep 3: So she has 3 * 4 = 12 pens.\nThe answer is 12\n}"),
    "answer after the brace": reply(solution="{\n...\nStep 3: So she has 3 * 4 = 12 pens.\n}\nThe answer is 12."),
    "words after the brace": reply() + "\n\nI hope this helps.",
    "goes on with a question": reply() + "\n\nQuestion: Bo has {3 cats.\nOriginal Solution:\n{",
    "reasoning in tags": f"<think>\nStep 2 is wrong.\n\nQuestion: is it?\n</think>\n\n{reply()}",
    "reasoning that the prompt opened": f"Let me see. Step 1 is fine.</think>\n{reply()}",
    "goes on with an instruction": reply() + "\n\n### Instruction:\nSolve {it.",
    "goes on with a turn": reply() + "<|im_end|>\n<|im_start|>user\nStep 1: {",
    "blank lines": reply().replace("\n", "\n\n"),
    "explained with another step": reply(why=f"Explanation: {WHY}"),
}


@pytest.mark.parametrize("text", SOUND.values(), ids=SOUND.keys())
def test_a_reply_with_one_clear_meaning_is_read(text: str) -> None:
    assert parse(text, GIVEN) == GOOD


def test_a_corrected_first_step_is_a_whole_solution() -> None:
    text = reply(step="Step 1.", solution="{\nStep 1: 3 * 4 = 12.\nStep 2: The answer is 12.\n}")
    assert parse(text, GIVEN) == Draft(1, WHY, ("3 * 4 = 12.", "The answer is 12."), "12", "")


def test_latex_braces_inside_a_step_are_part_of_it() -> None:
    text = reply(solution="{\n...\nStep 3: \\frac{24}{2} = 12.\nStep 4: The answer is \\boxed{12}.\n}")
    assert parse(text, GIVEN).solution == ("\\frac{24}{2} = 12.", "The answer is \\boxed{12}.")


REJECTED = {
    "empty": ["", "  \n", "```\n```", "\n\nQuestion: more"],
    "no_step": ["I see no mistake.", "Explanation: Step 3 is wrong.\nCorrect Solution:\n{\nStep 3: x\n}"],
    "step_out_of_range": [reply(step="Step 0."), reply(step="Step 5."), reply(step="Step 999.")],
    "no_explanation": [reply(why=""), reply(why="Explanation:"), "Step 3."],
    "no_solution": [
        f"Step 3.\nExplanation: {WHY}",
        reply(solution=""),
        reply(solution="{\n}"),
        reply(solution="{\n...\n}"),
        reply(solution="{\nShe has 12 pens. The answer is 12.\n}"),
    ],
    "unbalanced_braces": [
        reply(solution=f"{{\n{BODY}"),
        reply(solution=f"{BODY}\n}}"),
        reply(solution=f"{{\n{BODY}\n}}\n}}"),
        reply(solution="{\n" + BODY.replace("12", "\\frac{12"), step="Step 3."),
    ],
    "misnumbered": [
        reply(solution="{\n...\nStep 4: So 12.\nStep 5: The answer is 12.\n}"),
        reply(solution="{\n...\nStep 3: So 12.\nStep 5: The answer is 12.\n}"),
        reply(solution="{\n...\nStep 3: So 12.\nStep 3: The answer is 12.\n}"),
        reply(solution="{\nStep 1: So she has 3 * 4 = 12 pens.\nStep 2: The answer is 12.\n}"),
        reply(solution=f"{{\nStep 1: Ann has 5 bags.\nStep 2: Each bag holds 4 pens.\n{BODY}\n}}"),
        reply(solution="{\nStep 1: Ann has 3 bags.\nStep 2: Each bag holds 4 pens.\n}"),
    ],
    "no_closing_answer": [
        reply(solution="{\n...\nStep 3: So she has 12 pens.\n}"),
        reply(solution="{\n...\nStep 3: So she has 12 pens.\nStep 4: The answer is\n}"),
        reply(solution="{\n...\nStep 3: The answer is 12.\nStep 4: She has 12 pens.\n}"),
    ],
}
CASES = [(reason, text) for reason, texts in REJECTED.items() for text in texts]


@pytest.mark.parametrize(("reason", "text"), CASES)
def test_a_reply_that_cannot_be_an_example_is_rejected_by_name(reason: str, text: str) -> None:
    assert parse(text, GIVEN).reject == reason


@pytest.mark.parametrize(("reason", "text"), CASES)
def test_a_fault_at_the_token_limit_is_called_truncated(reason: str, text: str) -> None:
    assert parse(text, GIVEN, cut=True).reject == "truncated"


def test_a_correction_that_was_complete_before_the_limit_counts() -> None:
    assert parse(reply() + "\n\nQuestion: Bo has", GIVEN, cut=True) == GOOD


@given(st.text(max_size=300), st.booleans())
def test_any_text_is_read_or_rejected(text: str, cut: bool) -> None:
    draft = parse(text, GIVEN, cut=cut)
    assert draft.reject or draft.solution


@given(st.lists(st.sampled_from([*GIVEN, "{", "}", "...", "Step 1.", "Explanation: x", "Correct Solution:", BODY])))
def test_what_is_not_rejected_is_in_the_format(lines: list[str]) -> None:
    draft = parse("\n".join(lines), GIVEN)
    if not draft.reject:
        assert draft.step is not None and 1 <= draft.step <= len(GIVEN)
        assert draft.explanation and "\n" not in draft.explanation
        assert draft.solution[-1] == f"The answer is {draft.answer}."
        assert not any("\n" in step for step in draft.solution)
