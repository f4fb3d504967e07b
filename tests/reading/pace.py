"""How much work something is, in units of what this machine does: no test may depend on how fast or busy it is."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache


def unit() -> float:
    """CPU seconds of a fixed piece of plain work: a twentieth of a second on a machine of our days."""
    begun = time.process_time()
    assert sum(number % 7 for number in range(1_800_000)) > 0
    return time.process_time() - begun


first = cache(unit)


@contextmanager
def at_most(units: float) -> Iterator[None]:
    """What is done here is no more work than so many units; where it seems more, the unit is measured anew."""
    first()
    begun = time.process_time()
    yield
    check(time.process_time() - begun, units)


def check(seconds: float, units: float) -> None:
    """So many CPU seconds are no more than so many units."""
    if seconds > units * first():
        now = max(unit() for _ in range(3))
        assert seconds <= units * now, f"{seconds:.2f} s of CPU time are more than {units} units of {now:.3f} s"
