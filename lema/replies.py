"""Paid replies on disk: one small file a request, whole or absent, found again by what was asked."""

from __future__ import annotations

import logging
from pathlib import Path
from typing import Any

import msgspec

from lema.durable import make_below, write_whole
from lema.spec import digest, encode

log = logging.getLogger(__name__)


class Choice(msgspec.Struct, frozen=True, kw_only=True):
    """One continuation, as the server gave it."""

    text: str
    finish_reason: str
    logprobs: list[float] | None = None


class Answer(msgspec.Struct, frozen=True, kw_only=True):
    """What a server answered to one request."""

    choices: list[Choice]
    prompt_tokens: int = 0
    completion_tokens: int = 0


class Saved(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A reply file. `digest` covers request and answer: a file that a crash cut short or a hand changed shows."""

    request: dict[str, Any]
    answer: Answer
    digest: str


class Replies:
    """A folder of saved answers, `<2 hex>/<hash of the request>.json`; several processes may share it."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        folder.mkdir(parents=True, exist_ok=True)

    def place(self, request: dict[str, Any]) -> Path:
        name = digest(encode(request))
        return self.folder / name[:2] / f"{name}.json"

    def read(self, request: dict[str, Any]) -> Answer | None:
        """The saved answer to this very request. A broken file is reported and counts as absent."""
        path = self.place(request)
        try:
            data = path.read_bytes()
        except FileNotFoundError:
            return None
        try:
            saved = msgspec.json.decode(data, type=Saved)
        except msgspec.DecodeError:
            saved = None
        if saved is None or saved.request != request or saved.digest != seal(request, saved.answer):
            log.warning("%s: this saved reply is broken and is asked for again", path)
            return None
        return saved.answer

    def write(self, request: dict[str, Any], answer: Answer) -> None:
        """Save an answer; it is on the disk when this returns."""
        path = self.place(request)
        make_below(self.folder, Path(path.parent.name))
        saved = Saved(request=request, answer=answer, digest=seal(request, answer))
        write_whole(path, [msgspec.json.encode(saved)])

    def __len__(self) -> int:
        return sum(1 for _ in self.folder.glob("??/*.json"))


def seal(request: dict[str, Any], answer: Answer) -> str:
    return digest(encode([request, msgspec.to_builtins(answer)]))
