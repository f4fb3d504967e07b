"""Headless Chromium, spoken to by its DevTools protocol: what a page asks for, complains of, and how it is laid out."""

from __future__ import annotations

import asyncio
import json
import os
import shutil
import subprocess
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import aiohttp

NAMES = ("chromium", "chromium-browser", "google-chrome")
QUIET = (
    "--headless",
    "--disable-gpu",
    "--disable-dev-shm-usage",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--no-first-run",
    "--remote-debugging-port=0",
    "--host-resolver-rules=MAP * ~NOTFOUND",  # there is no network
)


def find_chromium() -> str | None:
    return next((found for name in NAMES if (found := shutil.which(name))), None)


class Page:
    """One tab. `asked` are the addresses that it loaded, `said` its errors, warnings and console messages."""

    def __init__(self, socket: aiohttp.ClientWebSocketResponse) -> None:
        self.socket = socket
        self.calls = 0
        self.asked: list[str] = []
        self.said: list[str] = []
        self.loaded = False

    async def call(self, method: str, **given: Any) -> dict[str, Any]:
        """One command and its result; events that come before it are noted."""
        self.calls += 1
        number = self.calls
        await self.socket.send_json({"id": number, "method": method, "params": given})
        while True:
            message = await self.next()
            if message.get("id") == number:
                assert "error" not in message, message
                result: dict[str, Any] = message["result"]
                return result

    async def next(self) -> dict[str, Any]:
        message: dict[str, Any] = json.loads(await self.socket.receive_str(timeout=300))
        event, held = message.get("method", ""), message.get("params", {})
        if event == "Network.requestWillBeSent":
            self.asked.append(held["request"]["url"])
        elif event in ("Runtime.exceptionThrown", "Runtime.consoleAPICalled", "Log.entryAdded"):
            self.said.append(json.dumps(held))
        self.loaded |= event == "Page.loadEventFired"
        return message

    async def open(self, path: Path, *, width: int, dark: bool) -> None:
        """Show a file, and wait until all of it is loaded."""
        for domain in ("Page", "Runtime", "Log", "Network"):
            await self.call(f"{domain}.enable")
        scheme = {"name": "prefers-color-scheme", "value": "dark" if dark else "light"}
        await self.call("Emulation.setEmulatedMedia", features=[scheme])
        metrics = {"width": width, "height": 1000, "deviceScaleFactor": 1, "mobile": width < 500}
        await self.call("Emulation.setDeviceMetricsOverride", **metrics)
        await self.call("Page.navigate", url=path.as_uri())
        while not self.loaded:
            await self.next()

    async def evaluate(self, script: str) -> Any:
        """The value of a JavaScript expression."""
        result = await self.call("Runtime.evaluate", expression=script, returnByValue=True)
        assert "exceptionDetails" not in result, result
        return result["result"].get("value")


@asynccontextmanager
async def chromium(binary: str, folder: Path) -> AsyncIterator[Page]:
    """A browser of its own profile below `folder`, with one empty tab."""
    profile = folder / "profile"
    command = [binary, *QUIET, f"--user-data-dir={profile}", *(["--no-sandbox"] if os.geteuid() == 0 else [])]
    process = subprocess.Popen([*command, "about:blank"], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        port = await port_of(profile / "DevToolsActivePort", process)
        async with aiohttp.ClientSession() as session:
            async with session.get(f"http://127.0.0.1:{port}/json") as reply:
                tabs = await reply.json()
            (tab,) = [tab for tab in tabs if tab["type"] == "page"]
            async with session.ws_connect(tab["webSocketDebuggerUrl"], max_msg_size=0) as socket:
                yield Page(socket)
    finally:
        process.terminate()
        process.wait(120)


async def port_of(file: Path, process: subprocess.Popen[bytes]) -> int:
    """The port that Chromium chose, once it is ready."""
    until = time.monotonic() + 300
    while not file.exists() or not file.read_text():
        assert process.poll() is None and time.monotonic() < until, "Chromium did not start"
        await asyncio.sleep(0.05)
    return int(file.read_text().splitlines()[0])
