"""Programs a second in the sandbox at its full level, beside a fresh interpreter and bubblewrap for each program.

    python benchmarks/sandbox.py                  # 10,000 at full level, 300 at the others
    python benchmarks/sandbox.py --programs 100000

Prints the rate, the time from a program's start to its outcome (p50, p99), CPU time of everything together per
program, the rate of each tenth (is it slower at the end?), and processes and descriptors before and after.
"""

from __future__ import annotations

import argparse
import os
import resource
import sys
import time
from collections.abc import Iterator
from pathlib import Path

from lema.base.errors import ConfigError
from lema.programs.program import Entry, Outcome, Program
from lema.programs.running import Running
from lema.programs.sandbox import Sandbox

#: Such as models write for arithmetic word problems; the number makes each one its own.
SHAPES = (
    "def solution():\n    boxes = {n}\n    each = 12\n    total = boxes * each\n    return total",
    "import math\ndef solution():\n    length = {n} / 7\n    return math.ceil(length)",
    "from fractions import Fraction\ndef solution():\n    share = Fraction({n}, 9)\n    return float(share)",
    "def solution():\n    days = 0\n    left = {n} % 500\n"
    "    while left > 0:\n        left -= 3\n        days += 1\n    return days",
    "def solution():\n    price = {n}\n    return prize * 2",  # a NameError, as models make them
)


def programs(count: int) -> Iterator[Program]:
    for n in range(count):
        yield Program(source=SHAPES[n % len(SHAPES)].format(n=n), entry=Entry.SOLUTION)


def right(n: int, found: Outcome) -> bool:
    wanted = (
        lambda: str(n * 12),
        lambda: str(-(-n // 7)),
        lambda: str(n / 9),
        lambda: str(-(-(n % 500) // 3)),
        lambda: None,
    )[n % len(SHAPES)]()
    return found.value == wanted and (found.error == "NameError") is (n % len(SHAPES) == len(SHAPES) - 1)


def cpu() -> float:
    """CPU seconds of this process and of children that have ended and were waited for."""
    return sum(
        used.ru_utime + used.ru_stime
        for used in (resource.getrusage(resource.RUSAGE_SELF), resource.getrusage(resource.RUSAGE_CHILDREN))
    )


def descriptors() -> int:
    return len([*Path("/proc/self/fd").iterdir()])


def below() -> int:
    """Processes below this one."""
    parents = {}
    for path in Path("/proc").glob("[0-9]*/stat"):
        try:
            parents[int(path.parent.name)] = int(path.read_text().rpartition(")")[2].split()[1])
        except OSError:
            continue
    found = [os.getpid()]
    for pid in found:
        found += [child for child, parent in parents.items() if parent == pid]
    return len(found) - 1


class Timed:
    """Notes when each program starts and ends, around what the sandbox does anyway."""

    def __init__(self, run: Running) -> None:
        self.seconds: list[float] = []
        self.begun: dict[int, float] = {}
        begin, finish = run.begin, run.finish

        def timed_begin(index: int, program: Program, *, again: bool = False) -> None:
            self.begun[index] = time.perf_counter()
            begin(index, program, again=again)

        def timed_finish(attempt, status, microseconds):  # type: ignore[no-untyped-def]
            self.seconds.append(time.perf_counter() - self.begun.pop(attempt.index))
            return finish(attempt, status, microseconds)

        run.begin, run.finish = timed_begin, timed_finish  # type: ignore[method-assign]


def measure(level: str, count: int, workers: int) -> None:
    open_before, processes_before, cpu_before = descriptors(), below(), cpu()
    with Sandbox(level=level, allow_weaker=True, workers=workers).open() as run:  # type: ignore[arg-type]
        timed = Timed(run)
        open_ready = descriptors()
        start = last = time.perf_counter()
        wrong, tenths = 0, []
        for n, found in enumerate(run.stream(programs(count))):
            wrong += not right(n, found)
            if (n + 1) % max(1, count // 10) == 0:
                now = time.perf_counter()
                tenths.append(max(1, count // 10) / (now - last))
                last = now
        wall = time.perf_counter() - start
        open_after, processes_after = descriptors(), below()
    times = sorted(timed.seconds)
    p50, p99 = (times[int(len(times) * share)] * 1000 for share in (0.5, 0.99))
    print(f"{level}: {count:,} programs on {workers} workers, {count / wall:,.0f} a second, {wrong} wrong")
    print(f"    one program: p50 {p50:.1f} ms, p99 {p99:.1f} ms, slowest {times[-1] * 1000:.0f} ms")
    print(f"    CPU time of all together: {(cpu() - cpu_before) / count * 1000:.2f} ms a program")
    print(f"    each tenth: {', '.join(f'{rate:,.0f}' for rate in tenths)} a second")
    print(
        f"    descriptors {open_before} before, {open_ready} open, {open_after} at the end, {descriptors()} closed; "
        f"processes {processes_before} before, {processes_after} at the end, {below()} closed"
    )
    sys.stdout.flush()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--programs", type=int, default=10_000)
    parser.add_argument("--beside", type=int, default=300, help="programs at the other levels")
    parser.add_argument("--workers", type=int, default=2)
    given = parser.parse_args()
    print(f"load of this machine before: {', '.join(f'{load:.1f}' for load in os.getloadavg())}; {os.cpu_count()} CPUs")
    for level, count in (
        ("seccomp", given.programs),
        ("fresh", given.beside),
        ("namespaces", given.beside),
        ("bubblewrap", given.beside),
    ):
        try:
            measure(level, count, given.workers)
        except ConfigError as fault:
            print(f"{level}: not here ({fault})")
    print(f"load after: {', '.join(f'{load:.1f}' for load in os.getloadavg())}")


if __name__ == "__main__":
    main()
