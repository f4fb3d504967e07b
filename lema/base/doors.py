"""Doors to what packages keep inside: one file for each package goes there, and looks first whether all is as before.

A package may change what it does not document in any version. A door says so in one sentence, where otherwise
something far from the cause would break, or be wrong without a word.
"""

from __future__ import annotations

import contextlib
import inspect
from collections.abc import Iterator
from dataclasses import dataclass
from importlib import metadata
from typing import Any

from lema.base.errors import Moved

OPEN = (inspect.Parameter.VAR_POSITIONAL, inspect.Parameter.VAR_KEYWORD)  # *words and **words


@dataclass(frozen=True)
class Door:
    """The way into one package.

    Args:
        package: its name where it is installed from.
        tried: its versions with which everything behind this door was seen to work.
    """

    package: str
    tried: tuple[str, ...]

    @contextlib.contextmanager
    def importing(self) -> Iterator[None]:
        """Around imports of what is not documented.

        Raises:
            Moved: one of them is not there.
        """
        try:
            yield
        except ImportError as fault:
            raise self.moved(str(fault).partition(" (")[0]) from None

    def has(self, owner: Any, *names: str) -> None:
        """Raise Moved unless an object has these attributes."""
        for name in names:
            if not hasattr(owner, name):
                raise self.moved(f"no {_path(owner)}.{name}")

    def takes(self, owner: Any, name: str, *parameters: str, exactly: bool = False) -> None:
        """See that a function can be called as it is called here.

        Args:
            owner: the class or module that has it.
            name: its name there.
            parameters: its first parameters, in order; any further ones must be optional.
            exactly: there must be no further ones, since it is replaced by one of ours.

        Raises:
            Moved: there is no such function.
        """
        function = getattr(owner, name, None)
        if not callable(function):
            raise self.moved(f"no {_path(owner)}.{name}")
        held = [p for p in inspect.signature(function).parameters.values() if p.name != "self"]
        further = held[len(parameters) :]
        needed = further if exactly else [p for p in further if p.default is p.empty and p.kind not in OPEN]
        if needed or tuple(p.name for p in held[: len(parameters)]) != parameters:
            found = ", ".join(p.name for p in held)
            raise self.moved(f"{_path(owner)}.{name} takes ({found}), not ({', '.join(parameters)})")

    def moved(self, found: str) -> Moved:
        """The error for a difference."""
        return Moved(
            f"{self.package} {metadata.version(self.package)} is not as lema knows it ({found}); it was tried with "
            f"{self.package} {' and '.join(self.tried)}: pip install '{self.package}=={self.tried[-1]}'"
        )


def _path(owner: Any) -> str:
    if inspect.ismodule(owner):
        return owner.__name__
    kind = owner if isinstance(owner, type) else type(owner)
    return f"{kind.__module__}.{kind.__qualname__}"
