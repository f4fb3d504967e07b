"""What a step of a program is worth, as a number above 0 and at most 1 (paper §3.4).

The paper embeds each finished line and takes the cosine to the nearest sentence of the question: `Faithfulness`. It
says how much a line speaks of the same things as the question, not whether it is right. `Executable` and `Likely`
cost no further model; `lema.pad.learned` has one that is trained.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal, Protocol, runtime_checkable

from pydantic import Field

from lema.base.spec import Spec, runtime, spec
from lema.data.formats import Format
from lema.lm.model import Model
from lema.pad.forms import RESULT, Form
from lema.programs.program import Outcome, Status

if TYPE_CHECKING:
    import torch

SENTENCE = re.compile(r"(?<=[.!?])\s+")
LOWEST = 1e-6  # of a score, so that its logarithm is a number
KEPT = 4096  # embeddings of lines that are remembered


class Step(Protocol):
    """A line that was just written: what stands before it, the question, and the mean log-probability of its tokens."""

    @property
    def question(self) -> str: ...
    @property
    def before(self) -> str: ...
    @property
    def line(self) -> str: ...
    @property
    def logprob(self) -> float: ...


#: Outcomes of texts, in order.
RunTexts = Callable[[Sequence[str]], list[Outcome]]
#: A score in (0, 1] for each step, in order; that of one step does not depend on the others.
Score = Callable[[Sequence[Step]], list[float]]


@runtime_checkable
class Scorer(Protocol):
    """Scores lines of a program."""

    def open(
        self, form: Form, run: RunTexts, *, format_: Format | None = None, checkpoint: Path | None = None
    ) -> AbstractContextManager[Score]:
        """Acquire what it needs.

        Args:
            run: runs texts as programs of this form.
            format_: how the model that writes the programs is asked.
            checkpoint: of a scorer that was trained.
        """
        ...


@spec
class Executable(Spec):
    """1 for a line after which the program so far runs, `otherwise` for one that breaks it."""

    kind = "executable_step"
    otherwise: Annotated[float, Field(gt=0, le=1)] = 0.01

    @contextmanager
    def open(
        self,
        form: Form,
        run: RunTexts,
        *,
        format_: Format | None = None,  # noqa: ARG002
        checkpoint: Path | None = None,  # noqa: ARG002
    ) -> Iterator[Score]:
        def score(steps: Sequence[Step]) -> list[float]:
            outcomes = run([so_far(step, form) for step in steps])
            return [1.0 if outcome.status is Status.OK else self.otherwise for outcome in outcomes]

        yield score


def so_far(step: Step, form: Form) -> str:
    """The program up to a line, ended so that it can run."""
    if form == "body":
        return f"{step.before}{step.line}" + ("" if step.line.startswith(RESULT) else f"\n{RESULT} = 0")
    open_line = step.line.rstrip().endswith(":")  # a header needs something below it
    return f"{step.before}{step.line}" + (f"\n{indent(step.line)}    pass" if open_line else "")


def indent(line: str) -> str:
    return line[: len(line) - len(line.lstrip())]


@spec
class Likely(Spec):
    """The geometric mean of the probabilities that the model itself gave to the line's tokens."""

    kind = "likely_step"

    @contextmanager
    def open(
        self,
        form: Form,  # noqa: ARG002
        run: RunTexts,  # noqa: ARG002
        *,
        format_: Format | None = None,  # noqa: ARG002
        checkpoint: Path | None = None,  # noqa: ARG002
    ) -> Iterator[Score]:
        yield lambda steps: [max(LOWEST, math.exp(step.logprob)) for step in steps]


@spec
class Faithfulness(Spec):
    """max over the question's sentences of (1 + cos) / 2 between embeddings (ROSCOE's faithfulness, one line a unit).

    Args:
        model: any encoder that transformers loads; the paper's is `facebook/roscoe-512-roberta-base`.
        pooling: `first` token's state, or the `mean` over tokens.
    """

    kind = "faithful_step"
    model: Model
    pooling: Literal["first", "mean"] = "first"
    longest: Annotated[int, Field(ge=1)] = 128  # tokens of a line or sentence
    device: Literal["auto", "cpu", "cuda"] = runtime(default="auto")

    @contextmanager
    def open(
        self,
        form: Form,  # noqa: ARG002
        run: RunTexts,  # noqa: ARG002
        *,
        format_: Format | None = None,  # noqa: ARG002
        checkpoint: Path | None = None,  # noqa: ARG002
    ) -> Iterator[Score]:
        import torch
        from transformers import AutoModel, AutoTokenizer

        from lema.lm.loading import pick_device

        where = {"revision": self.model.revision} if self.model.hub else {}
        tokenizer = AutoTokenizer.from_pretrained(self.model.source(), **where)
        loaded = AutoModel.from_pretrained(self.model.source(), dtype=torch.float32, **where)
        loaded = loaded.to(pick_device(self.device)).eval()

        @lru_cache(KEPT)
        def embed(text: str) -> torch.Tensor:  # one by one: padding would let the batch into the last digits
            encoded = tokenizer(text, return_tensors="pt", truncation=True, max_length=self.longest)
            with torch.inference_mode():
                states = loaded(**encoded.to(loaded.device)).last_hidden_state[0]
            vector = states[0] if self.pooling == "first" else states.mean(0)
            unit: torch.Tensor = vector / vector.norm()
            return unit

        def score(steps: Sequence[Step]) -> list[float]:
            return [max(LOWEST, faithfulness(embed, step)) for step in steps]

        yield score


def faithfulness(embed: Callable[[str], Any], step: Step) -> float:
    own = embed(step.line.strip() or step.line)
    sentences = [one for one in SENTENCE.split(step.question.strip()) if one]
    return max((1 + float(own @ embed(one))) / 2 for one in sentences)
