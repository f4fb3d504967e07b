"""A process that asks math-verify whether two LaTeX answers are equal: lines of JSON in, lines of JSON out.

Run as a file, never imported: sympy can be made to compute for years and to use all memory. The
kernel ends this process when one comparison has used its CPU time, also when its parent is gone.
"""

from __future__ import annotations

import json
import os
import resource
import signal
import sys
from collections.abc import Callable
from typing import Any

MEMORY = 2 * 2**30  # bytes of address space


def main() -> None:
    # What libraries print must not get between the replies.
    replies = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)
    # Ctrl-C is for the parent, which closes our input when it is done.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGPROF, signal.SIG_DFL)
    resource.setrlimit(resource.RLIMIT_AS, (MEMORY, resource.getrlimit(resource.RLIMIT_AS)[1]))
    resource.setrlimit(resource.RLIMIT_CORE, (0, resource.getrlimit(resource.RLIMIT_CORE)[1]))
    try:
        compare = comparison()
    except Exception as fault:
        answer(replies, {"broken": f"{type(fault).__name__}: {fault}"})
        return
    answer(replies, {"ready": True})
    for line in sys.stdin:
        request = json.loads(line)
        signal.setitimer(signal.ITIMER_PROF, request["seconds"])
        try:
            found: dict[str, Any] = compare(request["one"], request["two"])
        except (Exception, RecursionError, MemoryError) as fault:
            found = {"fault": type(fault).__name__}
        signal.setitimer(signal.ITIMER_PROF, 0)
        answer(replies, found)


def answer(replies: Any, found: dict[str, Any]) -> None:
    replies.write(json.dumps(found) + "\n")
    replies.flush()


def comparison() -> Callable[[str, str], dict[str, Any]]:
    """Both directions of math-verify's comparison: its own is not symmetric."""
    import logging

    from math_verify import LatexExtractionConfig, parse, verify

    logging.disable(logging.CRITICAL)
    latex = [LatexExtractionConfig()]

    def compare(one: str, two: str) -> dict[str, Any]:
        # its own time limit uses the alarm of the main thread; ours is the kernel's
        first, second = (parse(f"${text}$", latex, parsing_timeout=None) for text in (one, two))
        if not first or not second:
            return {"fault": "unreadable"}
        return {
            "there": verify(first, second, timeout_seconds=None),
            "back": verify(second, first, timeout_seconds=None),
        }

    return compare


if __name__ == "__main__":
    main()
