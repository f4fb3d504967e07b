"""The asking side of vLLM: one process for each copy of the model, and requests dealt out among them."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
from collections.abc import Sequence
from types import TracebackType
from typing import Self

import msgspec

from lema.base.errors import ConfigError, StageFailed
from lema.engines.vllm.replica import GRACE, Answer, Ask, Said, Setup

QUIET = {
    "VLLM_NO_USAGE_STATS": "1",  # nothing is sent to anybody
    "VLLM_LOGGING_LEVEL": "WARNING",
    "VLLM_WORKER_MULTIPROC_METHOD": "spawn",
}


def shares(each: int, copies: int) -> list[str | None]:
    """The GPUs of each copy, as CUDA_VISIBLE_DEVICES has them; a single copy sees what we see.

    Raises:
        ConfigError: there are fewer GPUs than that.
    """
    import torch

    count = torch.cuda.device_count()
    if each * copies > count:
        raise ConfigError(
            f"tensor_parallel={each} times data_parallel={copies} is {each * copies} GPUs, "
            f"and this process sees {count}"
        )
    if copies == 1:
        return [None]
    named = os.environ.get("CUDA_VISIBLE_DEVICES")
    gpus = named.split(",") if named else [str(number) for number in range(count)]
    return [",".join(gpus[first : first + each]) for first in range(0, each * copies, each)]


class Replicas:
    """Processes with a copy of the model each; they end with the block, and with us."""

    def __init__(self, setup: Setup, gpus: Sequence[str | None]) -> None:
        self.setup = setup
        self.gpus = gpus
        self.processes: list[subprocess.Popen[bytes]] = []

    def __enter__(self) -> Self:
        try:
            for gpus in self.gpus:
                self.processes.append(start(gpus))
            for process in self.processes:
                tell(process, msgspec.json.encode(self.setup))
            for process in self.processes:
                hear(process)
        except BaseException:
            self.close()
            raise
        return self

    def __exit__(
        self, kind: type[BaseException] | None, fault: BaseException | None, trace: TracebackType | None
    ) -> None:
        alone = self.setup.cpu and self.setup.llm.get("tensor_parallel_size", 1) == 1  # and so shares nothing
        self.close(patient=kind is None and not alone)

    def close(self, *, patient: bool = False) -> None:
        """End them at once, or, if there is time, in order first."""
        for process in self.processes if patient else ():
            assert process.stdin is not None
            with contextlib.suppress(OSError):
                process.stdin.close()
        for process in self.processes if patient else ():
            with contextlib.suppress(subprocess.TimeoutExpired):
                process.wait(GRACE)
        for process in self.processes:
            with contextlib.suppress(ProcessLookupError, PermissionError):
                os.killpg(process.pid, signal.SIGKILL)
            process.wait()
            for pipe in (process.stdin, process.stdout):
                with contextlib.suppress(OSError):
                    pipe.close()  # type: ignore[union-attr]

    def answers(self, asks: Sequence[Ask], *, together: int) -> list[Said]:
        """Answers in order. So many neighbours are asked of the same process: they have their prompt in common.

        Raises:
            StageFailed: vLLM fails, or its process ends.
        """
        dealt: list[list[int]] = [[] for _ in self.processes]
        for place in range(len(asks)):
            dealt[place // together % len(dealt)].append(place)
        busy = [(process, places) for process, places in zip(self.processes, dealt, strict=True) if places]
        for process, places in busy:
            tell(process, msgspec.json.encode([asks[place] for place in places]))
        found: dict[int, Said] = {}
        for process, places in busy:
            found.update(zip(places, hear(process).said, strict=True))
        return [found[place] for place in range(len(asks))]


def start(gpus: str | None) -> subprocess.Popen[bytes]:
    own = {} if gpus is None else {"CUDA_VISIBLE_DEVICES": gpus}
    return subprocess.Popen(
        [sys.executable, "-m", "lema.engines.vllm.replica"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        env={**QUIET, **os.environ, **own},
        start_new_session=True,  # all of it can be ended, whatever vLLM has started
    )


def tell(process: subprocess.Popen[bytes], line: bytes) -> None:
    """Send one line; if nobody takes it, `hear` says why."""
    assert process.stdin is not None
    with contextlib.suppress(BrokenPipeError):
        process.stdin.write(line + b"\n")
        process.stdin.flush()


def hear(process: subprocess.Popen[bytes]) -> Answer:
    """The answer to one line."""
    assert process.stdout is not None
    line = process.stdout.readline()
    if not line.endswith(b"\n"):
        code = process.wait()
        ended = f"was killed by signal {-code}" if code < 0 else f"ended with exit code {code}"
        raise StageFailed(f"vLLM's process {ended}; what it said stands in this stage's log")
    answer = msgspec.json.decode(line, type=Answer)
    if answer.error:
        raise StageFailed(
            f"vLLM failed: {answer.error.rstrip('.')}. If memory is short, lower max_model_len, max_num_seqs or "
            "gpu_memory_utilization, or take more GPUs (tensor_parallel); the whole story stands in this stage's log."
        )
    return answer
