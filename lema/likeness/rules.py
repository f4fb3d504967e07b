"""When two questions count as one: of a training and a test question, and of two new ones.

The thresholds are measured in docs/decisions/009-decontamination.md.
"""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from lema.base.spec import Spec, spec

#: That a masked text must have before an equal one counts as the same question: `Compute 0 + 0` is any sum.
LEAST_WORDS = 3
ROUNDING = 1e-9  # a share of exactly the threshold counts


@spec
class Decontamination(Spec):
    """Which training questions are test questions in disguise. Equal words always are.

    The share is of the *test* question's n-grams, so that a leak inside a longer text is found.
    `ngrams` is how many must be common at least: short questions share one by chance.
    """

    kind = "decontamination"
    masked: bool = True  # also equal but for numbers, and equal but for numbers and names
    overlap: bool = True  # also a share of n-grams of words, numbers and names masked
    ngram: Annotated[int, Field(ge=2, le=32)] = 8
    ngrams: Annotated[int, Field(ge=1)] = 3
    share: Annotated[float, Field(gt=0, le=1)] = 0.4


@spec
class NearDuplicates(Spec):
    """Which new questions are old ones in other words.

    The share is of the n-grams of whichever question has *more*: a seed with a further condition
    that is as long as itself is a new question, although all of the seed is in it.
    """

    kind = "near_duplicates"
    masked: bool = True  # equal but for numbers and names, or a share of n-grams with both masked
    ngram: Annotated[int, Field(ge=2, le=32)] = 8
    share: Annotated[float, Field(gt=0, le=1)] = 0.6
