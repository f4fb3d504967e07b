"""How examples and prompts are worded: one spec that trainer, engines and evaluation share.

`lema_v1` is the interface of the models that the paper's authors released (Fig. 6): their released
adapters expect it to the letter, and those of WizardMath models an input of their own. `brief` is this
project's own, for models trained here; `instruct` says in words what is wanted, for chat models.

A question with `choices` (CommonsenseQA) is worded with its candidates. Its solution explains each
candidate and then chooses, which are not steps one after the other, so that a correction of it names no
step (App. C.3): `lema_v1` has a form of its own for it, and the other wordings number its lines.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Literal

from lema.records import Correction, Question
from lema.spec import Spec, spec
from lema.steps import number_steps

ASCII_SPACE = re.compile(r"[ \t\r\n]+")
Wording = Literal["lema_v1", "lema_v1_wizardmath", "brief", "instruct"]


@spec
class Format(Spec):
    """Wording of inputs and outputs.

    `chat` wraps every input as one user turn of the model's chat template.
    """

    kind = "format"
    wording: Wording = "brief"
    chat: bool = False

    def cot_prompt(self, question: Question) -> str:
        """The input that asks for a solution: of CoT examples, of sampling and of evaluation."""
        if question.choices:
            return choice_prompt(self.wording, question)
        match self.wording:
            case "lema_v1":
                return (
                    "Please solve the following math problem.\n"
                    f"Question: {one_line(question.text)}\nAnswer: Let's think step by step.\n"
                )
            case "lema_v1_wizardmath":
                return (
                    "Below is an instruction that describes a task. Write a response that appropriately completes the "
                    f"request.\n\n### Instruction:\n{one_line(question.text)}\n\n"
                    "### Response: Let's think step by step.\n"
                )
            case "brief":
                return f"Question: {question.text}\nAnswer:\n"
            case "instruct":
                return (
                    "Solve this problem in short numbered lines, each beginning with Step 1:, Step 2: and so on. "
                    'The last step must read "The answer is X." with the result in place of X.\n\n'
                    f"Problem: {question.text}"
                )

    def cot_completion(self, steps: Sequence[str], question: Question | None = None) -> str:
        """A path (last step: the answer marker) as training target; `question` is needed for one with choices.

        In `lema_v1` it is prose, and for choices the lines of paper Fig. 8.
        """
        if self.wording in ("brief", "instruct"):
            return number_steps(steps)
        return "\n".join(steps) if question is not None and question.choices else " ".join(steps)

    def correction_prompt(self, question: Question, wrong: Sequence[str]) -> str:
        """The input of a correction example (paper Fig. 6); a plain one ends with the cue, without a space."""
        if question.choices:
            return choice_correction_prompt(self.wording, question, wrong)
        match self.wording:
            case "lema_v1" | "lema_v1_wizardmath":
                return (
                    "For the following math problem, the original solution is incorrect. Please identify the incorrect "
                    "step, explain why it is incorrect, and correct the original solution starting from the incorrect "
                    f"step.\n\nQuestion: {one_line(question.text)}\nOriginal Solution:\n"
                    f"{{\n{number_steps(wrong)}\n}}\nIncorrect Step:"
                )
            case "brief":
                return f"Question: {question.text}\nWrong solution:\n{number_steps(wrong)}\nWrong step:"
            case "instruct":
                return (
                    "The solution below is wrong. Name its first wrong step, give the reason, and write the correct "
                    f"solution from that step on.\n\nProblem: {question.text}\n\nSolution:\n{number_steps(wrong)}"
                )

    def correction_completion(self, correction: Correction) -> str:
        """The target of a correction example; a plain one starts with a space, after the cue.

        In `lema_v1` an ellipsis line stands for the steps before the wrong one, if there are any. A
        correction that names no step is the whole answer anew, after what was wrong with the old one.
        """
        if correction.step is None:
            return anew(self.wording, correction)
        step = correction.step
        steps = number_steps(correction.solution, first=step)
        match self.wording:
            case "lema_v1" | "lema_v1_wizardmath":
                skipped = "...\n" if step > 1 else ""
                return (
                    f" Step {step}.\nExplanation: {correction.explanation}\nCorrect Solution:\n{{\n{skipped}{steps}\n}}"
                )
            case "brief":
                return f" Step {step}.\nReason: {correction.explanation}\nCorrect solution:\n{steps}"
            case "instruct":
                return f"Wrong step: Step {step}.\nReason: {correction.explanation}\nCorrect solution:\n{steps}"


def choice_prompt(wording: Wording, question: Question) -> str:
    """The input that asks for a solution of a question with candidates."""
    match wording:
        case "lema_v1" | "lema_v1_wizardmath":
            return (
                "Please answer the following commonsense question. Please first explain each candidate answer, then "
                "select only one answer that is most relevant to the question and provide reasons.\n"
                f"Question: {one_line(question.text)}\nCandidate Answers: {', '.join(question.choices)}.\n"
                "Answer: Let's think step by step.\n"
            )
        case "brief":
            return f"Question: {question.text}\nChoices: {'; '.join(question.choices)}\nAnswer:\n"
        case "instruct":
            return (
                "Which of the choices answers this question best? Weigh them in short numbered lines, each beginning "
                'with Step 1:, Step 2: and so on. The last step must read "The answer is X." with the words of one '
                f"choice in place of X.\n\nQuestion: {question.text}\nChoices: {'; '.join(question.choices)}"
            )


def choice_correction_prompt(wording: Wording, question: Question, wrong: Sequence[str]) -> str:
    """The input of a correction example of a question with candidates.

    The paper does not show it; `lema_v1` follows the paper's correction prompt for such questions and its form for
    mathematics.
    """
    match wording:
        case "lema_v1" | "lema_v1_wizardmath":
            lines = "\n".join(wrong)
            return (
                "For the following commonsense question, the original answer is incorrect. Please identify and explain "
                "the mistakes in the original answer, and correct it.\n\n"
                f"Question: {one_line(question.text)}\nCandidate Answers: {', '.join(question.choices)}.\n"
                f"Original Answer:\n{{\n{lines}\n}}\nMistakes:"
            )
        case "brief":
            return (
                f"Question: {question.text}\nChoices: {'; '.join(question.choices)}\n"
                f"Wrong solution:\n{number_steps(wrong)}\nMistakes:"
            )
        case "instruct":
            return (
                "The solution below chooses wrongly. Say what is mistaken in it, and write a correct one.\n\n"
                f"Question: {question.text}\nChoices: {'; '.join(question.choices)}\n\nSolution:\n{number_steps(wrong)}"
            )


def anew(wording: Wording, correction: Correction) -> str:
    """The target of a correction that names no step."""
    match wording:
        case "lema_v1" | "lema_v1_wizardmath":
            lines = "\n".join(correction.solution)
            return f" {correction.explanation}\nCorrected Answer:\n{{\n{lines}\n}}"
        case "brief":
            return f" {correction.explanation}\nCorrect solution:\n{number_steps(correction.solution)}"
        case "instruct":
            return f"Mistakes: {correction.explanation}\nCorrect solution:\n{number_steps(correction.solution)}"


def one_line(text: str) -> str:
    """The text with each run of ASCII white space as one space, as in the authors' files (no-break spaces stay)."""
    return ASCII_SPACE.sub(" ", text).strip(" ")
