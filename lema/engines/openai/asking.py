"""One request to an endpoint: sent again while that may help, and read; what stays without an answer is counted."""

from __future__ import annotations

import asyncio
import logging
from typing import Any

from lema.base.protocols import Prompt, Sampling
from lema.engines.openai.endpoint import Endpoint
from lema.engines.openai.errors import Fault, fault_of, said_quota, scrubbed, server_words, tried
from lema.engines.openai.refusals import REFUSED, Refusals, may_be_of_the_prompt, names_the_prompt, unanswered
from lema.engines.openai.reply_cache import Answer
from lema.engines.openai.waiting import Gate, told_to_wait
from lema.engines.openai.wire import Unreadable, read_answer

log = logging.getLogger(__name__)
PAUSE, LONGEST_PAUSE = 0.5, 8.0  # seconds before a try after an unreadable answer, doubling
WAITING = (408, 409, 425, 429, 500, 502, 503, 504, 529)  # may say for how long to wait
SHORT = 60.0  # seconds up to which the SDK waits by itself


class Asker:
    """Asks, for all that are open at once.

    answered, retries: requests with an answer, and tries that failed on the way.
    refusals: prompts that stay without an answer; each is a reply with an empty text, whose `finish_reason` says why.
    """

    def __init__(self, engine: Endpoint, client: Any, sdk_error: type[Exception], secret: str) -> None:
        self.engine, self.sdk_error, self.secret = engine, sdk_error, secret
        self.create = (client.chat if engine.api == "chat" else client).completions.with_raw_response.create
        self.host = client.base_url.netloc.decode()
        self.answered = self.retries = 0
        self.gate = Gate(engine.longest_wait)
        self.refusals = Refusals(engine.most_refused)

    async def ask(self, asked: dict[str, Any], prompt: Prompt, sampling: Sampling, *, found: int) -> Answer:
        """Send one request, again if need be, and read what comes back.

        Args:
            found: how many requests of this form the disk has answered.

        Raises:
            Fault: the server refused it, or all tries failed.
        """
        # The SDK's own parameters are few and it checks them; whatever else goes into its `extra_body`.
        text = "messages" if self.engine.api == "chat" else "prompt"
        named = {name: asked[name] for name in ("model", text)}
        rest = {name: value for name, value in asked.items() if name not in named}
        if "max_tokens" in rest:
            rest[self.engine.limit_field] = rest.pop("max_tokens")
        tries = self.engine.max_retries + 1
        said, reason = "", ""
        attempt = 0
        while attempt < tries:
            await self.gate.passed()
            try:
                raw = await self.create(**named, extra_body=rest)
            except self.sdk_error as error:
                if self.waits(error):
                    continue
                # Not even as a cause: the exception holds the request, and so the key.
                fault = fault_of(error, self.engine, host=self.host, prompt=prompt.id, secret=self.secret)
                if sampling.choices or not self.of_the_prompt(error, fault, found):
                    raise fault from None
                return self.without_answer(REFUSED, prompt, str(fault), found)
            self.gate.through()
            self.retries += raw.retries_taken
            try:
                answer = read_answer(raw.content, sampling, secret=self.secret)
                self.answered += 1
                return answer
            except Unreadable as fault:
                said, reason = scrubbed(str(fault), self.secret), fault.reason
            attempt += 1
            if attempt < tries:
                self.retries += 1
                await asyncio.sleep(min(PAUSE * 2 ** (attempt - 1), LONGEST_PAUSE))
        text = f"{self.host} gave no answer for {self.engine.model!r} that could be read {tried(tries)} ({said})"
        if reason and not sampling.choices:
            return self.without_answer(reason, prompt, text, found)
        raise Fault(text)

    def waits(self, error: Any) -> bool:
        """Whether the server said for how long to wait, and all requests do; it then counts as no try.

        Raises:
            Fault: it asks for longer than may be waited.
        """
        response = getattr(error, "response", None)
        if response is None or error.status_code not in WAITING or said_quota(error):
            return False
        seconds = told_to_wait(response.headers)
        if seconds is None or seconds <= SHORT:
            return False
        why = f"{self.host} asks for a pause (HTTP {error.status_code})"
        if self.gate.close(seconds, why):
            self.retries += 1
            return True
        words = scrubbed(server_words(error), self.secret)
        pause = f"{seconds:,.0f}" if seconds < 10**7 else f"{seconds:.2g}"
        asks = f"{self.host} asks to wait {pause} s for model {self.engine.model!r}"
        advice = (
            f"That is longer than longest_wait={self.engine.longest_wait:g} s in all: raise it, lower concurrency or "
            "requests_per_minute, or come back later."
        )
        raise Fault(f"{asks} (HTTP {error.status_code}: {words})", status=error.status_code, advice=advice) from None

    def of_the_prompt(self, error: Any, fault: Fault, found: int) -> bool:
        """Whether it is this prompt that is refused: the server says so, or has answered others of the same form."""
        if names_the_prompt(fault.status, error, server_words(error)):
            return True
        return may_be_of_the_prompt(fault.status) and self.answered + found > 0

    def without_answer(self, reason: str, prompt: Prompt, why: str, found: int) -> Answer:
        """What stands for the answer to a prompt that has none.

        Raises:
            Fault: there are too many of them.
        """
        log.warning("no answer to prompt %r (%s): %s", prompt.id, reason, why)
        if self.refusals.add(self.answered + found):
            raise Fault(
                f"{why}. It is the {self.refusals.counted}th prompt without an answer",
                status=400,
                advice=f"More than most_refused={self.engine.most_refused:g} of the prompts: look at what they ask, or "
                "raise it.",
            )
        return unanswered(reason)
