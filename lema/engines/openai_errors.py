"""What to tell a user whose endpoint refuses or stays silent: one message, without the key."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from lema.engines.openai_wire import EXCERPT
from lema.errors import InputError, LemaError, StageFailed

#: Keys as providers print them, partly masked too.
KEY = re.compile(r"\b(sk-|gsk_|hf_|xai-)[\w*.-]{6,}")
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


def fault_of(error: Any, *, host: str, model: str, prompt: str, key_env: str, tries: int, secret: str) -> Fault:
    """What an exception of the SDK means. `tries`: how often a temporary fault was tried."""
    status = getattr(error, "status_code", None)
    said = scrubbed(server_words(error), secret)
    if status is None:
        return Fault(
            f"{host} gave no answer for model {model!r} in {tries} tries ({said})",
            advice="Is the server up, and is base_url right? A slow one needs a longer timeout.",
        )
    if status >= 500 or status in TEMPORARY:
        return Fault(
            f"{host} could not answer for model {model!r} in up to {tries} tries (HTTP {status}: {said})",
            status=status,
            advice="Try later, or lower concurrency or requests_per_minute." if status == 429 else "",
        )
    advice = {
        401: f"Check the key in the environment variable {key_env}.",
        403: f"Check what the key in the environment variable {key_env} may be used for.",
        404: "Check model and base_url.",
    }
    about = f"refused prompt {prompt!r} for model {model!r} (HTTP {status}: {said})"
    return Fault(f"{host} {about}", status=status, advice=advice.get(status, ""))


def server_words(error: Any) -> str:
    """What the server said; without an answer, what happened to the connection."""
    body = getattr(error, "body", None)
    if isinstance(body, Mapping) and isinstance(body.get("message"), str):
        return str(body["message"])
    if getattr(error, "status_code", None) is not None:
        return str(error.message)
    cause = error
    while (inner := cause.__cause__ or cause.__context__) is not None:
        cause = inner
    return f"{type(cause).__name__}: {cause}" if str(cause) else type(cause).__name__


def scrubbed(text: str, secret: str) -> str:
    """Text that may be shown: one line, not too long, no key."""
    without = KEY.sub("***", text.replace(secret, "***") if secret else text)
    line = " ".join(without.split()).rstrip(".")
    return line if len(line) <= EXCERPT else f"{line[:EXCERPT]}..."
