"""The text alone gives the answer."""

from __future__ import annotations

import pytest
from reading.problems import solve

from lema.synth.difficulty import LEVELS
from lema.synth.splits import SPLITS, stream


@pytest.mark.parametrize("level", LEVELS)
@pytest.mark.parametrize("split", SPLITS)
def test_the_text_alone_gives_the_reference_answer(level: str, split: str) -> None:
    for question in stream(LEVELS[level], split, 1, range(300)):
        assert str(solve(question.text)) == question.answer, question.text
