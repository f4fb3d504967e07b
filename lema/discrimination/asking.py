"""How a model is asked to pick among candidates: the read-outs, and the words of each prompt.

The words are this project's own. `brief` is terse and stays within the words of the laboratory's vocabulary, for
models that are trained here; all other formats say in words what is wanted. A chat model gets everything, the worked
examples too, as one user turn.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated, Literal, NamedTuple

from pydantic import Field

from lema.base.errors import ConfigError
from lema.base.reasoning_steps import numbered
from lema.base.records import Question
from lema.base.spec import Spec, spec
from lema.data.formats import Format

ReadOut = Literal[
    "label_text",  # the model writes the number of its pick: the paper's way
    "label_logprob",  # the likeliest of the numbers right after the prompt: nothing is invalid
    "pointwise",  # a score from 0 to 10 for each candidate alone, written by the model
    "pointwise_logprob",  # how much likelier "right" than "wrong" is after each candidate alone
    "pairwise",  # a knock-out of pairs, each decided as label_text
    "verbatim",  # the model repeats the answer that it picks
    "likelihood",  # the candidate's own text, by its mean log-probability a token: no question is put
]
View = Literal["final_answer", "full_solution"]
Distractors = Literal["own", "scaled", "other_questions"]

NO_ANSWER = "no final answer"


@spec
class Asking(Spec):
    """How a model is asked.

    Args:
        read_out: how its pick is read.
        view: what it is shown of each candidate.
        reasoning: it reasons before it picks (CoT).
        shots: worked examples in the prompt, from training data.
        distractors: wrong candidates as they were sampled (`own`); made easy to tell by the factor 100 (`scaled`) or
            by the answers of other questions (`other_questions`; paper, section 6). These two use the reference
            answers to decide what to replace, so that they are for analysis only.
    """

    kind = "asking"
    read_out: ReadOut = "label_text"
    view: View = "final_answer"
    reasoning: bool = False
    shots: Annotated[int, Field(ge=0, le=32)] = 2
    distractors: Distractors = "own"

    def check(self) -> None:
        if self.reasoning and self.read_out not in ("label_text", "pairwise", "verbatim"):
            raise ConfigError(
                f"reasoning: {self.read_out} reads right behind the prompt, where there is no room to reason. Take "
                "label_text, pairwise or verbatim, or reasoning=false."
            )
        if self.view == "full_solution" and self.read_out == "verbatim":
            raise ConfigError("view: verbatim repeats a final answer; take view=final_answer, or another read_out")
        if self.distractors != "own" and (self.view == "full_solution" or self.read_out == "likelihood"):
            raise ConfigError(
                f"distractors: {self.distractors} replaces final answers, and whole solutions are what is judged here. "
                "Take view=final_answer and another read-out than likelihood, or distractors=own."
            )

    @property
    def label(self) -> str:
        """All of it in a few words, for people."""
        said = [self.read_out.replace("_", " ")]
        if self.read_out != "likelihood":
            said += [self.view.replace("_", " "), f"{self.shots} shots"]
        said += ["reasoning"] if self.reasoning else []
        said += [f"distractors {self.distractors.replace('_', ' ')} (uses the gold answer)"] * (
            self.distractors != "own"
        )
        return ", ".join(said)


class Shown(NamedTuple):
    """A question with what is shown of its candidates, in the order in which they are shown."""

    question: Question
    candidates: Sequence[str]


class Demo(NamedTuple):
    """A worked example: which candidate is right (0-based), its answer, and a path to it where there is one."""

    shown: Shown
    right: int
    answer: str
    path: Sequence[str]


def terse(format_: Format) -> bool:
    """Whether the prompt is to be of this project's short wording."""
    return format_.wording == "brief"


def cue(format_: Format, asking: Asking) -> str:
    """What the prompt ends with for the model to go on: empty where it writes the last line by itself."""
    if format_.chat or asking.reasoning:
        return ""
    if asking.read_out in ("pointwise", "pointwise_logprob"):
        head = "This answer is" if asking.read_out == "pointwise_logprob" else "Score"
        return head if asking.read_out == "pointwise_logprob" else f"{head}:"
    return "The right one is" if terse(format_) else "Choice:"


def labels(format_: Format, asking: Asking, n: int) -> tuple[str, ...]:
    """The texts whose log-probabilities are compared, as they follow the prompt."""
    words = ("right", "wrong") if asking.read_out == "pointwise_logprob" else tuple(str(k) for k in range(1, n + 1))
    return words if format_.chat else tuple(f" {word}" for word in words)


def stops(format_: Format, asking: Asking) -> tuple[str, ...]:
    """Where a written reply ends."""
    if format_.chat:
        return ()
    return ("\nQuestion:",) if asking.reasoning else ("\n",)


def pick_prompt(format_: Format, asking: Asking, shown: Shown, demos: Sequence[Demo]) -> str:
    """The request to pick one of several candidates."""
    n = len(shown.candidates)
    blocks = [f"{listed(demo.shown, asking)}\n{worked(format_, asking, demo)}" for demo in demos]
    blocks.append("\n".join(filter(None, [listed(shown, asking), cue(format_, asking)])))
    return joined("" if terse(format_) else instruction(format_, asking, n), blocks)


def score_prompt(format_: Format, asking: Asking, question: Question, candidate: str, demos: Sequence[Demo]) -> str:
    """The request to judge one candidate; the worked examples are right and wrong by turns."""
    blocks = []
    for number, demo in enumerate(demos):
        good = number % 2 == 0
        place = demo.right if good else (demo.right + 1) % len(demo.shown.candidates)
        verdict = judged_line(format_, asking, good)
        blocks.append(f"{alone(demo.shown.question, demo.shown.candidates[place], asking)}\n{verdict}")
    blocks.append("\n".join(filter(None, [alone(question, candidate, asking), cue(format_, asking)])))
    return joined("" if terse(format_) else instruction(format_, asking, 1), blocks)


def joined(head: str, blocks: Sequence[str]) -> str:
    """Instruction and blocks with empty lines between them."""
    return "\n\n".join([*([head] if head else []), *blocks])


def instruction(format_: Format, asking: Asking, n: int) -> str:
    """What is wanted, in words."""
    if asking.read_out == "pointwise_logprob":
        end = "Reply with one word, right or wrong." if format_.chat else "Say whether it is right or wrong."
        return f"Below is a question with an answer that somebody proposes. {end}"
    if asking.read_out == "pointwise":
        return (
            "Below is a question with an answer that somebody proposes. How likely is it right? Give a whole number "
            'from 0 (surely wrong) to 10 (surely right), in one line: "Score: k".'
        )
    head = f"Below is a question with {n} proposed answers. Pick the one that is most likely right."
    if asking.reasoning:
        head += " First solve the question yourself, and say of each proposed answer whether it agrees."
    if asking.read_out == "verbatim":
        return f'{head} End with a line "Choice: ..." that repeats the answer that you pick.'
    if asking.read_out == "label_logprob" and format_.chat:
        return f"{head} Reply with its number alone, from 1 to {n}."
    return f'{head} End with a line "Choice: k", in which k is its number, from 1 to {n}.'


def asked(question: Question) -> str:
    """The question, with its choices where it has some."""
    choices = f"\nChoices: {'; '.join(question.choices)}" if question.choices else ""
    return f"Question: {question.text.strip()}{choices}"


def listed(shown: Shown, asking: Asking) -> str:
    """A question with numbered candidates."""
    gap = "\n" if asking.view == "full_solution" else " "
    lines = [f"Answer {number}:{gap}{text.strip()}" for number, text in enumerate(shown.candidates, 1)]
    return "\n".join([asked(shown.question), *lines])


def alone(question: Question, candidate: str, asking: Asking) -> str:
    """A question with one candidate."""
    gap = "\n" if asking.view == "full_solution" else " "
    return f"{asked(question)}\nAnswer:{gap}{candidate.strip()}"


def worked(format_: Format, asking: Asking, demo: Demo) -> str:
    """How a worked example goes on behind its candidates."""
    head = "The right one is" if terse(format_) else "Choice:"
    picked = demo.answer if asking.read_out == "verbatim" else str(demo.right + 1)
    if asking.read_out == "label_logprob" and format_.chat:
        return picked
    last = f"{head} {picked}{'.' if terse(format_) else ''}"
    if not asking.reasoning:
        return last
    lines = numbered(demo.path, 1)
    if not terse(format_):
        lines += [
            f"Answer {number} {'agrees' if number == demo.right + 1 else 'does not agree'}."
            for number in range(1, len(demo.shown.candidates) + 1)
        ]
    return "\n".join([*lines, last])


def judged_line(format_: Format, asking: Asking, good: bool) -> str:
    """How a worked example of a single candidate goes on."""
    if asking.read_out == "pointwise":
        return f"Score: {10 if good else 0}"
    word = "right" if good else "wrong"
    return word if format_.chat else f"This answer is {word}."
