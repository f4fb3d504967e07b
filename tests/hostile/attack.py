"""What an attack is: a program, how its success is seen from outside, and where it is known to succeed."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Literal, NamedTuple

from lema.programs.program import Outcome

if TYPE_CHECKING:
    from hostile.scene import Scene

#: Past the list of modules, which is no wall: the real import, and the module `os`.
TOOLS = """
import random
os = random._os
load = random.__builtins__["__import__"] if isinstance(random.__builtins__, dict) else random.__builtins__.__import__
FOLDER, OWNER, PORT, NAME = "@FOLDER@", @OWNER@, @PORT@, "@NAME@"
def system(name, *words):
    ctypes = load("ctypes")
    library = ctypes.CDLL(None, use_errno=True)
    result = getattr(library, name)(*words)
    if result == -1:
        raise OSError(ctypes.get_errno(), name)
    return result
"""
#: Places where something gets through: a level, or a level as one kind of user.
FRESH = frozenset({"fresh/root", "fresh/user"})
FRESH_USER = frozenset({"fresh/user"})
BUBBLE = frozenset({"bubblewrap/root", "bubblewrap/user"})
SPACES = frozenset({"namespaces/root", "namespaces/user"})
NOWHERE: frozenset[str] = frozenset()


class Attack(NamedTuple):
    """One hostile program.

    `open_at`: where it succeeds. `unsure`: whether it does so there depends on settings of the kernel.
    `endless`: it goes on until its time is over, of the processor or, since it sleeps, of the clock. All others are
    over long before, on any machine.
    """

    name: str
    source: str
    escaped: Callable[[Scene, Outcome], bool]
    open_at: frozenset[str] = NOWHERE
    unsure: bool = False
    endless: Literal["", "computes", "sleeps"] = ""


def said(text: str) -> Callable[[Scene, Outcome], bool]:
    """It got what it should not know, and told."""
    return lambda scene, found: text in f"{found.value}{found.printed}{found.message}"


def made(scene: Scene, found: Outcome) -> bool:
    """There is a file or folder with a name that begins as the attack's."""
    return scene.made(scene.names[id(found)])


def computing(name: str, source: str, *others: str) -> Attack:
    """It computes until it is stopped, or is ended in one of these other ways."""
    return Attack(name, source, not_ended_by("timeout", *others), endless="computes")


def sleeping(name: str, source: str) -> Attack:
    return Attack(name, source, not_ended_by("timeout"), endless="sleeps")


def not_ended_by(*statuses: str) -> Callable[[Scene, Outcome], bool]:
    """It was not ended in one of these ways."""
    return lambda scene, found: found.status not in statuses
