"""What can hold a program on this machine, best first, and how a process is started at each level."""

from __future__ import annotations

import os
import shutil
import sys
from importlib.util import find_spec
from pathlib import Path
from typing import NamedTuple

ROOT = Path(__file__).parents[2]
ZYGOTE = Path(__file__).with_name("zygote.py")
#: `-I` without `-E`, since the environment holds this alone: hashes of strings must not differ between processes.
ENVIRONMENT = {"PYTHONHASHSEED": "0"}
FLAGS = ["-s", "-S", "-P", "-X", "utf8"]
SYSTEM = ("/usr/lib", "/usr/lib64", "/lib", "/lib64", "/lib32", "/usr/local/lib", "/etc/ld.so.cache")


class Level(NamedTuple):
    """One way of holding programs."""

    name: str
    fresh: bool  # an interpreter of its own for each program, rather than a fork of one that stands ready
    enough: bool  # nothing of the machine can be read, changed or reached


LEVELS = {
    level.name: level
    for level in (
        Level("seccomp", fresh=False, enough=True),
        Level("bubblewrap", fresh=True, enough=True),
        Level("namespaces", fresh=True, enough=True),
        Level("fresh", fresh=True, enough=False),
    )
}


def python() -> str:
    """The interpreter without its virtual environment."""
    return str(Path(sys.executable).resolve())


def command(level: Level, control: int, paths: list[str]) -> list[str]:
    """What starts the process that forks, with the number of its socket; `paths` hold modules to import."""
    plain = [python(), *FLAGS, str(ZYGOTE), str(control), str(ROOT)]
    return [*bubble(paths), *plain] if level.name == "bubblewrap" else plain


def bubble(paths: list[str]) -> list[str]:
    """The command before Python's: only what Python needs can be seen, and nothing can be written.

    Raises:
        FileNotFoundError: bubblewrap is not installed.
    """
    found = shutil.which("bwrap")
    if found is None:
        raise FileNotFoundError("bwrap is not installed")
    words = [found, "--die-with-parent", "--new-session", "--unshare-ipc", "--unshare-pid", "--unshare-net"]
    words += ["--unshare-uts", "--unshare-cgroup-try", "--cap-drop", "ALL"]
    if os.geteuid() == 0:  # no user namespace, so that the program can be given to a user that owns nothing
        words += ["--cap-add", "CAP_SETUID", "--cap-add", "CAP_SETGID", "--cap-add", "CAP_KILL"]
    else:
        words += ["--unshare-user"]
    for path in SYSTEM:
        words += ["--ro-bind-try", path, path]
    for folder in (sys.base_prefix, str(ROOT / "lema" / "__init__.py"), str(ZYGOTE.parent), *paths):
        words += ["--ro-bind", folder, folder]
    return [*words, "--dev", "/dev", "--remount-ro", "/dev", "--remount-ro", "/", "--chdir", "/"]


def homes(modules: tuple[str, ...]) -> list[str]:
    """The folders of modules that are not Python's own, which the process must be told."""
    found = []
    for name in modules:
        if name not in sys.stdlib_module_names:
            spec = find_spec(name)
            if spec is None or not spec.submodule_search_locations:
                raise ModuleNotFoundError(f"no module named {name!r}")
            found.append(str(Path(spec.submodule_search_locations[0]).parent))
    return sorted(set(found))
