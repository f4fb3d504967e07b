"""An OpenAI-compatible server that answers at once, always alike, and misbehaves when told.

server = FakeServer(); server.start()
server.faults = ["429", "hang"]      # what happens to the next requests, in order

python tests/servers/fake_openai.py  # serves until killed; prints its address (for benchmarks)
"""

from __future__ import annotations

import asyncio
import json
import threading
from hashlib import sha256
from typing import Any

from aiohttp import web

FAULTS = ("429", "500", "401", "404", "400", "hang", "disconnect", "html", "broken", "none", "short")


class FakeServer:
    """`requests` are the bodies of all requests that arrived, `answered` of those that got a reply."""

    def __init__(self, *, choices: int | None = None, key: str | None = None) -> None:
        self.choices = choices  # most choices that it gives, whatever n says
        self.key = key
        self.faults: list[str] = []
        self.requests: list[dict[str, Any]] = []
        self.answered: list[dict[str, Any]] = []
        self.most_at_once = 0
        self.at_once = 0
        self.delay = 0.0
        self.port = 0

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}/v1"

    def start(self) -> FakeServer:
        """Serve in a thread, on the port of the last time or a free one."""
        up = threading.Event()
        self.loop = asyncio.new_event_loop()
        self.thread = threading.Thread(target=lambda: self.loop.run_until_complete(self.serve(up)), daemon=True)
        self.thread.start()
        assert up.wait(10)
        return self

    def stop(self) -> None:
        """Close at once, whatever is on its way."""
        self.loop.call_soon_threadsafe(self.down.set)
        self.thread.join(10)

    async def serve(self, up: threading.Event) -> None:
        self.down = asyncio.Event()
        app = web.Application()
        app.router.add_post("/v1/chat/completions", self.chat)
        app.router.add_post("/v1/completions", self.complete)
        runner = web.AppRunner(app, shutdown_timeout=0.01, access_log=None)
        await runner.setup()
        site = web.TCPSite(runner, "127.0.0.1", self.port, reuse_address=True)
        await site.start()
        self.port = site._server.sockets[0].getsockname()[1]  # type: ignore[union-attr]
        up.set()
        await self.down.wait()
        await runner.cleanup()

    async def chat(self, request: web.Request) -> web.StreamResponse:
        return await self.handle(request, chat=True)

    async def complete(self, request: web.Request) -> web.StreamResponse:
        return await self.handle(request, chat=False)

    async def handle(self, request: web.Request, *, chat: bool) -> web.StreamResponse:
        body = await request.json()
        self.requests.append(body)
        self.at_once += 1
        self.most_at_once = max(self.most_at_once, self.at_once)
        try:
            await asyncio.sleep(self.delay)
            sent = request.headers.get("Authorization", "")
            fault = self.faults.pop(0) if self.faults else ""
            if fault == "401" or (self.key is not None and sent != f"Bearer {self.key}"):
                # As real servers do: the wrong key comes back in the message.
                return refusal(401, f"Incorrect API key provided: {sent.removeprefix('Bearer ')}")
            if fault in FAULTS[:-1]:
                return await misbehave(fault, request)
            n = min(body.get("n") or 1, 1 if fault == "short" else self.choices or 1000)
            self.answered.append(body)
            return web.json_response(answer(body, n, chat=chat))
        finally:
            self.at_once -= 1


async def misbehave(fault: str, request: web.Request) -> web.StreamResponse:
    if fault == "429":
        return refusal(429, "slow down", {"Retry-After": "1"})
    if fault == "hang":
        await asyncio.sleep(3600)
    if fault == "disconnect":
        assert request.transport is not None
        request.transport.close()
    if fault == "html":
        return web.Response(text="<html>welcome</html>", content_type="text/html")
    if fault == "broken":
        return web.Response(text='{"choices": [', content_type="application/json")
    if fault == "none":
        return web.json_response({"id": "x", "object": "chat.completion", "model": "fake", "created": 0, "choices": []})
    return refusal(
        int(fault) if fault.isdigit() else 500, {"404": "no such model", "400": "too long"}.get(fault, "sick")
    )


def refusal(status: int, message: str, headers: dict[str, str] | None = None) -> web.Response:
    return web.json_response({"error": {"message": message, "code": status}}, status=status, headers=headers)


def answer(body: dict[str, Any], n: int, *, chat: bool) -> dict[str, Any]:
    """Texts that depend on the prompt, and when sampled on seed and number."""
    asked = body["messages"][-1]["content"] if chat else body["prompt"]
    sampled = bool(body.get("temperature"))

    def choice(number: int) -> dict[str, Any]:
        drawn = json.dumps([asked, body.get("seed"), number] if sampled else asked)
        text = f"Step 1: {asked[:20]} {sha256(drawn.encode()).hexdigest()[:12]}. The answer is 4."
        logprobs: dict[str, Any] | None = None
        if body.get("logprobs") not in (None, False):
            logprobs = (
                {"content": [{"token": "a", "logprob": -0.5, "bytes": None, "top_logprobs": []}] * 3}
                if chat
                else {"token_logprobs": [-0.5] * 3, "tokens": ["a"] * 3}
            )
        shared = {"index": number, "finish_reason": "stop", "logprobs": logprobs}
        return {**shared, "message": {"role": "assistant", "content": text}} if chat else {**shared, "text": text}

    usage = {
        "prompt_tokens": len(asked.split()),
        "completion_tokens": 9 * n,
        "total_tokens": len(asked.split()) + 9 * n,
    }
    kind = "chat.completion" if chat else "text_completion"
    choices = [choice(number) for number in range(n)]
    return {"id": "x", "object": kind, "model": body["model"], "created": 0, "choices": choices, "usage": usage}


if __name__ == "__main__":
    server = FakeServer().start()
    print(server.url, flush=True)
    server.thread.join()
