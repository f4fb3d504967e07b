"""How corrections are worded: input and output of a correction example, and a mistake corrected on the way.

A correction has up to three parts: the wrong step, the explanation, the solution from there on. A plain
input ends with the heading of the first part, and the output begins behind it (paper Fig. 6). A correction of a
question with candidates names no step (App. C.3), and its solution is the whole answer anew.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from typing import Literal, NamedTuple

from lema.base.reasoning_steps import number_steps, numbered, one_line
from lema.base.records import Correction, Question

Wording = Literal["lema_v1", "lema_v1_wizardmath", "brief", "instruct"]
Part = Literal["step", "explanation", "solution"]
#: What a piece of a target is: words about the mistake, a step that was right before, one that the correction
#: changed or added, or the wrong step itself.
Kind = Literal["note", "kept", "changed", "mistake"]


class Piece(NamedTuple):
    """A stretch of a target, and what it is."""

    text: str
    kind: Kind


#: Headings of the parts, by whether the question has candidates.
PUBLISHED: Mapping[bool, dict[Part, str]] = {
    False: {"step": "Incorrect Step:", "explanation": "Explanation:", "solution": "Correct Solution:"},
    True: {"explanation": "Mistakes:", "solution": "Corrected Answer:"},
}
OWN: Mapping[bool, dict[Part, str]] = {
    False: {"step": "Wrong step:", "explanation": "Reason:", "solution": "Correct solution:"},
    True: {"explanation": "Mistakes:", "solution": "Correct solution:"},
}
#: What the published wording asks for, by part.
ASKED: dict[Part, str] = {
    "step": "identify the incorrect step",
    "explanation": "explain why it is incorrect",
    "solution": "correct the original solution starting from the incorrect step",
}
ASKED_OF_CHOICES: dict[Part, str] = {
    "explanation": "identify and explain the mistakes in the original answer",
    "solution": "correct it",
}
ASKED_OWN: dict[Part, str] = {
    "step": "name its first wrong step",
    "explanation": "give the reason",
    "solution": "write the correct solution from that step on",
}
ASKED_OWN_OF_CHOICES: dict[Part, str] = {"explanation": "say what is mistaken in it", "solution": "write a correct one"}


def published(wording: Wording) -> bool:
    """Whether a wording is that of the models which the paper's authors released."""
    return wording in ("lema_v1", "lema_v1_wizardmath")


def headings(wording: Wording, choices: bool, without: Collection[str]) -> dict[Part, str]:
    """The headings of the parts that are there, in order."""
    table = (PUBLISHED if published(wording) else OWN)[choices]
    return {part: heading for part, heading in table.items() if part not in without}


def candidates(question: Question) -> str:
    """The candidates in one line as the authors' files have them, which is to end in a full stop: without their own."""
    return ", ".join(choice.rstrip(".") for choice in question.choices)


def correction_prompt(wording: Wording, question: Question, wrong: Sequence[str], without: Collection[str]) -> str:
    """The input of a correction example; a plain one ends with the first heading, without a space."""
    choices = bool(question.choices)
    if wording == "instruct":
        return _instruct_prompt(question, wrong, without)
    cue = next(iter(headings(wording, choices, without).values()))
    if wording == "brief":
        listed = f"Choices: {'; '.join(question.choices)}\n" if choices else ""
        return f"Question: {question.text}\n{listed}Wrong solution:\n{number_steps(wrong)}\n{cue}"
    asked = joined([words for part, words in (ASKED_OF_CHOICES if choices else ASKED).items() if part not in without])
    topic, noun, lines, text, listed = "math problem", "Solution", number_steps(wrong), one_line(question.text), ""
    if choices:
        topic, noun, lines, text = "commonsense question", "Answer", "\n".join(wrong), question.text
        listed = f"Candidate Answers: {candidates(question)}.\n"
    return (
        f"For the following {topic}, the original {noun.lower()} is incorrect. Please {asked}.\n\n"
        f"Question: {text}\n{listed}Original {noun}:\n{{\n{lines}\n}}\n{cue}"
    )


def _instruct_prompt(question: Question, wrong: Sequence[str], without: Collection[str]) -> str:
    choices = bool(question.choices)
    table = ASKED_OWN_OF_CHOICES if choices else ASKED_OWN
    asked = joined([words for part, words in table.items() if part not in without])
    fault = "chooses wrongly" if choices else "is wrong"
    listed = f"\nChoices: {'; '.join(question.choices)}" if choices else ""
    name = "Question" if choices else "Problem"
    return (
        f"The solution below {fault}. {asked[0].upper()}{asked[1:]}.\n\n"
        f"{name}: {question.text}{listed}\n\nSolution:\n{number_steps(wrong)}"
    )


def joined(words: Sequence[str]) -> str:
    """`a`; `a, and b`; `a, b, and c`."""
    return words[0] if len(words) == 1 else f"{', '.join(words[:-1])}, and {words[-1]}"


def correction_pieces(
    wording: Wording, correction: Correction, wrong: Sequence[str], without: Collection[str]
) -> list[Piece]:
    """The target of a correction example; a plain one starts behind the heading that ends its input.

    In the published wording an ellipsis line stands for the steps before the wrong one, if there are any.
    """
    heads = headings(wording, correction.step is None, without)
    pieces: list[Piece] = []
    for place, (part, heading) in enumerate(heads.items()):
        shown = heading if place or wording == "instruct" else ""
        pieces.append(Piece(f"{chr(10) if place else ''}{shown}", "note"))
        if part == "solution":
            pieces += _solution(wording, correction, wrong)
        else:
            body = f"Step {correction.step}." if part == "step" else correction.explanation
            pieces.append(Piece(f" {body}", "note"))
    return pieces


def _solution(wording: Wording, correction: Correction, wrong: Sequence[str]) -> list[Piece]:
    """The corrected steps, a line each, and what frames them."""
    first = correction.step or 1
    if published(wording):
        before, after = ("\n{\n...\n" if first > 1 else "\n{\n"), "\n}"
    else:
        before, after = "\n", ""
    plain = published(wording) and correction.step is None
    lines = correction.solution if plain else numbered(correction.solution, first)
    told = zip(correction.solution, lines, strict=True)
    pieces = [Piece(line, "kept" if step in wrong else "changed") for step, line in told]
    return [Piece(before, "note"), *_on_lines(pieces), *([Piece(after, "note")] if after else [])]


def _on_lines(pieces: Sequence[Piece]) -> list[Piece]:
    """Pieces one a line; each carries the line break before it."""
    return [piece if not place else Piece(f"\n{piece.text}", piece.kind) for place, piece in enumerate(pieces)]


def mistake_in_target(wording: Wording, correction: Correction, wrong: Sequence[str]) -> list[Piece]:
    """A path that makes the mistake, notices it and goes on rightly: the target behind an ordinary CoT input."""
    at = correction.step or len(wrong)
    before, mistake, after = wrong[: at - 1], wrong[at - 1 : at], correction.solution
    if correction.step is None:
        before, mistake = [], wrong
    if published(wording):
        pieces = [*(Piece(f"{step} ", "kept") for step in before), Piece(" ".join(mistake), "mistake")]
        pieces.append(Piece(f" Wait, that is not right. {correction.explanation} ", "note"))
        return [*pieces, Piece(" ".join(after), "changed")]
    told = [*(Piece(s, "kept") for s in numbered(before, 1)), *(Piece(s, "mistake") for s in numbered(mistake, at))]
    named = "" if correction.step is None else f"\nWrong step: Step {at}."
    note = f"{named}\nReason: {correction.explanation}\nCorrect solution:\n"
    rest = [Piece(s, "changed") for s in numbered(after, correction.step or 1)]
    return [*_on_lines(told), Piece(note, "note"), *_on_lines(rest)]
