"""Runs one program in its own process and tells what came of it: the only place that executes a model's text.

This runs inside the sandbox: the standard library only, and nothing that reads a file once the program has begun.
"""

from __future__ import annotations

import builtins
import json
import os
import random
import sys
from collections.abc import Callable, Sequence
from types import ModuleType
from typing import Any, NoReturn

NAME = "<program>"
MESSAGE = 2000  # characters of an exception's text that are told
RESULT = 3  # the descriptor that the result is written to


class Task:
    """A program as it comes through the pipe: a line with the nonce, a line with the entry, the source."""

    def __init__(self, sent: bytes) -> None:
        nonce, entry, source = sent.split(b"\n", 2)
        self.nonce, self.entry, self.source = nonce, entry.decode(), source.decode()


def run(task: Task, modules: Sequence[str]) -> None:
    """Run it and write the result; the caller ends the process then."""
    spare = task.nonce + b'{"error":"MemoryError","message":"out of memory"}'  # made while there is memory
    output = sys.stdout
    try:
        told = execute(task, modules)
        output.flush()
        write(task.nonce + json.dumps(told, ensure_ascii=False).encode())
    except MemoryError:
        write(spare)


def write(frame: bytes) -> None:
    while frame:
        frame = frame[os.write(RESULT, frame) :]


def execute(task: Task, modules: Sequence[str]) -> dict[str, Any]:
    """What the program came to: `value` and `via`, or `error`, `message` and `line`."""
    program = ModuleType("__main__")
    space = program.__dict__
    space["__builtins__"] = {**vars(builtins), "__import__": importer(modules), "exit": leave, "quit": leave}
    sys.modules["__main__"] = program  # dataclasses and typing look names up there
    sys.argv = [NAME]
    random.seed(0)
    try:
        # The purpose of this package: a model's text is executed here, in a process that can do nothing else.
        code = compile(task.source, NAME, "exec", dont_inherit=True)
        try:
            exec(code, space)  # noqa: S102
        except SystemExit as end:
            if end.code not in (None, 0):
                raise
        return value_of(task.entry, space)
    except BaseException as fault:
        return failure(fault)


def value_of(entry: str, space: dict[str, Any]) -> dict[str, Any]:
    """The value by an entry; "printed" is left to the reader of what was printed."""
    if entry == "any":
        entry = "solution" if callable(space.get("solution")) else "answer" if "answer" in space else "printed"
    if entry == "printed":
        return {"via": entry}
    if entry not in space:
        raise NameError(f"name {entry!r} is not defined")
    value = space["solution"]() if entry == "solution" else space["answer"]
    return {"via": entry, "value": None if value is None else whole(str(value))}


def whole(text: str) -> str:
    """The text with half characters (lone surrogates) spelt out, so that it can be written."""
    return text.encode("utf-8", "backslashreplace").decode()


def failure(fault: BaseException) -> dict[str, Any]:
    """An exception as class, text and line of the program."""
    line = None
    trace = fault.__traceback__
    while trace is not None:
        if trace.tb_frame.f_code.co_filename == NAME:
            line = trace.tb_lineno
        trace = trace.tb_next
    if isinstance(fault, SyntaxError) and line is None:
        message, line = str(fault.msg), fault.lineno
    else:
        try:
            message = str(fault)
        except Exception:
            message = ""
    return {"error": whole(type(fault).__name__[:100]), "message": whole(message[:MESSAGE]), "line": line}


def importer(modules: Sequence[str]) -> Callable[..., Any]:
    """`__import__` for the program: those modules, and an error that says so for all others.

    It makes programs mean the same at every level; what holds them is the kernel.
    """
    real, allowed = builtins.__import__, frozenset(modules)

    def restricted(
        name: str, space: Any = None, names: Any = None, wanted: Sequence[str] | None = (), level: int = 0
    ) -> Any:
        if name.partition(".")[0] in allowed:
            return real(name, space, names, wanted, level)
        raise ModuleNotFoundError(f"No module named {name!r}")

    return restricted


def leave(code: object = None) -> NoReturn:
    """`exit` and `quit`, which scripts have."""
    raise SystemExit(code)
