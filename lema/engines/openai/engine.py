"""A model behind an OpenAI-compatible endpoint: GPT-4, a vLLM server, a small local server."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated, Any, ClassVar, Literal
from urllib.parse import urlsplit

from pydantic import Field

from lema.base.errors import ConfigError
from lema.base.optional import require
from lema.base.protocols import Complete, Prompt, Reply, Sampling
from lema.base.spec import Spec, runtime, spec
from lema.engines.openai.bodies import bounded
from lema.engines.openai.reply_cache import ReplyCache
from lema.engines.openai.session import Session, event_loop

LOCAL = ("127.0.0.1", "localhost", "::1")
VARIABLE = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")


@spec
class OpenAI(Spec):
    """Asks a server, many requests at once; each answer is on disk before it is used.

    Of `Sampling.choices` it knows what the server lists as the likely next tokens: a choice that is one of
    these to the letter has its log-probability, and any other that of the least likely one listed, which is
    an upper bound. So take choices of one token, such as "A" and "B". `extra_body: {top_logprobs: 5}`
    (completions: `{logprobs: 5}`) is for servers that list fewer than 20.

    Args:
        provider: whose model it is. Part of the identity in place of base_url: one model may move between hosts.
        api: `chat` sends a prompt as one user turn; `completions` sends it as it is.
        system: the system turn before it; chat only.
        extra_body: fields of the request to add or replace; null leaves one out. `{top_k: -1}` for vLLM,
            `{seed: null}` for a server that knows no seed, `{n: 1}` for one that refuses a larger n.
        base_url: None is the SDK's default, which is OpenAI unless OPENAI_BASE_URL says otherwise.
        api_key_env: name of the environment variable with the key. A server on this machine needs none.
        concurrency: requests in flight.
        timeout: seconds of silence after which a request is tried again, and for the body of a reply in all.
        max_retries: further tries of a request that failed for a passing reason; Retry-After is kept to.
        longest_wait: seconds that all requests wait together where the server asks for it (Retry-After), in all until
            one is answered. A server that asks for longer ends the run.
        most_refused: share of the prompts that may stay without an answer: refused for good (a filter of contents, a
            prompt that is too long), or empty or broken in every try. They are counted rejects; more end the run.
        requests_per_minute: a bound on requests begun, retries not counted.
        limit_field: what the server calls the limit on tokens; newer OpenAI models: max_completion_tokens.
    """

    kind = "openai"
    needs: ClassVar[str] = "teacher"  # what a cluster must give it
    model: Annotated[str, Field(min_length=1)]
    provider: str = "openai"
    api: Literal["chat", "completions"] = "chat"
    system: str | None = None
    extra_body: dict[str, Any] | None = None
    base_url: str | None = runtime(default=None)
    api_key_env: str = runtime(default="OPENAI_API_KEY")
    concurrency: Annotated[int, Field(ge=1, le=1000)] = runtime(default=16)
    timeout: Annotated[float, Field(gt=0)] = runtime(default=600.0)
    max_retries: Annotated[int, Field(ge=0)] = runtime(default=8)
    longest_wait: Annotated[float, Field(ge=0)] = runtime(default=3600.0)
    most_refused: Annotated[float, Field(ge=0, le=1)] = runtime(default=0.1)
    requests_per_minute: Annotated[float, Field(gt=0)] | None = runtime(default=None)
    limit_field: Literal["max_tokens", "max_completion_tokens"] = runtime(default="max_tokens")

    @property
    def name(self) -> str:
        return re.sub(r"[^A-Za-z0-9_.-]+", "-", self.model).strip("-")

    @property
    def local(self) -> bool:
        """Whether the server is on this machine."""
        return self.base_url is not None and urlsplit(self.base_url).hostname in LOCAL

    def check(self) -> None:
        if not self.name:
            raise ConfigError("model: expected the name by which the server knows the model")
        if self.system is not None and self.api == "completions":
            raise ConfigError("system: completions have no system turn. Choose api=chat, or leave system out.")
        if not VARIABLE.fullmatch(self.api_key_env):
            raise ConfigError("api_key_env: expected the name of an environment variable, never the key itself")
        if self.base_url is not None:
            parts = urlsplit(self.base_url)
            if parts.scheme not in ("http", "https") or not parts.hostname or "@" in parts.netloc:
                raise ConfigError("base_url: expected http(s)://host[:port]/path without user or password")
            if parts.query or parts.fragment:
                raise ConfigError(
                    "base_url: expected no `?` or `#`: what follows would be cut off. A key belongs into the "
                    "environment variable that api_key_env names, other fields into extra_body."
                )

    def key(self) -> str:
        """The API key.

        Raises:
            ConfigError: the variable is not set and the server is not on this machine, or holds no key.
        """
        # A line end that came along from a file would break the header, and the error would quote it.
        held = os.environ.get(self.api_key_env, "").strip()
        if not held and not self.local:
            raise ConfigError(
                f"the environment variable {self.api_key_env} is not set: {self.provider} asks for a key. "
                "Set it, or name another variable with api_key_env."
            )
        if not (held.isascii() and held.isprintable()) or " " in held:
            raise ConfigError(f"the environment variable {self.api_key_env} holds characters that no key has")
        return held

    @contextmanager
    def open(self, *, checkpoint: Path | None = None, replies: Path | None = None) -> Iterator[Complete]:
        """Connect lazily: nothing is sent before the first prompt whose reply is not in `replies`.

        Raises:
            ConfigError: no key, or a `checkpoint`, which no endpoint can be given.
            MissingExtra: the openai package is not installed.
        """
        if checkpoint is not None:
            raise ConfigError(
                f"the model {self.model!r} behind an endpoint cannot take the weights of a trained one. "
                "Serve these and name them as the model, or use reasoner=model."
            )
        self.check()
        secret = self.key()
        sdk = require("openai", extra="openai", why="asking a model behind an endpoint")
        cache = None if replies is None else ReplyCache(replies)
        with event_loop() as run:
            session = Session(self, self.client(sdk, secret), sdk.APIError, cache, secret)
            try:

                def complete(prompts: Sequence[Prompt], sampling: Sampling) -> list[list[Reply]]:
                    self.fits(prompts)
                    done: list[list[Reply]] = run(session.complete(prompts, sampling))
                    return done

                yield complete
            finally:
                run(session.close())

    def client(self, sdk: Any, secret: str) -> Any:
        """The SDK's client, over aiohttp where it is installed: half the CPU time a request."""
        # Proxies of the environment are not for servers on this machine.
        settings = {"trust_env": not self.local, "event_hooks": {"response": [bounded(self.timeout)]}}
        try:
            transport = sdk.DefaultAioHttpClient(**settings)
        except RuntimeError:
            transport = sdk.DefaultAsyncHttpxClient(**settings)
        return sdk.AsyncOpenAI(
            api_key=secret or "none",
            base_url=self.base_url,
            timeout=sdk.Timeout(self.timeout, connect=min(self.timeout, 30.0)),
            max_retries=self.max_retries,
            http_client=transport,
        )

    def fits(self, prompts: Sequence[Prompt]) -> None:
        if self.api == "completions" and any(prompt.chat for prompt in prompts):
            raise ConfigError(
                "api: completions send a prompt without the model's chat template, and these are chat turns. "
                "Choose api=chat, or a format (or corrector) with chat=false."
            )
