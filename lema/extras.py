"""Optional packages: imported where they are used, with one clear line when they are missing."""

from __future__ import annotations

import importlib
from types import ModuleType

from lema.errors import MissingExtra


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
