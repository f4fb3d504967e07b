"""How examples and prompts are worded: one spec that trainer, engines and evaluation share.

`lema_v1` is the interface of the models that the paper's authors released (Fig. 6): their released
adapters expect it to the letter, and those of WizardMath models an input of their own. `brief` is this
project's own, for models trained here; `instruct` says in words what is wanted, for chat models.

A question with `choices` (CommonsenseQA) is worded with its candidates. Its solution explains each
candidate and then chooses, which are not steps one after the other, so that a correction of it names no
step (App. C.3): `lema_v1` has a form of its own for it, and the other wordings number its lines.

With `examples` the question comes behind four solved ones (`lema.data.solved_examples`): for models that were not
fine-tuned.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence

from lema.base.errors import ConfigError
from lema.base.reasoning_steps import numbered, one_line
from lema.base.records import Correction, Question
from lema.base.spec import Spec, since, spec
from lema.data.correction_wording import (
    Piece,
    Wording,
    candidates,
    correction_pieces,
    correction_prompt,
    mistake_in_target,
    published,
)
from lema.data.program_wording import program_prompt, refinement_prompt, step_prompt, told, wrong_value_prompt
from lema.data.solved_examples import check_examples, solved_prompt, texts_digest
from lema.programs.program import Outcome


@spec
class Format(Spec):
    """Wording of inputs and outputs.

    `chat` wraps every input as one user turn of the model's chat template. `examples` are solved questions before the
    one that is asked: `by_task` takes those that end as the task's answers do, a name one set for all; their own
    wording goes with `brief`.
    """

    kind = "format"
    wording: Wording = "brief"
    chat: bool = False
    examples: str | None = since(default=None)

    def check(self) -> None:
        if self.examples is None:
            return
        check_examples(self.examples)
        if self.wording != "brief":
            raise ConfigError(
                f"examples: solved questions are shown in a wording of their own, and {self.wording} has another. Take "
                "wording=brief (format=few_shot), or examples=null."
            )

    def fingerprint(self) -> Mapping[str, str]:
        return {} if self.examples is None else {"examples": texts_digest(self.examples)}

    def check_task(self, task: str) -> None:
        """Raise ConfigError where there are no examples for a task."""
        if self.examples is not None:
            check_examples(self.examples, task)

    def cot_prompt(self, question: Question) -> str:
        """The input that asks for a solution: of CoT examples, of sampling and of evaluation."""
        if self.examples is not None:
            return solved_prompt(self.examples, question)
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
        return "".join(piece.text for piece in self.path_pieces(question, (), steps))

    def path_pieces(self, question: Question | None, kept: Sequence[str], changed: Sequence[str]) -> list[Piece]:
        """A path as training target, in pieces: steps that it shares with a wrong one, then those of a correction."""
        steps = [*kept, *changed]
        if not published(self.wording):
            steps = numbered(steps, 1)
        between = "\n" if not published(self.wording) or (question is not None and question.choices) else " "
        told = [step if not place else f"{between}{step}" for place, step in enumerate(steps)]
        return [Piece(text, "kept" if place < len(kept) else "changed") for place, text in enumerate(told)]

    def correction_prompt(self, question: Question, wrong: Sequence[str], without: Collection[str] = ()) -> str:
        """The input of a correction example (paper Fig. 6); a plain one ends with the cue, without a space.

        Args:
            without: parts that the output will not have (`step`, `explanation`, `solution`).
        """
        return correction_prompt(self.wording, question, wrong, without)

    def correction_pieces(
        self, correction: Correction, wrong: Sequence[str] = (), without: Collection[str] = ()
    ) -> list[Piece]:
        """The target of a correction example, in pieces; a plain one starts with a space, after the cue.

        Args:
            wrong: steps of the path, from which the correction's own are told apart.
        """
        return correction_pieces(self.wording, correction, wrong, without)

    def correction_completion(self, correction: Correction) -> str:
        """The same as one text."""
        return "".join(piece.text for piece in self.correction_pieces(correction))

    def mistake_in_target(self, correction: Correction, wrong: Sequence[str]) -> list[Piece]:
        """A path that makes the mistake, notices it and goes on rightly, in pieces; its input is the CoT prompt."""
        return mistake_in_target(self.wording, correction, wrong)

    def program_prompt(self, question: Question) -> str:
        """The input that asks for a program (PaD, arXiv 2305.13888)."""
        return program_prompt(self.wording, question)

    def step_prompt(self, question: str, program: str) -> str:
        """The input that asks whether a program that begins like this will be right, for a scorer of steps."""
        return step_prompt(self.wording, question, program)

    def refinement_prompt(self, question: Question, broken: str, outcome: Outcome) -> str:
        """The input that asks for a program in place of one that failed, with what Python said of it."""
        return refinement_prompt(self.wording, question, broken, told(self.wording, outcome))

    def wrong_value_prompt(self, question: Question, program: str, value: str) -> str:
        """The input that asks for a program in place of one that runs and gives this wrong value."""
        return wrong_value_prompt(self.wording, question, program, value)


def choice_prompt(wording: Wording, question: Question) -> str:
    """The input that asks for a solution of a question with candidates.

    The authors' files have the question as the data set has it, double spaces and all; those of the other tasks do not.
    """
    match wording:
        case "lema_v1" | "lema_v1_wizardmath":
            return (
                "Please answer the following commonsense question. Please first explain each candidate answer, then "
                "select only one answer that is most relevant to the question and provide reasons.\n"
                f"Question: {question.text}\nCandidate Answers: {candidates(question)}.\n"
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
