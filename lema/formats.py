"""How examples and prompts are worded: one spec that trainer, engines and evaluation share.

`lema_v1` is the interface of the models that the paper's authors released (Fig. 6): their released
adapters expect it to the letter. `brief` is this project's own, for models trained here.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

from lema.records import Correction, Question
from lema.spec import Spec, spec
from lema.steps import number_steps


@spec
class Format(Spec):
    """Wording of inputs and outputs.

    `chat` wraps every input as one user turn of the model's chat template.
    """

    kind = "format"
    wording: Literal["lema_v1", "brief"] = "brief"
    chat: bool = False

    def cot_prompt(self, question: Question) -> str:
        """The input that asks for a solution: of CoT examples, of sampling and of evaluation."""
        if self.wording == "brief":
            return f"Question: {question.text}\nAnswer:\n"
        return (
            f"Please solve the following math problem.\nQuestion: {question.text}\nAnswer: Let's think step by step.\n"
        )

    def cot_completion(self, steps: Sequence[str]) -> str:
        """A reference path (last step: the answer marker) as training target."""
        return number_steps(steps) if self.wording == "brief" else " ".join(steps)

    def correction_prompt(self, question: Question, wrong: Sequence[str]) -> str:
        """The input of a correction example (paper Fig. 6); ends with the cue, without a space."""
        if self.wording == "brief":
            return f"Question: {question.text}\nWrong solution:\n{number_steps(wrong)}\nWrong step:"
        return (
            "For the following math problem, the original solution is incorrect. Please identify the incorrect "
            "step, explain why it is incorrect, and correct the original solution starting from the incorrect "
            f"step.\n\nQuestion: {question.text}\nOriginal Solution:\n{{\n{number_steps(wrong)}\n}}\n"
            "Incorrect Step:"
        )

    def correction_completion(self, correction: Correction) -> str:
        """The target of a correction example; starts with a space, after the cue.

        In `lema_v1` an ellipsis line stands for the steps before the wrong one, if there are any.
        """
        step = correction.step or 1
        steps = number_steps(correction.solution, first=step)
        if self.wording == "brief":
            return f" Step {step}.\nReason: {correction.explanation}\nCorrect solution:\n{steps}"
        skipped = "...\n" if step > 1 else ""
        return f" Step {step}.\nExplanation: {correction.explanation}\nCorrect Solution:\n{{\n{skipped}{steps}\n}}"
