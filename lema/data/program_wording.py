"""What a model is asked for when it answers with a program, and what it is told of one that failed.

In `brief` everything said is of the shipped tokenizer's words, and an error is told as a step that is wrong and why:
a name that nothing defines, one that is defined too late, a line that is no Python. Other wordings give Python's own
message.
"""

from __future__ import annotations

import re

from lema.base.reasoning_steps import one_line
from lema.base.records import Question
from lema.data.correction_wording import Wording
from lema.programs.program import Outcome

QUOTED = re.compile(r"'(\w+)'")
REASONS = {
    "NameError": "{name} is not known.",
    "UnboundLocalError": "{name} is not known before this step.",
    "SyntaxError": "This step is not clear.",
}
NO_ANSWER = "The solution has no answer."


def program_prompt(wording: Wording, question: Question) -> str:
    """The input that asks for a program."""
    match wording:
        case "brief":
            return f"Question: {question.text}\nAnswer =\n"
        case "instruct":
            return (
                "Write a Python function solution() without arguments that computes the answer to this problem and "
                f"returns it. Give the function alone.\n\nProblem: {question.text}"
            )
        case _:
            return (
                "Answer the following question with a Python function solution() that returns the result.\n"
                f"Question: {one_line(question.text)}\nProgram:\n"
            )


def step_prompt(wording: Wording, question: str, program: str) -> str:
    """The input that asks whether a program that begins like this will be right; one word goes on from it."""
    match wording:
        case "brief":
            return f"Question: {question}\nAnswer =\n{program}\nThis step is"
        case "instruct":
            return (
                "A Python program that should compute the answer to the problem below begins like this. Say in one "
                f"word whether it will be right or wrong.\n\nProblem: {question}\n\nProgram:\n{program}\n\nIt is"
            )
        case _:
            return (
                "A Python program for the following question begins like this. Will it be right or wrong?\n"
                f"Question: {one_line(question)}\nProgram:\n{program}\nIt is"
            )


def refinement_prompt(wording: Wording, question: Question, broken: str, message: str) -> str:
    """The input that asks for a program in place of one that failed. It says nothing of the right answer."""
    match wording:
        case "brief":
            return f"Question: {question.text}\nWrong solution:\n{broken}\nReason: {message}\nCorrect solution:\n"
        case "instruct":
            return (
                "The Python function below does not run. Write it again so that it computes the answer to the problem "
                f"and returns it. Give the function alone.\n\nProblem: {question.text}\n\nProgram:\n{broken}\n\n"
                f"Error: {message}"
            )
        case _:
            return (
                "The Python program for the following question fails. Write a correct one.\n"
                f"Question: {one_line(question.text)}\nProgram that fails:\n{broken}\nError: {message}\nProgram:\n"
            )


def wrong_value_prompt(wording: Wording, question: Question, program: str, value: str) -> str:
    """The input that asks for a program in place of one that runs and gives a wrong value; which is right it does not
    say."""
    match wording:
        case "brief":
            reason = f"The answer is not {value}."
            return f"Question: {question.text}\nWrong solution:\n{program}\nReason: {reason}\nCorrect solution:\n"
        case "instruct":
            return (
                "The Python function below runs and returns a wrong result. Write it again so that it computes the "
                f"answer to the problem and returns it. Give the function alone.\n\nProblem: {question.text}\n\n"
                f"Program:\n{program}\n\nWrong result: {value}"
            )
        case _:
            return (
                "The Python program for the following question runs and gives a wrong result. Write a correct one.\n"
                f"Question: {one_line(question.text)}\nProgram that is wrong:\n{program}\nWrong result: {value}\n"
                "Program:\n"
            )


def told(wording: Wording, outcome: Outcome) -> str:
    """What a model is told of a failure."""
    if wording != "brief":
        return outcome.feedback or "it returned nothing"
    reason = REASONS.get(outcome.paper_error)
    name = QUOTED.search(outcome.message)
    if reason is None or ("{name}" in reason and name is None):
        return NO_ANSWER
    said = reason.format(name=name[1] if name else "")
    return said if outcome.line is None else f"Step {outcome.line}: {said}"
