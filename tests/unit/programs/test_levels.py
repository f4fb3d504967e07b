"""Which level is taken, and what is said when none is good enough."""

from __future__ import annotations

import pytest

from lema.base.errors import ConfigError
from lema.base.spec import key
from lema.programs import running, sandbox
from lema.programs.levels import LEVELS, Level
from lema.programs.program import Entry, Program
from lema.programs.sandbox import MODULES, Sandbox
from lema.programs.worker import Worker

ORDER = ["seccomp", "bubblewrap", "namespaces", "fresh"]


@pytest.fixture
def broken(monkeypatch: pytest.MonkeyPatch) -> set[str]:
    """Levels whose process does not start, as on a machine that lacks them."""
    names: set[str] = set()

    def start(level: Level, settings: dict[str, object]) -> Worker:
        if level.name in names:
            raise OSError("not on this machine")
        return Worker(level, settings)

    monkeypatch.setattr(running, "Worker", start)
    return names


def test_levels_are_tried_best_first_and_refused_when_too_weak(broken: set[str]) -> None:
    assert list(LEVELS) == ORDER
    broken |= {"seccomp", "bubblewrap"}
    with Sandbox(workers=1).open() as run:
        assert run.level.name == "namespaces"
    broken.add("namespaces")
    with pytest.raises(ConfigError, match=r"seccomp: .*not on this machine.*fresh: holds programs too weakly"):
        Sandbox(workers=1).find()
    with Sandbox(workers=1, allow_weaker=True).open() as run:
        assert [found.level for found in run([Program(source="answer = 1", entry=Entry.ANSWER)])] == ["fresh"]


def test_a_level_that_holds_nothing_is_found_out(monkeypatch: pytest.MonkeyPatch) -> None:
    pretender = Level("fresh", fresh=True, enough=True)
    monkeypatch.setattr(sandbox, "LEVELS", {"fresh": pretender})
    with pytest.raises(ConfigError, match="a program could open /etc/passwd"):
        Sandbox(workers=1, level="fresh").find()


def test_what_decides_outcomes_is_identity_and_how_it_is_run_is_not() -> None:
    plain = key(Sandbox())
    assert key(Sandbox(workers=7, level="fresh", allow_weaker=True)) == plain
    for other in (
        Sandbox(cpu_seconds=1.0),
        Sandbox(wall_seconds=1.0),
        Sandbox(memory_mib=64),
        Sandbox(output_bytes=1),
        Sandbox(modules=("math",)),
    ):
        assert key(other) != plain


def test_modules_are_those_of_the_specification() -> None:
    for name in MODULES.split():
        source = f"import {name}\nanswer = 1"
        assert compile(source, name, "exec")
    with Sandbox(workers=1).open() as run:
        found = run([Program(source=f"import {name}\nanswer = 1", entry=Entry.ANSWER) for name in MODULES.split()])
    assert [one.value for one in found] == ["1"] * len(found)


def test_a_module_beside_pythons_own_can_be_added() -> None:
    pytest.importorskip("sympy")
    source = "from sympy import solve, symbols\ndef solution():\n    x = symbols('x')\n    return solve(x**2 - 4, x)"
    with Sandbox(workers=1, modules=("math", "sympy")).open() as run:
        assert run([Program(source=source)])[0].value == "[-2, 2]"
