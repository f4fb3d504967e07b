"""The `openai` engine before a server with a real model: what the contract's server, which has none, cannot show."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from servers.openai_server import Server

from lema.base.protocols import Complete, Prompt, Sampling
from lema.engines.openai.engine import OpenAI

pytestmark = [pytest.mark.real, pytest.mark.slow]
QUESTION = "Count from one to nine, in words."


@pytest.fixture(scope="module")
def complete(smollm2_dir: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Complete]:
    folder = tmp_path_factory.mktemp("server")
    with Server(smollm2_dir, folder) as server:
        engine = OpenAI(model=str(smollm2_dir), base_url=server.base_url, concurrency=1)
        with engine.open(replies=None) as opened:
            yield opened


def text(complete: Complete, seed: int = 0, stop: tuple[str, ...] = ()) -> str:
    prompt = Prompt(id="one", text=QUESTION, chat=True, seed=seed)
    ((reply,),) = complete([prompt], Sampling(max_tokens=24, stop=stop))
    return reply.text


def test_greedy_texts_do_not_depend_on_the_seed(complete: Complete) -> None:
    assert text(complete, seed=1) == text(complete, seed=2) != ""


def test_a_text_ends_before_the_first_stop_string(complete: Complete) -> None:
    free = text(complete)
    letters = [letter for letter in free[1:] if letter.isascii() and letter.isalnum()]
    stop = letters[len(letters) // 2]
    assert text(complete, stop=("never said", stop)) == free[: free.index(stop)]
