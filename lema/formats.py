"""How examples and prompts are worded: one spec that trainer, engines and evaluation share.

`lema_v1` is the interface of the models that the paper's authors released (Fig. 6): their released
adapters expect it to the letter. `brief` is this project's own, for models trained here; `instruct`
says in words what is wanted, for chat models.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Literal

from lema.records import Correction, Question
from lema.spec import Spec, spec
from lema.steps import number_steps

ASCII_SPACE = re.compile(r"[ \t\r\n]+")


@spec
class Format(Spec):
    """Wording of inputs and outputs.

    `chat` wraps every input as one user turn of the model's chat template.
    """

    kind = "format"
    wording: Literal["lema_v1", "brief", "instruct"] = "brief"
    chat: bool = False

    def cot_prompt(self, question: Question) -> str:
        """The input that asks for a solution: of CoT examples, of sampling and of evaluation."""
        match self.wording:
            case "lema_v1":
                return (
                    "Please solve the following math problem.\n"
                    f"Question: {one_line(question.text)}\nAnswer: Let's think step by step.\n"
                )
            case "brief":
                return f"Question: {question.text}\nAnswer:\n"
            case "instruct":
                return (
                    "Solve this problem in short numbered lines, each beginning with Step 1:, Step 2: and so on. "
                    'The last step must read "The answer is X." with the result in place of X.\n\n'
                    f"Problem: {question.text}"
                )

    def cot_completion(self, steps: Sequence[str]) -> str:
        """A reference path (last step: the answer marker) as training target."""
        return " ".join(steps) if self.wording == "lema_v1" else number_steps(steps)

    def correction_prompt(self, question: Question, wrong: Sequence[str]) -> str:
        """The input of a correction example (paper Fig. 6); a plain one ends with the cue, without a space."""
        match self.wording:
            case "lema_v1":
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

        In `lema_v1` an ellipsis line stands for the steps before the wrong one, if there are any.
        """
        step = correction.step or 1
        steps = number_steps(correction.solution, first=step)
        match self.wording:
            case "lema_v1":
                skipped = "...\n" if step > 1 else ""
                return (
                    f" Step {step}.\nExplanation: {correction.explanation}\nCorrect Solution:\n{{\n{skipped}{steps}\n}}"
                )
            case "brief":
                return f" Step {step}.\nReason: {correction.explanation}\nCorrect solution:\n{steps}"
            case "instruct":
                return f"Wrong step: Step {step}.\nReason: {correction.explanation}\nCorrect solution:\n{steps}"


def one_line(text: str) -> str:
    """The text with each run of ASCII white space as one space, as in the authors' files (no-break spaces stay)."""
    return ASCII_SPACE.sub(" ", text).strip(" ")
