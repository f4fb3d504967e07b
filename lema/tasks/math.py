r"""MATH (Hendrycks et al., 2021): competition problems of five levels and seven subjects, with worked solutions.

A row, shortened:

    {"problem": "What is $x$ if $2x = 1$?", "level": "Level 1", "type": "Algebra",
     "solution": "Dividing by 2 gives $x = \boxed{\frac12}$."}

`test` are all 5,000 test problems; `math500` is the subset of them that Lightman et al. (2023) held out, whose
rows say `subject` for `type` and give the level as a number. A problem has one id wherever it stands:
`math-`, its subject, and a digest of its text. Its level is its `difficulty`.
"""

from __future__ import annotations

import re
from types import MappingProxyType

import msgspec

from lema.base.errors import InputError
from lema.base.protocols import Verifier
from lema.base.reasoning_steps import MARKER, one_line
from lema.base.records import Question
from lema.base.spec import runtime, spec
from lema.data.datasets import Dataset, Published, Split, Table, question_id

SUBJECTS = (
    "algebra",
    "counting_and_probability",
    "geometry",
    "intermediate_algebra",
    "number_theory",
    "prealgebra",
    "precalculus",
)
BOXED = re.compile(r"\\(?:boxed|fbox)\s*(?:\{|(?P<bare>[^\s{$.]+))")
#: What is one piece, however many sentences are in it: figures, environments, formulas.
WHOLE = re.compile(
    r"\[asy\].*?\[/asy\]|\\begin\{(\w+\*?)\}.*?\\end\{\1\}|\\\[.*?\\\]|\\\(.*?\\\)|\$\$.*?\$\$|\$(?:\\.|[^$\\])*\$",
    re.DOTALL,
)
#: The end of a sentence or of a paragraph; a formula may hold the stop: `$x = 3.$ Then ...`.
BREAK = re.compile(r"(?<=[.!?])\s+(?=[A-Z$\\\[])|(?<=\.\$)\s+(?=[A-Z$\\\[])|(?<=\.\\\])\s+(?=[A-Z$\\\[])|\n\s*\n\s*")


class Row(msgspec.Struct):
    """A row of the whole data set."""

    problem: str
    level: str
    type: str
    solution: str

    def to_question(self) -> Question:
        return math_question(self.problem, self.level, self.type, self.solution)


class Row500(msgspec.Struct):
    """A row of the 500 problems; its answer is also in its solution, and its place in the whole is ignored."""

    problem: str
    level: int
    subject: str
    solution: str

    def to_question(self) -> Question:
        return math_question(self.problem, f"Level {self.level}", self.subject, self.solution)


def math_question(problem: str, level: str, subject: str, solution: str) -> Question:
    """A problem whose answer is what its solution puts in the last box."""
    slug = subject.lower().replace("&", "and").replace(" ", "_")
    if slug not in SUBJECTS:
        raise InputError(f"subject {subject!r} is none of {', '.join(SUBJECTS)}")
    answer = boxed(solution)
    if not problem.strip() or not answer:
        raise InputError("no problem, or a solution without \\boxed{answer}")
    return Question(
        id=question_id(f"math-{slug}", problem),
        task="math",
        text=problem,
        answer=answer,
        solution=solution,
        difficulty=level,
    )


def boxed(solution: str) -> str | None:
    r"""The content of the last `\boxed{...}`, or what follows a bare `\boxed`, on one line; None without either."""
    found = None
    for found in BOXED.finditer(solution):  # noqa: B007
        pass
    if found is None:
        return None
    if found["bare"]:
        return found["bare"]
    depth = 1
    for at in range(found.end(), len(solution)):
        depth += {"{": 1, "}": -1}.get(solution[at], 0)
        if depth == 0:
            return one_line(solution[found.end() : at])
    return None


def sentences(solution: str) -> list[str]:
    """The sentences of a solution; figures, environments and formulas are never cut."""
    whole = [match.span() for match in WHOLE.finditer(solution)]
    steps, start = [], 0
    for found in BREAK.finditer(solution):
        if not any(first < found.start() < last for first, last in whole):
            steps.append(solution[start : found.start()].strip())
            start = found.end()
    return [step for step in (*steps, solution[start:].strip()) if step]


@spec
class Math(Published):
    """Problems of MATH: splits `train`, `test` and `math500`, a part of `test`.

    The rows come from the hub at pinned revisions (the 500 have a repository of their own), or from
    `path`, a folder with `train.jsonl`, `test.jsonl` and `math500.jsonl`, of which one may be missing.
    """

    kind = "math"
    parts = MappingProxyType({"math500": "test"})
    verifier: Verifier
    published: Verifier | None = runtime(default=None)  # the grader of the paper's authors
    hub: str = runtime(default="EleutherAI/hendrycks_math")
    revision: str | None = runtime(default=None)
    hub_500: str = runtime(default="HuggingFaceH4/MATH-500")
    revision_500: str | None = runtime(default=None)
    path: str | None = runtime(default=None)

    @property
    def data(self) -> Dataset:
        splits = {
            name: Split(f"{name}.jsonl", tuple(Table(self.hub, self.revision, name, s) for s in SUBJECTS), Row)
            for name in ("train", "test")
        }
        of_500 = Table(self.hub_500, self.revision_500, "test", setting="task.revision_500")
        splits["math500"] = Split("math500.jsonl", (of_500,), Row500)
        # Its test set repeats no problem; its training set was not at hand when this was written.
        return Dataset(self.name, splits, self.path, repeats=True)

    def steps(self, question: Question) -> list[str]:
        """The solution, sentence by sentence, and its answer.

        Put together again they are the solution as it stands, but for the white space between two
        sentences, and then `The answer is X.` How the paper completed MATH's examples is not published.
        """
        return [*sentences(question.solution), f"{MARKER} {question.answer}."]
