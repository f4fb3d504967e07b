"""Any OpenAI-compatible endpoint: GPT-4, a vLLM server, a local one. Every reply is saved before it is used."""

from __future__ import annotations

import asyncio
import contextlib
import os
import re
import threading
from collections.abc import Coroutine, Iterator, Sequence
from pathlib import Path
from typing import Annotated, Any, Literal, TypeVar
from urllib.parse import urlsplit

from pydantic import Field

from lema.engines.endpoint import Endpoint
from lema.errors import ConfigError
from lema.extras import require
from lema.protocols import Complete, Prompt, Reply, Sampling
from lema.replies import Replies
from lema.spec import Spec, runtime, spec

T = TypeVar("T")
LOCAL = ("localhost", "127.0.0.1", "::1")


@spec
class OpenAI(Spec):
    """Samples from a server.

    Replies are kept by model, `provider` and request, not by address or key: the same model behind
    another address is not asked again.

    Args:
        model: as the server names it.
        provider: who serves it, in your words; name another one when the same model name stands for
            other weights.
        api: `chat` sends each prompt as one user turn; `completions` sends its text as it is.
        system: text of a system turn (chat only).
        api_key_env: name of the environment variable that holds the key. A local server needs none.
        requests_per_minute: pace of new requests, for limits that retrying would only worsen.
        max_choices: most continuations asked for in one request; None asks for all n.
        limit_field: how the server calls the token limit (newer OpenAI models: max_completion_tokens).
    """

    kind = "openai"
    model: str
    provider: str = "openai"
    api: Literal["chat", "completions"] = "chat"
    system: str | None = None
    base_url: str = runtime(default="https://api.openai.com/v1")
    api_key_env: str = runtime(default="OPENAI_API_KEY")
    concurrency: Annotated[int, Field(ge=1)] = runtime(default=16)
    timeout: Annotated[float, Field(gt=0)] = runtime(default=600.0)
    max_retries: Annotated[int, Field(ge=0)] = runtime(default=5)
    requests_per_minute: Annotated[float, Field(gt=0)] | None = runtime(default=None)
    max_choices: Annotated[int, Field(ge=1)] | None = runtime(default=None)
    limit_field: Literal["max_tokens", "max_completion_tokens"] = runtime(default="max_tokens")

    @property
    def name(self) -> str:
        return re.sub(r"[^A-Za-z0-9._-]+", "-", self.model).strip("-")

    @property
    def host(self) -> str:
        """Where the server is, without what an address may hold of names and passwords."""
        address = urlsplit(self.base_url)
        return f"{address.hostname}:{address.port}" if address.port else str(address.hostname)

    @property
    def local(self) -> bool:
        return urlsplit(self.base_url).hostname in LOCAL

    def check(self) -> None:
        if not self.name:
            raise ConfigError("model: give the name under which the server knows the model")
        address = urlsplit(self.base_url)
        if address.scheme not in ("http", "https") or not address.hostname:
            raise ConfigError("base_url: expected an address such as http://127.0.0.1:8000/v1")
        if self.system is not None and self.api == "completions":
            raise ConfigError("system: api=completions has no turns; leave system out, or use api=chat")

    def key(self) -> str:
        """The key, from the environment.

        Raises:
            ConfigError: the variable is not set, or holds what cannot be a key. The message never shows it.
        """
        key = os.environ.get(self.api_key_env, "").strip()
        if not key and not self.local:
            raise ConfigError(
                f"{self.host} needs a key: set the environment variable {self.api_key_env}, "
                "or name another one with api_key_env"
            )
        if not key.isascii() or any(not letter.isprintable() or letter.isspace() for letter in key):
            raise ConfigError(f"the environment variable {self.api_key_env} holds characters that no key has")
        return key or "none"

    @contextlib.contextmanager
    def open(self, *, checkpoint: Path | None = None, replies: Path | None = None) -> Iterator[Complete]:
        """Connect; without `replies` nothing is kept, and every prompt is asked again each time.

        Raises:
            ConfigError: there is no key, or a trained checkpoint is to be used, which only the server could load.
        """
        self.check()
        sdk = require("openai", extra="openai", why=f"the engine for {self.name}")
        if checkpoint is not None:
            raise ConfigError(
                f"the openai engine cannot load {checkpoint}: it samples from what the server serves. "
                "Use the transformers engine for trained models."
            )
        saved = None if replies is None else Replies(replies)
        with LoopThread() as loop:
            client = loop.run(self.connect(sdk, self.key()))
            endpoint = Endpoint(self, sdk, client, saved)

            def complete(prompts: Sequence[Prompt], sampling: Sampling) -> list[list[Reply]]:
                return loop.run(endpoint.ask(prompts, sampling))

            try:
                yield complete
            finally:
                loop.run(client.close())

    async def connect(self, sdk: Any, key: str) -> Any:
        """The SDK's client, over aiohttp where that is installed: half the CPU time a request."""
        # Proxies of the environment are not for servers on this machine.
        settings = {"trust_env": not self.local}
        try:
            http = sdk.DefaultAioHttpClient(**settings)
        except RuntimeError:
            http = sdk.DefaultAsyncHttpxClient(**settings)
        return sdk.AsyncOpenAI(
            api_key=key,
            base_url=self.base_url,
            timeout=sdk.Timeout(self.timeout, connect=min(self.timeout, 30.0)),
            max_retries=self.max_retries,
            http_client=http,
        )


class LoopThread:
    """An event loop in a thread of its own, so that callers need none, and may already be in one (a notebook)."""

    def __enter__(self) -> LoopThread:
        self.loop = asyncio.new_event_loop()
        self.thread = threading.Thread(target=self.loop.run_forever, name="lema-openai", daemon=True)
        self.thread.start()
        return self

    def run(self, work: Coroutine[Any, Any, T]) -> T:
        """The result of a coroutine; an interrupt here cancels it there."""
        future = asyncio.run_coroutine_threadsafe(work, self.loop)
        try:
            return future.result()
        except BaseException:
            future.cancel()
            raise

    def __exit__(self, *fault: object) -> None:
        self.loop.call_soon_threadsafe(self.loop.stop)
        self.thread.join()
        self.loop.run_until_complete(self.loop.shutdown_default_executor())
        self.loop.close()
