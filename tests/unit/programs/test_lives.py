"""Processes of the sandbox: what they hold, what happens when one dies, and that none outlives its owner."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

import pytest

from lema.base.errors import LemaError
from lema.programs.program import Program, Status
from lema.programs.sandbox import Sandbox

ROOT = Path(__file__).parents[3]
NAP = "import time\ntime.sleep(2)\ndef solution():\n    return 7"
QUICK = "def solution():\n    return 1"
OWNER = """
import sys
from lema.programs.sandbox import Program, Sandbox
with Sandbox(level=sys.argv[1], allow_weaker=True, workers=2).open() as run:
    print("open", flush=True)
    run([Program(source="import time\\ntime.sleep(1000)")] * 2)
"""


def below(pid: int) -> list[int]:
    """Living processes below one."""
    parents = {}
    for path in Path("/proc").glob("[0-9]*/stat"):
        with suppress(OSError):
            state, parent = path.read_text().rpartition(")")[2].split()[:2]
            if state != "Z":
                parents[int(path.parent.name)] = int(parent)
    found = [pid]
    for one in found:
        found += [child for child, parent in parents.items() if parent == one]
    return found[1:]


def lives(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False


def until(true: Callable[[], object]) -> None:
    """Wait for something that must come, on a machine that may be busy."""
    end = time.monotonic() + 60
    while not true():
        assert time.monotonic() < end, "it did not happen in a minute"
        time.sleep(0.02)


@pytest.mark.parametrize("level", ["seccomp", "namespaces", "fresh"])
def test_nothing_outlives_an_owner_that_is_killed(level: str) -> None:
    owner = subprocess.Popen(
        [sys.executable, "-c", OWNER, level], stdout=subprocess.PIPE, env={"PYTHONPATH": str(ROOT)}, text=True
    )
    assert owner.stdout is not None and owner.stdout.readline() == "open\n"
    until(lambda: len(below(owner.pid)) >= 4)  # two that fork, two programs
    processes = below(owner.pid)
    owner.kill()
    owner.wait()
    owner.stdout.close()
    until(lambda: not any(lives(pid) for pid in processes))


def test_a_process_that_dies_is_replaced_and_its_program_run_again() -> None:
    with Sandbox(workers=1).open() as run:
        (first,) = (worker.process.pid for worker in run.workers)

        def killer() -> None:
            until(lambda: run.attempts)
            os.kill(first, signal.SIGKILL)

        threading.Thread(target=killer).start()
        assert [found.value for found in run([Program(source=NAP), Program(source=QUICK)])] == ["7", "1"]
        (second,) = (worker.process.pid for worker in run.workers)
        assert second != first


def test_a_program_whose_process_dies_twice_is_given_up() -> None:
    with Sandbox(workers=1).open() as run:
        enough = threading.Event()

        def killer() -> None:
            while not enough.wait(0.15):
                for worker in list(run.workers):
                    if worker.greeted and run.attempts:
                        with suppress(OSError):
                            os.kill(worker.process.pid, signal.SIGKILL)

        thread = threading.Thread(target=killer)
        thread.start()
        try:
            (found,) = run([Program(source=NAP)])
        finally:
            enough.set()
            thread.join()
        assert found.status is Status.KILLED and "twice" in found.message
        assert run([Program(source=QUICK)])[0].value == "1"


def test_a_process_knows_nothing_and_holds_nothing_of_its_owner() -> None:
    os.environ["A_SECRET"] = "x"
    reading, writing = os.pipe()
    os.set_inheritable(writing, True)
    try:
        with Sandbox(workers=1).open() as run:
            (worker,) = run.workers
            folder = Path(f"/proc/{worker.process.pid}")
            try:
                assert (folder / "environ").read_bytes() == b"PYTHONHASHSEED=0\0"
                held = sorted(str(path.readlink()) for path in (folder / "fd").iterdir())
            except PermissionError:
                return  # it hides from processes of the same user; only root can look
            assert sum(name.startswith("socket:") for name in held) == 1
            assert {name for name in held if not name.startswith("socket:")} == {"/dev/null"}
            assert not Path(str((folder / "cwd").readlink()).removesuffix(" (deleted)")).exists()
    finally:
        del os.environ["A_SECRET"]
        os.close(reading)
        os.close(writing)


def test_no_descriptor_and_no_process_is_left() -> None:
    before, processes = len([*Path("/proc/self/fd").iterdir()]), below(os.getpid())
    with Sandbox(workers=2, cpu_seconds=0.2, output_bytes=1000).open() as run:
        opened = len([*Path("/proc/self/fd").iterdir()])
        run([Program(source=source) for source in (QUICK, "x", "while 1: pass", "print('x' * 9999)") for _ in range(4)])
        assert len([*Path("/proc/self/fd").iterdir()]) <= opened + 1  # the second worker's socket
    assert len([*Path("/proc/self/fd").iterdir()]) == before
    assert below(os.getpid()) == processes


def test_a_program_that_computes_is_not_one_that_sleeps() -> None:
    busy = (
        "import time\nend = time.process_time() + 0.6\nwhile time.process_time() < end: pass\ndef solution(): return 1"
    )
    with Sandbox(workers=1, cpu_seconds=30.0, wall_seconds=0.3).open() as run:
        assert run([Program(source=busy)])[0].value == "1"


def test_a_program_has_its_pipes_open_and_nothing_else_however_many_its_owner_has() -> None:
    source = "import random\nheld = []\nfor n in range(1024):\n    try: held.append((random._os.write(n, b''), n)[1])\n"
    source += "    except OSError: pass\ndef solution(): return held"
    pipes = [os.pipe() for _ in range(150)]
    try:
        for level in ("seccomp", "fresh"):
            with Sandbox(workers=1, level=level, allow_weaker=True).open() as run:  # type: ignore[arg-type]
                assert run([Program(source=source)])[0].value == "[0, 1, 2, 3]"
    finally:
        for pair in pipes:
            for end in pair:
                os.close(end)


def test_one_open_sandbox_is_for_one_user_at_a_time() -> None:
    with Sandbox(workers=1).open() as run:
        stream = run.stream(Program(source=QUICK) for _ in range(9))
        next(stream)
        with pytest.raises(RuntimeError, match="one thread"):
            run([Program(source=QUICK)])
        stream.close()
        assert run([Program(source=QUICK)])[0].value == "1"


def test_a_machine_that_starts_no_process_is_an_error_not_an_outcome(monkeypatch: pytest.MonkeyPatch) -> None:
    with Sandbox(workers=1).open() as run:
        for worker in list(run.workers):
            run.discard(worker)
        monkeypatch.setattr("lema.programs.levels.python", lambda: "/not/there")
        with pytest.raises(LemaError, match="cannot start a process"):
            run([Program(source=QUICK)])
