"""A real OpenAI-compatible server in front of a real model: `transformers serve`, on this machine only."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import time
import urllib.request
from pathlib import Path
from typing import Self
from urllib.error import URLError


class Server:
    """Serves a model folder; can be killed and started again on the same port."""

    def __init__(self, model: Path, folder: Path, *, patience: float = 600.0) -> None:
        self.model = model
        self.folder = folder
        self.patience = patience
        self.port = free_port()
        self.process: subprocess.Popen[bytes] | None = None

    @property
    def base_url(self) -> str:
        return f"http://127.0.0.1:{self.port}/v1"

    @property
    def log(self) -> str:
        return (self.folder / "server.log").read_text(errors="replace")

    def start(self) -> Self:
        hub = self.folder / "hub"
        (hub / "hub").mkdir(parents=True, exist_ok=True)
        with (self.folder / "server.log").open("ab") as log:
            self.process = subprocess.Popen(
                [
                    *(str(Path(sys.executable).with_name("transformers")), "serve", str(self.model)),
                    *("--host", "127.0.0.1", "--port", str(self.port)),
                    *("--dtype", "float32", "--device", "cpu"),
                ],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                env={**os.environ, "HF_HOME": str(hub), "HF_HUB_OFFLINE": "1"},
                start_new_session=True,
            )
        until = time.monotonic() + self.patience
        while time.monotonic() < until:
            if self.process.poll() is not None:
                raise RuntimeError(f"the server ended: {self.log[-2000:]}")
            try:
                with urllib.request.urlopen(f"http://127.0.0.1:{self.port}/health", timeout=5):
                    return self
            except (URLError, OSError):
                time.sleep(0.5)
        raise RuntimeError(f"the server did not come up in {self.patience:.0f} s: {self.log[-2000:]}")

    def kill(self) -> None:
        if self.process is not None and self.process.poll() is None:
            os.killpg(self.process.pid, signal.SIGKILL)
            self.process.wait()

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(self, *_: object) -> None:
        self.kill()


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port
