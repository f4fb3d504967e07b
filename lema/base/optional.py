"""Optional packages: imported where they are used, with one clear line when they are missing."""

from __future__ import annotations

import importlib
import importlib.util
import sys
from types import ModuleType

from lema.base.errors import MissingExtra


def require(module: str, *, extra: str, why: str) -> ModuleType:
    """Import a module of an optional package.

    Raises:
        MissingExtra: it is not installed; the message says what for and how to get it.
    """
    try:
        return importlib.import_module(module)
    except ModuleNotFoundError as fault:
        if fault.name is None or fault.name.split(".")[0] != module.split(".")[0]:
            raise  # the package is there and broken: that is not ours to explain
        raise MissingExtra(
            f"{why} needs {module.split('.')[0]}. Install it with: pip install 'lema[{extra}]'"
        ) from None


def require_own(name: str) -> None:
    """See that a package which has an environment of its own is in this one, without importing it.

    Args:
        name: of the package, of its extra, and of its Python in `pythons`.

    Raises:
        MissingExtra: it is not; the message says how to get it, and how to say where it is.
    """
    if importlib.util.find_spec(name) is None:
        raise MissingExtra(
            f"{name} is not installed in {sys.executable}. Make an environment of its own for it, since what it needs "
            f"and what training needs do not go together: pip install 'lema[{name}]' there, and name that "
            f"environment's Python here: pythons.{name}=/path/to/bin/python (on a cluster also slurm.pythons.{name}=)"
        )
