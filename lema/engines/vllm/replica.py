"""One process that holds one copy of a model in vLLM: `python -m lema.engines.vllm.replica`.

It is told in JSON lines on standard input and answers in JSON lines; when its input ends, so does it,
with all processes that vLLM has started. What vLLM prints goes to standard error.
"""

from __future__ import annotations

import os
import queue
import signal
import sys
import threading
import time
import traceback
from collections.abc import Sequence
from typing import Any

import msgspec

GRACE = 20.0  # seconds for vLLM to end in order, with what it shares between its processes put away


class Setup(msgspec.Struct, frozen=True, kw_only=True):
    """What to load: the first line."""

    llm: dict[str, Any]  # arguments of vllm.LLM
    adapter: str | None = None  # folder of a LoRA adapter on it
    cpu: bool = False


class Ask(msgspec.Struct, frozen=True, kw_only=True):
    """One sample to draw, or, with `wanted`, tokens of which the log-probability is asked as the next one."""

    prompt: list[int]
    limit: int = 1
    ends: list[int] = []
    seed: int = 0
    temperature: float = 0.0
    top_p: float = 1.0
    stop: tuple[str, ...] = ()
    logprobs: bool = False
    wanted: list[int] = []


class Said(msgspec.Struct, frozen=True, kw_only=True):
    """The tokens of a sample, with the log-probability of each, or those of the tokens wanted."""

    ids: list[int]
    finish: str
    logprobs: list[float] | None = None


class Answer(msgspec.Struct, frozen=True, kw_only=True):
    """To one line; the one to the setup is empty. `error` is what went wrong."""

    said: list[Said] = []
    error: str = ""


def lines() -> queue.Queue[bytes]:
    """Lines of standard input, then an empty one; read in a thread, which at any time notices the end."""
    arrived: queue.Queue[bytes] = queue.Queue()

    def read() -> None:
        for line in sys.stdin.buffer:
            arrived.put(line)
        arrived.put(b"")
        time.sleep(GRACE)
        os.killpg(os.getpgrp(), signal.SIGKILL)  # we lead a group of our own, which vLLM's processes are in

    threading.Thread(target=read, daemon=True).start()
    return arrived


def load(setup: Setup) -> tuple[Any, Any]:
    """The model in vLLM, and the adapter to ask it with."""
    if setup.cpu:
        # One process, and nothing compiled: on a CPU, which is for tests, starting is most of the time.
        os.environ.setdefault("VLLM_ENABLE_V1_MULTIPROCESSING", "0")
        os.environ.setdefault("TORCH_COMPILE_DISABLE", "1")
        os.environ.setdefault("VLLM_CPU_OMP_THREADS_BIND", "nobind")  # copies would bind to the same cores
    import vllm
    from vllm.lora.request import LoRARequest

    adapter = None if setup.adapter is None else LoRARequest("adapter", 1, setup.adapter)
    return vllm.LLM(**setup.llm), adapter


def parameters(ask: Ask) -> Any:
    """What vLLM is told of one request."""
    from vllm import SamplingParams

    if ask.wanted:
        return SamplingParams(temperature=0.0, max_tokens=1, logprob_token_ids=ask.wanted, detokenize=False)
    return SamplingParams(
        temperature=ask.temperature,
        top_p=ask.top_p if ask.temperature else 1.0,
        seed=ask.seed if ask.temperature else None,
        max_tokens=ask.limit,
        stop=list(ask.stop),
        stop_token_ids=ask.ends,
        ignore_eos=True,  # those that end a sample are all in `ends`
        logprobs=0 if ask.logprobs else None,
        skip_special_tokens=True,
        detokenize=bool(ask.stop),
    )


def answer(llm: Any, adapter: Any, asks: list[Ask]) -> Answer:
    """Answers to requests, in order."""
    prompts = [{"prompt_token_ids": ask.prompt} for ask in asks]
    settings = [parameters(ask) for ask in asks]
    outputs = llm.generate(prompts, settings, lora_request=adapter, use_tqdm=False)
    return Answer(said=[said(ask, output.outputs[0]) for ask, output in zip(asks, outputs, strict=True)])


def said(ask: Ask, output: Any) -> Said:
    ids = list(output.token_ids)
    found: Sequence[Any] = output.logprobs or ()
    if ask.wanted:
        (only,) = found
        return Said(ids=[], finish="stop", logprobs=[only[token].logprob for token in ask.wanted])
    logprobs = [held[token].logprob for token, held in zip(ids, found, strict=True)] if ask.logprobs else None
    return Said(ids=ids, finish="length" if output.finish_reason == "length" else "stop", logprobs=logprobs)


def main() -> None:
    for number in (signal.SIGTERM, signal.SIGINT, signal.SIGUSR2):
        signal.signal(number, signal.SIG_IGN)  # a cluster sends these to all: the one that asks decides what follows
    out = os.dup(1)
    os.dup2(2, 1)
    arrived = lines()
    held: tuple[Any, Any] | None = None
    while line := arrived.get():
        try:
            if held is None:
                held = load(msgspec.json.decode(line, type=Setup))
                found = Answer()
            else:
                found = answer(*held, msgspec.json.decode(line, type=list[Ask]))
        except Exception as fault:
            traceback.print_exc()
            found = Answer(error=f"{type(fault).__name__}: {' '.join(str(fault).split())}")
        with os.fdopen(os.dup(out), "wb") as sink:
            sink.write(msgspec.json.encode(found) + b"\n")


if __name__ == "__main__":
    main()
