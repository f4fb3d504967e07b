"""Which code and which packages made an artifact."""

from __future__ import annotations

import os
import platform
import subprocess
from contextlib import suppress
from functools import lru_cache
from importlib import metadata
from pathlib import Path

import msgspec

PACKAGE = Path(__file__).parents[1]
SNAPSHOT = "code.json"  # beside the package, in a copy of the code that jobs of a cluster run from
#: Distributions whose version can move a number.
PACKAGES = (
    *("lema", "torch", "transformers", "tokenizers", "peft", "accelerate", "safetensors", "bitsandbytes", "deepspeed"),
    *("trl", "vllm", "openai", "datasets", "numpy", "scipy", "pydantic", "msgspec", "hydra-core", "jinja2", "wandb"),
)


class CodeVersion(msgspec.Struct, frozen=True):
    """Commit of the checkout that this package runs from; both None outside of one."""

    commit: str | None = None
    dirty: bool | None = None


@lru_cache
def code_version() -> CodeVersion:
    """The version of the running code, asked of git once a process; a copy of the code says what it was copied from."""
    with suppress(FileNotFoundError):
        return msgspec.json.decode((PACKAGE.parent / SNAPSHOT).read_bytes(), type=CodeVersion)
    # An installed copy may lie inside somebody else's checkout: only a tracked file proves that the
    # commit is this package's own.
    if git("ls-files", "--error-unmatch", "__init__.py") is None:
        return CodeVersion()
    commit = git("rev-parse", "HEAD")
    changes = git("status", "--porcelain", "--", ".")
    if commit is None or changes is None:
        return CodeVersion()
    return CodeVersion(commit, bool(changes))


def config_root() -> Path:
    """The folder that holds conf, experiments, sweeps and slurm: in an installed wheel the package's own copy."""
    packaged = PACKAGE / "_config"
    return packaged if packaged.is_dir() else PACKAGE.parent


def git(*arguments: str) -> str | None:
    """What git prints about the package's folder; None when it cannot say."""
    # Inside a git hook these name another repository.
    settings = {name: value for name, value in os.environ.items() if not name.startswith("GIT_")}
    settings["GIT_OPTIONAL_LOCKS"] = "0"
    try:
        done = subprocess.run(
            ["git", "-C", str(PACKAGE), *arguments],
            capture_output=True,
            text=True,
            timeout=20,
            env=settings,
            check=True,
        )
    except (OSError, subprocess.SubprocessError):
        return None
    return done.stdout.strip()


@lru_cache
def package_versions() -> dict[str, str]:
    """Versions of the installed ones of `PACKAGES`, without importing any."""
    found = {}
    for name in PACKAGES:
        try:
            found[name] = metadata.version(name)
        except metadata.PackageNotFoundError:
            continue
    return found


def python_version() -> str:
    """Interpreter and platform, such as `3.11.9 Linux-x86_64`."""
    return f"{platform.python_version()} {platform.system()}-{platform.machine()}"
