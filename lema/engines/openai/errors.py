"""What to tell a user whose endpoint refuses or stays silent: one message, without the key."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any

from lema.base.errors import InputError, LemaError, StageFailed
from lema.engines.openai.endpoint import Endpoint
from lema.engines.openai.wire import EXCERPT

#: Keys as providers print them, partly masked too.
KEY = re.compile(r"\b(sk-|gsk_|hf_|xai-)[\w*.-]{6,}")
QUOTA = re.compile(
    r"insufficient_quota|billing_hard_limit|exceeded your current quota|insufficient (?:balance|credit)", re.I
)
TEMPORARY = (408, 409, 429)  # these, and 500 and more, were tried again before they became an error


class Fault(Exception):
    """A request that failed for good, before it is known what was saved."""

    def __init__(self, text: str, *, status: int | None = None, advice: str = "") -> None:
        super().__init__(text)
        self.status, self.advice = status, advice

    def told(self, saved: str) -> LemaError:
        """The error for the user: theirs when the request was refused, the server's otherwise."""
        refused = self.status is not None and 400 <= self.status < 500 and self.status not in TEMPORARY
        message = " ".join(part for part in (f"{self}.", self.advice, saved) if part)
        return InputError(message) if refused else StageFailed(message)


def fault_of(error: Any, engine: Endpoint, *, host: str, prompt: str, secret: str) -> Fault:
    """What an exception of the SDK means."""
    status = getattr(error, "status_code", None)
    said = scrubbed(server_words(error), secret)
    # Counted by the SDK in what it sent: it gives up early when it is told to wait longer than two minutes.
    tries = tried(1 + int(error.request.headers.get("x-stainless-retry-count", 0)))
    if status is None and unreachable(error):
        text = f"{host} cannot be reached for model {engine.model!r} {tries} ({said})"
        return Fault(text, advice="Is the server running, and is base_url right?")
    if status is None:
        text = f"{host} gave no answer for model {engine.model!r} within {engine.timeout:g} s {tries}"
        return Fault(text, advice="If it is slow, raise timeout.")
    if status >= 500 or status in TEMPORARY:
        text = f"{host} could not answer for model {engine.model!r} {tries} (HTTP {status}: {said})"
        advice = "Lower concurrency or requests_per_minute, or come back later." if status == 429 else ""
        if said_quota(error):
            advice = f"The quota of the key in {engine.api_key_env} is used up: no slower pace helps. See the account."
        return Fault(text, status=status, advice=advice)
    advice = {
        401: f"Check the key in the environment variable {engine.api_key_env}.",
        403: f"Check what the key in the environment variable {engine.api_key_env} may be used for.",
        404: "Check model and base_url.",
    }.get(status, "")
    text = f"{host} refuses prompt {prompt!r} for model {engine.model!r} (HTTP {status}: {said})"
    return Fault(text, status=status, advice=advice)


def said_quota(error: Any) -> bool:
    """Whether an account has nothing left, which no waiting mends."""
    told = " ".join(str(getattr(error, name, None) or "") for name in ("code", "type"))
    return bool(QUOTA.search(f"{told} {server_words(error)}"))


def tried(tries: int) -> str:
    """How often, in words."""
    return "in one try" if tries == 1 else f"in {tries} tries"


def unreachable(error: BaseException) -> bool:
    """Whether a connection was refused or broken; over aiohttp the SDK calls that a timeout too."""
    return not any(isinstance(cause, TimeoutError) for cause in causes(error))


def causes(error: BaseException) -> Iterator[BaseException]:
    """An exception and what led to it."""
    cause: BaseException | None = error
    while cause is not None:
        yield cause
        cause = cause.__cause__ or cause.__context__


def server_words(error: Any) -> str:
    """What the server said; without an answer, what happened to the connection."""
    body = getattr(error, "body", None)
    if isinstance(body, Mapping) and isinstance(body.get("message"), str):
        return str(body["message"])
    if getattr(error, "status_code", None) is not None:
        return str(error.message)
    *_, first = causes(error)
    return str(first) or type(first).__name__


def scrubbed(text: str, secret: str) -> str:
    """Text that may be shown: one line, not too long, no key."""
    without = KEY.sub("***", text.replace(secret, "***") if secret else text)
    line = " ".join(without.split()).rstrip(".")
    return line if len(line) <= EXCERPT else f"{line[:EXCERPT]}..."
