"""An OpenAI-compatible server on 127.0.0.1 that fails as told.

It answers `/v1/chat/completions` and `/v1/completions` with texts that depend on prompt, seed and
place only, and remembers every request. Faults are planned for a prompt, or for whichever comes next:

    server = Faulty(faults={"p1": [Fault(status=429, headers={"Retry-After": "0.2"}), Fault(hang=9)]})
    server.next = [Fault(status=500)]
    with server.running() as url: ...

    python tests/servers/faulty.py [--delay SECONDS] [--mixed]   # prints its URL; ends when its input does

`mixed` has the faults of a bad day: of the prompts 10 % are met with 429 first (half with Retry-After), 5 % with 5xx,
1 % each with silence, a reset, half a body; and 1 % are refused for good.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import sys
import threading
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from hashlib import sha256
from typing import Any


@dataclass(frozen=True, kw_only=True)
class Fault:
    """What goes wrong with one request; the default is nothing."""

    status: int = 200
    message: str = "planned"  # of an error; `{key}` becomes the key that the client sent
    headers: Mapping[str, str] = field(default_factory=dict)
    hang: float = 0.0  # seconds before the answer
    drop: bool = False  # close the connection before an answer
    cut: bool = False  # close it in the middle of the body
    drip: float = 0.0  # seconds between two bytes of the body
    choices: int | None = None  # give at most so many
    body: bytes | None = None  # in place of the answer
    patch: Mapping[str, Any] = field(default_factory=dict)  # fields of every choice to replace


FINE = Fault()


def mixed(prompt: str) -> list[Fault]:
    """What a prompt meets on a bad day, by chance, before it is answered."""
    drawn = int.from_bytes(sha256(prompt.encode()).digest()[:4]) % 1000
    shares: list[tuple[int, Fault]] = [
        (50, Fault(status=429)),
        (50, Fault(status=429, headers={"Retry-After": "1"})),
        (25, Fault(status=500)),
        (25, Fault(status=503)),
        (10, Fault(hang=3600.0)),
        (10, Fault(drop=True)),
        (10, Fault(cut=True)),
        (10, Fault(status=400, message="filtered due to our content policy")),
    ]
    for share, fault in shares:
        if drawn < share:
            return [fault]
        drawn -= share
    return []


class Faulty:
    """The server. `requests` are the bodies it received, `peak` the most it had in hand at once."""

    def __init__(
        self,
        faults: Mapping[str, Sequence[Fault]] | None = None,
        *,
        always: Fault = FINE,
        delay: float = 0.0,
        key: str | None = None,
    ) -> None:
        self.faults = {prompt: list(planned) for prompt, planned in (faults or {}).items()}
        self.always, self.delay, self.key = always, delay, key
        self.mixed = False
        self.next: list[Fault] = []
        self.port = 0
        self.requests: list[dict[str, Any]] = []
        self.answered: list[str] = []
        self.times: list[float] = []
        self.now = self.peak = 0

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}/v1"

    @property
    def asked(self) -> Counter[str]:
        """How often each prompt was asked about."""
        return Counter(prompt_of(request) for request in self.requests)

    @contextmanager
    def running(self) -> Iterator[str]:
        """Serve in a thread, again on the same port if it did before; gives the base URL."""
        loop, ready = asyncio.new_event_loop(), threading.Event()
        urls: list[str] = []

        async def begin() -> None:
            urls.append(await self.listen())
            ready.set()

        def serve() -> None:
            loop.create_task(begin())
            loop.run_forever()

        thread = threading.Thread(target=serve, daemon=True)
        thread.start()
        ready.wait(30)
        try:
            yield urls[0]
        finally:
            asyncio.run_coroutine_threadsafe(self.shut(), loop).result(30)
            loop.call_soon_threadsafe(loop.stop)
            thread.join(30)
            loop.close()

    async def listen(self) -> str:
        self.server = await asyncio.start_server(self.connection, "127.0.0.1", self.port, backlog=1024)
        self.port = self.server.sockets[0].getsockname()[1]
        return self.url

    async def shut(self) -> None:
        self.server.close()
        others = asyncio.all_tasks() - {asyncio.current_task()}
        for task in others:
            task.cancel()
        await asyncio.gather(*others, return_exceptions=True)

    async def connection(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Answer one request after the other on a connection that is kept open."""
        with suppress(asyncio.IncompleteReadError, ConnectionError):
            while await self.exchange(reader, writer):
                pass
        writer.close()

    async def exchange(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> bool:
        """One request and its answer; False when the connection is to be closed."""
        head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1")
        lines = head.split("\r\n")
        headers = {name.lower(): value.strip() for name, _, value in (line.partition(":") for line in lines[1:])}
        request = json.loads(await reader.readexactly(int(headers.get("content-length", 0))) or b"{}")
        sent = headers.get("authorization", "").removeprefix("Bearer ")
        self.now += 1
        self.peak = max(self.peak, self.now)
        try:
            self.times.append(asyncio.get_running_loop().time())
            self.requests.append(request)
            if self.mixed and prompt_of(request) not in self.faults:
                self.faults[prompt_of(request)] = mixed(prompt_of(request))
            planned = self.faults.get(prompt_of(request))
            planned = planned or self.next
            fault = planned.pop(0) if planned else self.always
            if self.key is not None and sent != self.key:
                fault = Fault(status=401, message="no such key: {key}")
            await asyncio.sleep(fault.hang or self.delay)
            return await self.respond(request, fault, sent, writer)
        finally:
            self.now -= 1

    async def respond(self, request: dict[str, Any], fault: Fault, sent: str, writer: asyncio.StreamWriter) -> bool:
        if fault.drop:
            return False
        if fault.status == 200:
            data = json.dumps(answer(request, fault)).encode() if fault.body is None else fault.body
        else:
            message = fault.message.replace("{key}", sent)
            data = json.dumps({"error": {"message": message, "type": "planned", "code": None}}).encode()
        extra = "".join(f"{name}: {value}\r\n" for name, value in fault.headers.items())
        head = (
            f"HTTP/1.1 {fault.status} X\r\nContent-Type: application/json\r\nContent-Length: {len(data)}\r\n{extra}\r\n"
        )
        if fault.drip:
            writer.write(head.encode())
            for byte in data:
                writer.write(bytes([byte]))
                await writer.drain()
                await asyncio.sleep(fault.drip)
            return False
        writer.write(head.encode() + (data[: len(data) // 2] if fault.cut else data))
        if fault.status == 200 and not fault.cut:
            self.answered.append(prompt_of(request))
        await writer.drain()
        return not fault.cut


def prompt_of(request: Mapping[str, Any]) -> str:
    """The prompt, or the last turn."""
    return str(request["messages"][-1]["content"] if "messages" in request else request.get("prompt", ""))


def text_of(request: Mapping[str, Any], place: int) -> str:
    """The text of a choice."""
    seed = f"{prompt_of(request)}|{request.get('seed')}|{place}"
    return f"{prompt_of(request)[:40]} -> {sha256(seed.encode()).hexdigest()[:8]}"


def listed_of(request: Mapping[str, Any]) -> dict[str, float]:
    """The likely next tokens, when they are asked for: letters, whose order depends on the prompt."""
    count = request.get("top_logprobs", request.get("logprobs") if "messages" not in request else 0) or 0
    letters = sorted("ABCDEFGH", key=lambda letter: sha256(f"{prompt_of(request)}{letter}".encode()).digest())
    return {letter: -0.5 - place for place, letter in enumerate(letters[: int(count)])}


def answer(request: Mapping[str, Any], fault: Fault) -> dict[str, Any]:
    """A response body in the form of either API."""
    count = min(request.get("n", 1), fault.choices if fault.choices is not None else 10**9)
    chat = "messages" in request
    choices = []
    for place in range(count):
        text = text_of(request, place)
        logprobs = None
        if request.get("logprobs"):
            logprobs = {"content": [{"token": "a", "logprob": -0.5}] * 7} if chat else {"token_logprobs": [-0.5] * 7}
        if request.get("max_tokens") == 1 and (listed := listed_of(request)):
            found = [{"token": token, "logprob": value} for token, value in listed.items()]
            logprobs = {"content": [{**found[0], "top_logprobs": found}]} if chat else {"top_logprobs": [listed]}
        held = {"message": {"role": "assistant", "content": text}} if chat else {"text": text}
        choices.append({"index": place, "finish_reason": "stop", "logprobs": logprobs, **held, **fault.patch})
    usage = {"prompt_tokens": 11, "completion_tokens": 7 * count, "total_tokens": 11 + 7 * count}
    kind = "chat.completion" if chat else "text_completion"
    model = f"{request['model']}-2024"
    return {"id": "x", "object": kind, "created": 1, "model": model, "choices": choices, "usage": usage}


async def serve_until_input_ends(delay: float, mixed: bool) -> None:
    server = Faulty(delay=delay)
    server.mixed = mixed
    print(await server.listen(), flush=True)
    await asyncio.to_thread(sys.stdin.read)


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("--delay", type=float, default=0.0)
    parser.add_argument("--mixed", action="store_true")
    asked = parser.parse_args()
    asyncio.run(serve_until_input_ends(asked.delay, asked.mixed))
