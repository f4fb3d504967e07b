"""What programs come to: values, errors, limits, and independence of one another."""

from __future__ import annotations

from collections.abc import Iterator

import msgspec
import pytest

from lema.base.errors import ConfigError
from lema.programs.program import Entry, Outcome, Program, Status
from lema.programs.running import Running
from lema.programs.sandbox import Sandbox


@pytest.fixture(scope="module")
def run() -> Iterator[Running]:
    # Its limits of time are far from all that is run here, also on a machine that is slow or busy.
    with Sandbox(cpu_seconds=60.0, wall_seconds=120.0, memory_mib=128, output_bytes=2000, workers=2).open() as running:
        yield running


def one(run: Running, source: str, entry: Entry = Entry.SOLUTION) -> Outcome:
    (found,) = run([Program(source=source, entry=entry)])
    return found


@pytest.mark.parametrize(
    ("source", "entry", "value", "via"),
    [
        ("def solution():\n    return 3 * 4", "solution", "12", "solution"),
        ("def solution():\n    return 7 / 2", "solution", "3.5", "solution"),
        ("def solution():\n    return None", "solution", None, "solution"),
        ("answer = 'yes'", "answer", "yes", "answer"),
        ("print(1)\nprint(' two ')\nprint()", "printed", " two ", "printed"),
        ("pass", "printed", None, "printed"),
        ("print(5)\nexit()", "printed", "5", "printed"),
        ("answer = 2\ndef solution():\n    return 1", "any", "1", "solution"),
        ("print(3)\nanswer = 2", "any", "2", "answer"),
        ("print(3)", "any", "3", "printed"),
        ("if __name__ == '__main__':\n    answer = 1", "answer", "1", "answer"),
    ],
)
def test_a_value_is_taken_where_the_entry_says(
    run: Running, source: str, entry: str, value: str | None, via: str
) -> None:
    found = one(run, source, Entry(entry))
    assert (found.status, found.value, found.via) == (Status.OK, value, via)


@pytest.mark.parametrize(
    ("source", "error", "line", "paper"),
    [
        ("def solution():\n    x = 1\n    return y", "NameError", 3, "NameError"),
        ("def solution():\n    x += 1\n    return x", "UnboundLocalError", 2, "UnboundLocalError"),
        ("def solution(:\n    return 1", "SyntaxError", 1, "SyntaxError"),
        ("def solution():\nreturn 1", "IndentationError", 2, "SyntaxError"),
        ("x = 1", "NameError", None, "NameError"),
        ("def solution():\n    return 1 / 0", "ZeroDivisionError", 2, ""),
        ("import numpy", "ModuleNotFoundError", 1, ""),
        ("import os", "ModuleNotFoundError", 1, ""),
        ("open('/etc/passwd')", "PermissionError", 1, ""),
        ("input()", "EOFError", 1, ""),
        ("import sys", "ModuleNotFoundError", 1, ""),
        ("exit(3)", "SystemExit", 1, ""),
        ("def solution():\n    return solution()", "RecursionError", 2, ""),
        ("def solution():\n    return 9 ** 9 ** 6 % 10 ** 5000", "ValueError", None, ""),
    ],
)
def test_an_error_names_itself_and_its_line(
    run: Running, source: str, error: str, line: int | None, paper: str
) -> None:
    found = one(run, source)
    assert (found.status, found.error, found.line, found.paper_error) == (Status.ERROR, error, line, paper)
    assert found.feedback.startswith(f"{error}: ")


@pytest.mark.parametrize(
    ("source", "status"),
    [
        ("x = [0] * 10 ** 9", Status.MEMORY),
        ("x = []\nwhile True: x.append(' ' * 1000 + str(len(x)))", Status.MEMORY),
        ("print('x' * 3000)", Status.OUTPUT),
        ("while True: print('x' * 3000)", Status.OUTPUT),
        ("def solution():\n    return 'x' * 3000", Status.OUTPUT),
        ("x = '" + "x" * 300_000 + "'", Status.REFUSED),
        ("x = '\ud800'", Status.REFUSED),
    ],
)
def test_limits_end_a_program_and_say_so(run: Running, source: str, status: Status) -> None:
    found = one(run, source)
    assert found.status is status
    assert len(found.printed) <= 2000
    assert found.message or found.error


def test_who_computes_too_long_is_ended_by_its_time_of_the_processor() -> None:
    with Sandbox(cpu_seconds=0.3, wall_seconds=120.0, workers=1).open() as run:
        found = one(run, "while True: pass")
    assert found.status is Status.TIMEOUT and "0.3 seconds of CPU time" in found.message


def test_who_sleeps_is_ended_by_the_clock() -> None:
    with Sandbox(wall_seconds=0.5, workers=1).open() as run:
        found = one(run, "import time\ntime.sleep(1000)")
    assert found.status is Status.TIMEOUT and "asleep" in found.message


def test_outcomes_are_those_of_the_program_alone_and_in_order(run: Running) -> None:
    sources = [
        "import random\ndef solution():\n    return random.random()",
        "def solution():\n    return list({'b', 'a', 'c'})",
        "def solution():\n    return solution",
        "import math\nmath.pi = 3\ndef solution():\n    return math.pi",
        "import math\ndef solution():\n    return math.pi",
    ]
    programs = [Program(source=source) for source in sources]
    alone = [run([program])[0].settled() for program in programs]
    together = [found.settled() for found in run(programs * 6)]
    assert together == alone * 6
    with Sandbox(workers=1).open() as other:
        assert [found.settled() for found in other(programs)] == alone


def test_programs_are_taken_as_they_are_needed(run: Running) -> None:
    taken = []

    def endless() -> Iterator[Program]:
        number = 0
        while True:
            taken.append(number)
            yield Program(source=f"def solution():\n    return {number}")
            number += 1

    stream = run.stream(endless())
    assert [next(stream).value for _ in range(5)] == ["0", "1", "2", "3", "4"]
    assert len(taken) < 300
    stream.close()
    assert one(run, "def solution():\n    return 1").value == "1"


def test_an_outcome_is_a_row_without_its_seconds(run: Running) -> None:
    found = one(run, "def solution():\n    return 1")
    assert found.seconds > 0
    row = msgspec.json.encode(found.settled())
    assert b"seconds" not in row
    assert msgspec.json.decode(row, type=Outcome) == found.settled()


def test_a_level_that_is_too_weak_is_refused_unless_allowed() -> None:
    with pytest.raises(ConfigError, match="allow_weaker=true"), Sandbox(level="fresh").open():
        pass
    with Sandbox(level="fresh", allow_weaker=True, workers=1).open() as run:
        assert one(run, "def solution():\n    return 1").level == "fresh"


def test_a_module_that_is_not_there_is_an_error_of_the_configuration() -> None:
    with pytest.raises(ConfigError, match="not_a_module"), Sandbox(modules=("not_a_module",)).open():
        pass
