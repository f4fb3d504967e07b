"""Whatever a comparison does, it costs its time limit and nothing else."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import psutil
import pytest
from conftest import ROOT, package
from reading.pace import check

from lema.base.errors import LemaError, MissingExtra
from lema.verifiers.latex import math_pool
from lema.verifiers.latex.math_pool import Pool

BOMB = "9^{9^{9^9}}"
EQUAL = {"there": True, "back": True}


@pytest.fixture
def pool() -> Iterator[Pool]:
    package("math_verify")
    made = Pool(2)
    yield made
    made.close()


def pids(pool: Pool) -> set[int]:
    return {worker.process.pid for worker in pool.workers}


def test_both_directions_are_asked(pool: Pool) -> None:
    assert pool.compare("x^2-1", "(x-1)(x+1)", 20) == EQUAL
    assert pool.compare("1", "2", 20) == {"there": False, "back": False}
    there = pool.compare("(0,1)", "0<x<1", 20)
    assert there == {"there": False, "back": True}  # math-verify is not symmetric


@pytest.mark.parametrize(
    "bomb", [BOMB, "100!!!", "(" * 300 + "1" + ")" * 300, "\\frac{" * 200, "x^{" * 300 + "}" * 300]
)
def test_a_bomb_costs_at_most_its_time_limit_and_the_next_comparison_is_answered(pool: Pool, bomb: str) -> None:
    pool.compare("1", "1", 20)
    before = os.times()
    found = pool.compare(bomb, "1", 1.0)
    pool.close()
    used = os.times()
    assert found is None or "fault" in found or not found["there"]
    children = used.children_user + used.children_system - before.children_user - before.children_system
    check(children - 1.0, units=60)  # to start one, beside its time
    check(used.user + used.system - before.user - before.system, units=10)
    assert pool.compare("x + x", "2x", 20) == EQUAL


def test_bombs_leave_neither_processes_nor_open_files(pool: Pool) -> None:
    us = psutil.Process()
    pool.compare("1", "1", 20)
    files, children = us.num_fds(), len(us.children())
    for _ in range(3):
        assert pool.compare(BOMB, "1", 0.2) is None
    pool.compare("1", "1", 20)
    assert (us.num_fds(), len(us.children())) == (files, children)


def test_a_process_is_used_again(pool: Pool) -> None:
    pool.compare("1", "1", 20)
    first = pids(pool)
    assert pool.compare("2", "2", 20) == EQUAL
    assert pids(pool) == first and len(first) == 1


def test_a_process_that_was_killed_is_replaced_without_losing_the_comparison(pool: Pool) -> None:
    pool.compare("1", "1", 20)
    (victim,) = pids(pool)
    os.kill(victim, signal.SIGKILL)
    assert pool.compare("x + x", "2x", 20) == EQUAL
    assert victim not in pids(pool)


def test_threads_share_at_most_the_number_of_processes_given(pool: Pool) -> None:
    with ThreadPoolExecutor(6) as threads:
        found = list(threads.map(lambda n: pool.compare(f"{n} + x", f"x + {n}", 60), range(12)))
    assert found == [EQUAL] * 12
    assert 1 <= len(pids(pool)) <= 2


def test_a_fork_starts_processes_of_its_own_and_leaves_those_of_its_parent_alone() -> None:
    package("math_verify")
    code = """
import os
from lema.verifiers.latex.math_pool import pool
assert pool(1).compare("x + x", "2x", 60)["there"]
parent = {worker.process.pid for worker in pool(1).workers}
child = os.fork()
if child == 0:
    same = pool(1).compare("y + y", "2y", 60)["there"]
    own = {worker.process.pid for worker in pool(1).workers}
    pool(1).close()
    os._exit(0 if same and not own & parent else 1)
assert os.waitpid(child, 0)[1] == 0
assert pool(1).compare("z + z", "2z", 60)["there"]
assert {worker.process.pid for worker in pool(1).workers} == parent
print(*parent)
"""
    run = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, cwd=ROOT, check=True, timeout=300
    )
    assert gone(int(run.stdout))


def test_processes_end_with_their_parent_even_when_it_is_killed() -> None:
    package("math_verify")
    code = f"""
import os, sys, threading, time
from lema.verifiers.latex.math_pool import pool
pool(1).compare("1", "1", 60)
print(*(worker.process.pid for worker in pool(1).workers), flush=True)
threading.Thread(target=pool(1).compare, args=({BOMB!r}, "1", 1.0), daemon=True).start()
time.sleep(0.3)
os.kill(os.getpid(), 9)
"""
    run = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, cwd=ROOT, timeout=300, check=False
    )
    assert run.returncode == -signal.SIGKILL
    assert gone(int(run.stdout))


def gone(pid: int) -> bool:
    """Whether a process ends within a minute; waits no longer than it takes."""
    end = time.monotonic() + 300
    while psutil.pid_exists(pid) and psutil.Process(pid).status() != psutil.STATUS_ZOMBIE:
        if time.monotonic() > end:
            return False
        time.sleep(0.05)
    return True


def test_a_process_that_cannot_work_says_why(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    broken = tmp_path / "math_verify.py"
    broken.write_text("raise ImportError('no such thing as a root')")
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    with pytest.raises(LemaError, match=r"does not work.*no such thing as a root"):
        Pool(1).compare("1", "1", 5)


def test_without_math_verify_the_extra_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(math_pool, "find_spec", lambda name: None)
    math_pool.require_math_verify.cache_clear()  # that it is there is asked once
    with pytest.raises(MissingExtra, match=r"pip install 'lema\[math\]'"):
        math_pool.require_math_verify()
