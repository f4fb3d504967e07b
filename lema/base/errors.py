"""The few exceptions that users meet, and the exit code of each."""

from __future__ import annotations

from typing import ClassVar


class LemaError(Exception):
    """Root of every error that is not a bug of this program.

    The message is for the user: what was wrong, where, what is allowed, what to do.
    """

    exit_code: ClassVar[int] = 2


class ConfigError(LemaError):
    """The configuration asks for something that cannot be."""


class InputError(LemaError):
    """A file or data set given by the user is missing or malformed."""


class MissingExtra(ConfigError):
    """An optional package is needed and not installed."""


class Moved(ConfigError, ImportError):
    """A package is installed in a version whose inside is not as it is used here.

    An ImportError too: Hydra imports the plugins of all installed packages, whichever application runs, and leaves out
    with a warning those that cannot be imported.
    """


class StoreError(LemaError):
    """The store cannot be read or written, or an artifact in it was altered."""


class StageFailed(LemaError):
    """One or more stages failed; what the others finished is kept."""

    exit_code = 3


class Preempted(LemaError):
    """The machine asked us to stop; the same command goes on from here."""

    exit_code = 75
