"""Which stages run in a Python of their own: what some engines need and what training needs do not go together."""

from __future__ import annotations

from collections.abc import Mapping

from lema.base.errors import ConfigError
from lema.store.stage import Stage, held_values

#: Packages that have an environment of their own, apart from that of training.
PYTHONS = ("vllm",)
Pythons = Mapping[str, str | None]  # name of such a package -> how its Python is started


def own_python(stage: Stage) -> str | None:
    """Which of `PYTHONS` a stage wants: the one of an engine that it holds. None: the Python that runs now."""
    return next((name for value in held_values(stage) if (name := getattr(value, "own_python", None))), None)


def check_pythons(named: Pythons | None) -> None:
    """Raise ConfigError for a name that no package with a Python of its own has."""
    for name in set(named or ()).difference(PYTHONS):
        raise ConfigError(f"pythons.{name}: only {', '.join(PYTHONS)} has a Python of its own")
