"""The Python that has vLLM for CPUs, which is not the one that runs the tests (`make vllm-env`)."""

from __future__ import annotations

import os
import signal
import subprocess
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from urllib.error import URLError

from servers.openai_server import free_port

ROOT = Path(__file__).parents[2]
PATIENCE = 600.0  # seconds that a busy machine may take to start vLLM


def python() -> Path:
    """Where it should be: LEMA_VLLM_PYTHON, else in .venv-vllm of the checkout."""
    return Path(os.environ.get("LEMA_VLLM_PYTHON") or ROOT / ".venv-vllm" / "bin" / "python").absolute()


def environment() -> dict[str, str]:
    """No network, the code of this checkout, and nothing of the Python that runs the tests."""
    kept = {name: value for name, value in os.environ.items() if name not in ("VIRTUAL_ENV", "PYTHONHOME")}
    return {**kept, "PYTHONPATH": f"{ROOT}{os.pathsep}{ROOT / 'tests'}", "HF_HUB_OFFLINE": "1", "OMP_NUM_THREADS": "1"}


def run(*words: str) -> subprocess.CompletedProcess[str]:
    """Run its Python to the end."""
    command = [str(python()), *words]
    return subprocess.run(
        command, capture_output=True, text=True, env=environment(), cwd=ROOT, timeout=PATIENCE, check=False
    )


@contextmanager
def server(model: Path, folder: Path, name: str) -> Iterator[str]:
    """vLLM's own OpenAI-compatible server in front of a model; gives its base URL."""
    port = free_port()
    words = [
        *(str(python()), "-m", "vllm.entrypoints.openai.api_server", "--model", str(model)),
        *("--served-model-name", name, "--dtype", "float32", "--enforce-eager", "--max-num-seqs", "16"),
        *("--kv-cache-memory-bytes", str(2**28), "--host", "127.0.0.1", "--port", str(port), "--seed", "0"),
    ]
    more = {"VLLM_NO_USAGE_STATS": "1", "TORCH_COMPILE_DISABLE": "1", "VLLM_LOGGING_LEVEL": "WARNING"}
    log = folder / "server.log"
    with log.open("wb") as said:
        process = subprocess.Popen(
            words, stdout=said, stderr=said, env=environment() | more, cwd=folder, start_new_session=True
        )
    try:
        until = time.monotonic() + PATIENCE
        while not up(f"http://127.0.0.1:{port}/health"):
            if process.poll() is not None or time.monotonic() > until:
                raise RuntimeError(f"the server did not come up: {log.read_text(errors='replace')[-3000:]}")
            time.sleep(0.5)
        yield f"http://127.0.0.1:{port}/v1"
    finally:
        os.killpg(process.pid, signal.SIGKILL)
        process.wait()


def up(url: str) -> bool:
    try:
        with urllib.request.urlopen(url, timeout=5):
            return True
    except (URLError, OSError):
        return False
