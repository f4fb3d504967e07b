"""The body of a reply, with a deadline and a bound on its size: a server may drip for ever, or send without end."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from functools import cache
from importlib import import_module
from typing import Any

MOST_BYTES = 64 * 2**20


def bounded(seconds: float) -> Callable[[Any], Awaitable[None]]:
    """A hook for the SDK's responses: their bodies end within so many seconds and `MOST_BYTES`, or are errors.

    A body that is late is a timeout, one that is too large a broken connection: both are tried again.
    """

    async def hook(response: Any) -> None:
        library = import_module(type(response).__module__.partition(".")[0])  # the SDK's own httpx, under either name
        response.stream = bounded_stream(library)(response, seconds)

    return hook


@cache
def bounded_stream(library: Any) -> Any:
    """The class of such bodies, which `library` knows as one of its own."""

    class Bounded(library.AsyncByteStream):  # type: ignore[misc]
        def __init__(self, response: Any, seconds: float) -> None:
            self.stream, self.request, self.seconds = response.stream, response.request, seconds
            self.until = asyncio.get_running_loop().time() + seconds

        async def __aiter__(self) -> AsyncIterator[bytes]:
            size = 0
            chunks = aiter(self.stream)
            while True:
                try:
                    async with asyncio.timeout_at(self.until):
                        chunk = await anext(chunks)
                except StopAsyncIteration:
                    return
                except TimeoutError as late:
                    text = f"the body of a reply took longer than {self.seconds:g} s"
                    raise library.ReadTimeout(text, request=self.request) from late
                size += len(chunk)
                if size > MOST_BYTES:
                    raise library.ReadError(f"a reply of more than {MOST_BYTES // 2**20} MiB", request=self.request)
                yield chunk

        async def aclose(self) -> None:
            await self.stream.aclose()

    return Bounded
