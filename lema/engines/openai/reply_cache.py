"""Paid replies on disk: one file a request, whole or absent, found by what was asked."""

from __future__ import annotations

import hmac
import logging
import os
import time
from contextlib import suppress
from pathlib import Path
from typing import Any

import msgspec

from lema.base.spec import digest, encode
from lema.store.durable import TEMPORARY, make_below, write_whole

PROBE = f".room.{os.getpid()}.tmp"
ROOM = 2**18  # bytes that must be free: the replies of some tens of requests in flight
OLD = 3600.0  # seconds after which a temporary file is nobody's any more
log = logging.getLogger(__name__)


class Choice(msgspec.Struct, frozen=True, kw_only=True):
    """One continuation, as the server gave it."""

    text: str
    finish_reason: str
    logprobs: tuple[float, ...] | None = None


class Answer(msgspec.Struct, frozen=True, kw_only=True):
    """What a server answered to one request: one choice or more."""

    choices: tuple[Choice, ...]
    model: str = ""  # as reported, which may be more exact than the name asked for
    prompt_tokens: int = 0
    completion_tokens: int = 0  # of all choices


class Kept(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The content of a file. The digest finds a bit that has flipped inside a text."""

    digest: str
    request: dict[str, Any]
    answer: Answer


class ReplyCache:
    """Answers in `folder/<2 hex>/<hash of the request>.json`.

    A request is in the stable form of `lema.base.spec.canonical`. Processes may share a folder: files
    appear whole, and two that ask the same at once merely pay twice.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.made: set[str] = set()  # folders below it that are there
        self.sure = False

    def path(self, request: dict[str, Any]) -> Path:
        """Where the answer to a request belongs."""
        name = digest(encode(request))
        return self.folder / name[:2] / f"{name}.json"

    def read(self, request: dict[str, Any]) -> Answer | None:
        """The answer to exactly this request; None, with a warning if a file is there, when it must be asked again."""
        path = self.path(request)
        try:
            kept = msgspec.json.decode(path.read_bytes(), type=Kept)
        except FileNotFoundError:
            return None
        except (msgspec.MsgspecError, UnicodeDecodeError) as fault:
            log.warning("%s is damaged (%s): asking again", path, fault)
            return None
        if encode(kept.request) != encode(request):
            log.warning("%s answers another request: asking again", path)
            return None
        if not kept.answer.choices or not hmac.compare_digest(kept.digest, content(kept.request, kept.answer)):
            log.warning("%s was altered: asking again", path)
            return None
        return kept.answer

    def make_sure(self) -> None:
        """Before the first reply is paid for: see that one can be kept, and clear what killed processes left.

        Raises:
            OSError: no room, no permission.
        """
        if self.sure:
            return
        write_whole(self.folder / PROBE, [bytes(ROOM)])
        (self.folder / PROBE).unlink(missing_ok=True)
        for leftover in (*self.folder.glob(TEMPORARY), *self.folder.glob(f"??/{TEMPORARY}")):
            with suppress(OSError):
                if time.time() - leftover.stat().st_mtime > OLD:
                    leftover.unlink()
        self.sure = True

    def write(self, request: dict[str, Any], answer: Answer) -> None:
        """Keep an answer; it is on disk when this returns."""
        kept = Kept(digest=content(request, answer), request=request, answer=answer)
        path = self.path(request)
        if path.parent.name not in self.made:
            make_below(self.folder, Path(path.parent.name))
            self.made.add(path.parent.name)
        write_whole(path, [msgspec.json.format(msgspec.json.encode(kept), indent=1), b"\n"])


def content(request: dict[str, Any], answer: Answer) -> str:
    """The digest that a file holds of its request and its answer."""
    return digest(encode(request) + msgspec.json.encode(answer))
