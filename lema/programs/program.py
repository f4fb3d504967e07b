"""What goes into the sandbox and what comes out of it."""

from __future__ import annotations

from enum import StrEnum
from typing import Self

import msgspec

from lema.base.records import Record


class Entry(StrEnum):
    """Where the value of a program is taken from, after its text has run as a script (`__name__ == "__main__"`)."""

    SOLUTION = "solution"  # what `solution()` returns; NameError when there is no such function
    ANSWER = "answer"  # the global variable `answer`; NameError when there is none
    PRINTED = "printed"  # the last line that was printed and is not blank
    ANY = "any"  # `solution()` where such a function is defined, else `answer` where set, else what was printed


class Status(StrEnum):
    """How a run ended."""

    OK = "ok"  # it came to its end; whether it left a value is another question
    ERROR = "error"  # an exception, or an end without a result
    TIMEOUT = "timeout"  # its CPU time ran out, or it slept too long
    MEMORY = "memory"  # it asked for more than it may have
    OUTPUT = "output"  # it printed or returned more text than it may
    KILLED = "killed"  # a signal ended it: a crash of the interpreter, as a rule
    REFUSED = "refused"  # it was not started: its text is too long, or not text


class Program(Record, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A program: Python source, and where its value is taken from."""

    source: str
    entry: Entry = Entry.SOLUTION


class Outcome(Record, frozen=True, kw_only=True, forbid_unknown_fields=True, omit_defaults=True):
    """What came of one program.

    Everything but `level` and `seconds` is the same for the same program on every machine, whatever runs beside
    it, as far as the program itself is deterministic (no clock, no addresses).
    """

    status: Status
    level: str  # what held it: "seccomp", "bubblewrap", "namespaces" or "fresh"
    value: str | None = None  # `str` of its value; None when it left none, or the value is None
    via: str = ""  # the entry that gave the value: "solution", "answer" or "printed"
    printed: str = ""  # standard output, cut at the limit; empty after a timeout
    error: str = ""  # class of the exception, by Python's name for it
    message: str = ""  # text of the exception, or why the run was ended
    line: int | None = None  # 1-based line of the program at which it failed
    seconds: float = 0.0  # CPU time; not part of what was found (`settled`)

    @property
    def paper_error(self) -> str:
        """The class in PaD's table of failures: "NameError", "UnboundLocalError", "SyntaxError", else ""."""
        if self.error in {"SyntaxError", "IndentationError", "TabError"}:
            return "SyntaxError"
        return self.error if self.error in {"NameError", "UnboundLocalError"} else ""

    @property
    def feedback(self) -> str:
        """The last line that Python would show, for a model to learn from; "" when nothing went wrong."""
        if self.status is Status.OK:
            return ""
        where = "" if self.line is None else f" (line {self.line})"
        return f"{self.error or self.status}: {self.message}{where}"

    def settled(self) -> Self:
        """The same without what differs from run to run."""
        return msgspec.structs.replace(self, seconds=0.0)
