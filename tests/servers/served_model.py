"""A real OpenAI-compatible server: `transformers serve` with a model folder, on 127.0.0.1.

It answers one request after another (SmolLM2-135M, one thread: about 8 s for a prompt of 1,100
tokens and 100 new ones), takes `stop`, and knows neither `n` nor sampling: a temperature is ignored.
"""

from __future__ import annotations

import contextlib
import importlib.util
import os
import signal
import socket
import subprocess
import sys
import time
import urllib.request
from pathlib import Path

NEEDS = ("fastapi", "uvicorn")


def lacking() -> list[str]:
    """Packages that the server needs and that are not installed."""
    return [name for name in NEEDS if importlib.util.find_spec(name) is None]


class ServedModel:
    """The server as a process that can be killed and started again on its port."""

    def __init__(self, model: Path, folder: Path, threads: int = 1) -> None:
        self.model = model
        self.folder = folder
        self.threads = threads
        self.log = folder / "server.log"
        self.process: subprocess.Popen[bytes] | None = None
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            self.port = int(free.getsockname()[1])

    @property
    def name(self) -> str:
        """The model as requests must name it."""
        return str(self.model)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}/v1"

    @property
    def received(self) -> int:
        """Completion requests that began, over all starts."""
        return self.log.read_text().count("[Request received]")

    @property
    def answered(self) -> int:
        """Completion requests that got their reply, over all starts."""
        return self.log.read_text().count('"POST /v1/chat/completions HTTP/1.1" 200')

    def start(self, patience: float = 180.0) -> ServedModel:
        (self.folder / "hub" / "hub").mkdir(parents=True, exist_ok=True)  # it looks for a hub cache, and fails without
        command = [sys.executable, "-m", "transformers.cli.transformers", "serve", str(self.model)]
        command += ["--host", "127.0.0.1", "--port", str(self.port), "--dtype", "float32", "--device", "cpu"]
        settings = {
            "HF_HOME": str(self.folder / "hub"),
            "HF_HUB_OFFLINE": "1",
            "OMP_NUM_THREADS": str(self.threads),
            "OMP_WAIT_POLICY": "passive",
        }
        with self.log.open("ab") as out:
            self.process = subprocess.Popen(
                command, stdout=out, stderr=out, env=os.environ | settings, start_new_session=True
            )
        give_up = time.monotonic() + patience
        while not self.alive():
            if self.process.poll() is not None or time.monotonic() > give_up:
                self.kill()
                raise RuntimeError(f"transformers serve does not start: {self.log.read_text()[-2000:]}")
            time.sleep(0.2)
        return self

    def alive(self) -> bool:
        direct = urllib.request.build_opener(urllib.request.ProxyHandler({}))
        with contextlib.suppress(OSError):
            return bool(direct.open(f"http://127.0.0.1:{self.port}/health", timeout=2).status == 200)
        return False

    def kill(self) -> None:
        """SIGKILL, as a crash would."""
        if self.process is not None:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(self.process.pid, signal.SIGKILL)
            self.process.wait()
            self.process = None
