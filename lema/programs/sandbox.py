"""The sandbox for programs that a model wrote.

At its full level a program can compute, write to its two pipes, look at the clock, sleep and end. What that does *not*
stop:

- a fault of the kernel in one of the system calls that are left, or of the processor (timing of caches);
- a program that lies about its own value (never about another's);
- use of CPU, memory and time up to the limits, by as many programs at once as there are workers;
- signals to a program that runs at the same time, over the load of the machine;
- reading the clock, and what Python itself holds: its version, paths of its modules;
- harm that its text does where it is used later: a value is data of a stranger.

The weaker levels stop less: docs/sandbox.md has the table, which is a test.
"""

from __future__ import annotations

import contextlib
import os
import tempfile
from collections.abc import Iterator
from typing import Annotated, Any, Literal

from pydantic import Field

from lema.base.errors import ConfigError, LemaError
from lema.base.spec import Spec, runtime, spec
from lema.programs.levels import LEVELS, Level, homes
from lema.programs.program import Entry, Outcome, Program, Status
from lema.programs.running import Running
from lema.programs.verdicts import Limits

#: What programs may import unless the configuration says otherwise.
MODULES = (
    "math cmath fractions decimal numbers datetime calendar time itertools functools operator collections statistics "
    "random re string textwrap heapq bisect array copy dataclasses enum typing abc json __future__"
)
#: Tries what a program must not be able to do; says so when it can.
PROBE = """
system = next(c for c in ().__class__.__base__.__subclasses__() if c.__name__ == "_wrap_close").__init__.__globals__
def solution():
    for path in ("/etc/passwd", "/proc/self/environ"):
        try:
            system["close"](system["open"](path, 0))
        except OSError:
            continue
        return path
    return "held"
"""


@spec
class Sandbox(Spec):
    """Runs programs where they cannot read, change or reach anything.

    Args:
        cpu_seconds: CPU time of a program; what decides that it takes too long.
        wall_seconds: time by the clock after which a program that sleeps is ended.
        memory_mib: what it may have beside the interpreter itself.
        output_bytes: of what it prints, and of its value.
        modules: what it may import.
        workers: processes at once; None for as many as there are CPUs for this process.
        level: the best that this machine can do, or one by name.
        allow_weaker: run on although nothing here holds programs well enough.
    """

    kind = "sandbox"
    cpu_seconds: Annotated[float, Field(gt=0)] = 5.0
    wall_seconds: Annotated[float, Field(gt=0)] = 60.0
    memory_mib: Annotated[int, Field(ge=16)] = 512
    output_bytes: Annotated[int, Field(ge=1)] = 65536
    modules: tuple[str, ...] = tuple(MODULES.split())
    workers: Annotated[int, Field(ge=1)] | None = runtime(default=None)
    level: Literal["best", "seccomp", "bubblewrap", "namespaces", "fresh"] = runtime(default="best")
    allow_weaker: bool = runtime(default=False)

    @contextlib.contextmanager
    def open(self) -> Iterator[Running]:
        """Find a level, start the processes, and give what runs programs.

        Raises:
            ConfigError: no sufficient level is here and `allow_weaker` is false, or a module is not installed.
        """
        running = self.find()
        try:
            yield running
        finally:
            running.close()

    def find(self) -> Running:
        """The best level that works here, running."""
        faults = []
        for level in LEVELS.values():
            if self.level not in ("best", level.name):
                continue
            if not level.enough and not self.allow_weaker:
                faults.append(f"{level.name}: holds programs too weakly")
                continue
            running = Running(level, self.limits(), self.settings(), self.workers or len(os.sched_getaffinity(0)))
            fault = probe(running, level)
            if fault is None:
                return running
            running.close()
            faults.append(f"{level.name}: {fault}")
        raise ConfigError(
            f"nothing here holds a model's programs well enough ({'; '.join(faults)}). Run on a machine whose kernel "
            "has seccomp filters or user namespaces, install bubblewrap, or say allow_weaker=true to run them anyway."
        )

    def limits(self) -> Limits:
        return Limits(self.cpu_seconds, self.wall_seconds, self.output_bytes)

    def settings(self) -> dict[str, Any]:
        """What the forking processes must know."""
        try:
            paths = homes(self.modules)
        except ModuleNotFoundError as fault:
            raise ConfigError(f"modules of the sandbox: {fault}") from None
        return {
            "cpu_seconds": self.cpu_seconds,
            "memory": self.memory_mib * 2**20,
            "modules": self.modules,
            "paths": paths,
            "folder": tempfile.gettempdir(),
        }


def probe(running: Running, level: Level) -> str | None:
    """Why a level does not work here; None when it does."""
    try:
        (found,) = running([Program(source=PROBE)])
    except (LemaError, OSError) as fault:
        return str(fault)
    if found.status is not Status.OK:
        return found.message or str(found.status)
    if level.enough and found.value != "held":
        return f"a program could open {found.value}"
    return None


__all__ = ["Entry", "Outcome", "Program", "Sandbox", "Status"]
