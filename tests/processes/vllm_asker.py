"""Asks an engine in the Python that this file is run with, for tests that run in another one.

python tests/processes/vllm_asker.py request.json    # prints the answer as one line of JSON, the last one
"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import msgspec

from lema.base.protocols import Prompt, Reply, Sampling
from lema.config.config import build


class Request(msgspec.Struct, frozen=True, kw_only=True):
    """An engine, and what is asked of it, call by call."""

    node: dict[str, Any]
    calls: list[tuple[list[Prompt], dict[str, Any]]]  # prompts, fields of the sampling
    checkpoint: str | None = None


class Answer(msgspec.Struct, frozen=True, kw_only=True):
    """The replies of each call, and the token ids of all prompts that vLLM was given, in order."""

    replies: list[list[list[Reply]]]
    ids: list[list[int]]


def main() -> None:
    from lema.engines.vllm.replicas import Replicas

    request = msgspec.json.decode(Path(sys.argv[1]).read_bytes(), type=Request)
    given: list[list[int]] = []
    really = Replicas.answers

    def noting(self: Replicas, asks: Any, **more: Any) -> Any:
        given.extend(ask.prompt for ask in asks)
        return really(self, asks, **more)

    Replicas.answers = noting  # type: ignore[method-assign]
    checkpoint = None if request.checkpoint is None else Path(request.checkpoint)
    with build(request.node, "engine").open(checkpoint=checkpoint) as complete:
        replies = [complete(prompts, Sampling(**build(fields))) for prompts, fields in request.calls]
    sys.stdout.write(msgspec.json.encode(Answer(replies=replies, ids=given)).decode() + "\n")


if __name__ == "__main__":
    main()
