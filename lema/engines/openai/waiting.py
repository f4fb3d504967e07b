"""Waiting that all requests of a session share: a server that says for how long, says it to all of them."""

from __future__ import annotations

import asyncio
import logging
import math
import time
from collections.abc import Mapping
from email.utils import parsedate_to_datetime

log = logging.getLogger(__name__)


def told_to_wait(headers: Mapping[str, str]) -> float | None:
    """Seconds that `Retry-After` asks for, as a number or a date; None where it asks for none that can be read."""
    milliseconds, said = headers.get("retry-after-ms", ""), headers.get("retry-after", "").strip()
    for text, scale in ((milliseconds, 1e-3), (said, 1.0)):
        try:
            seconds = float(text) * scale
        except ValueError:
            continue
        if not math.isnan(seconds) and seconds >= 0:
            return seconds
    try:
        return max(0.0, parsedate_to_datetime(said).timestamp() - time.time())
    except (ValueError, TypeError, OverflowError):
        return None


class Gate:
    """Closed for a while, for all who ask.

    Args:
        longest: seconds that it may be closed for in all, until something gets through.
    """

    def __init__(self, longest: float) -> None:
        self.longest = longest
        self.opens = 0.0
        self.waited = 0.0

    def close(self, seconds: float, why: str) -> bool:
        """Close it for so long; False when that is longer than may be waited."""
        now = asyncio.get_running_loop().time()
        more = now + seconds - max(self.opens, now)
        if self.waited + max(more, 0.0) > self.longest:
            return False
        if more > 0:
            self.waited += more
            self.opens = now + seconds
            until = time.strftime("%H:%M:%S", time.localtime(time.time() + seconds))
            log.warning("%s: waiting %.0f s, until %s, with all requests", why, seconds, until)
        return True

    async def passed(self) -> None:
        """Wait until it is open."""
        loop = asyncio.get_running_loop()
        while (rest := self.opens - loop.time()) > 0:
            await asyncio.sleep(rest)

    def through(self) -> None:
        """Something got through: waiting is counted from here."""
        self.waited = 0.0
