"""The openai engine beside a plain loop over the openai SDK, on the same prompts in one run.

    python benchmarks/teacher_client.py [--requests 1000] [--concurrency 64] [--rounds 3]
    python benchmarks/teacher_client.py --mixed [--requests 2000]    # a server on a bad day, once

The server is `tests/servers/faulty.py` in another process and answers at once. The plain loop is
what its documentation shows: one `AsyncOpenAI`, a semaphore, `asyncio.gather`; it keeps nothing.
CPU time is that of this process, all threads. Sides alternate; the best round of each counts.

With `--mixed` of the prompts 10 % are met with 429 first (half with Retry-After), 5 % with 5xx, 1 % each with silence,
a reset and half a body, and 1 % are refused for good. Exits with 1 unless the engine answers or counts every prompt at
no more CPU time than the SDK.
"""

from __future__ import annotations

import argparse
import asyncio
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable
from pathlib import Path

import openai

from lema.base.protocols import Prompt, Sampling
from lema.engines.openai.engine import OpenAI

SERVER = Path(__file__).parents[1] / "tests" / "servers" / "faulty.py"
SAMPLING = Sampling(max_tokens=64)
TIMEOUT = 5.0  # seconds of silence, on a bad day


def plain(url: str, prompts: list[Prompt], concurrency: int, aiohttp: bool) -> list[str | None]:
    """Texts by way of the SDK alone."""

    async def run() -> list[str | None]:
        transport = openai.DefaultAioHttpClient() if aiohttp else None
        async with openai.AsyncOpenAI(base_url=url, api_key="none", http_client=transport) as client:
            turn = asyncio.Semaphore(concurrency)

            async def one(prompt: Prompt) -> str | None:
                async with turn:
                    done = await client.chat.completions.create(
                        model="toy",
                        messages=[{"role": "user", "content": prompt.text}],
                        n=1,
                        temperature=0.0,
                        top_p=1.0,
                        max_tokens=SAMPLING.max_tokens,
                        seed=prompt.seed,
                    )
                    return done.choices[0].message.content

            return list(await asyncio.gather(*map(one, prompts)))

    return asyncio.run(run())


def engine(url: str, prompts: list[Prompt], concurrency: int, replies: Path | None) -> list[str | None]:
    """Texts by way of the engine."""
    with OpenAI(model="toy", base_url=url, concurrency=concurrency).open(replies=replies) as complete:
        return [reply.text for (reply,) in complete(prompts, SAMPLING)]


def measured(side: Callable[[], list[str | None]]) -> tuple[float, float, list[str | None]]:
    """CPU seconds, seconds, texts."""
    cpu, clock = time.process_time(), time.perf_counter()
    texts = side()
    return time.process_time() - cpu, time.perf_counter() - clock, texts


def on_a_bad_day(requests: int, concurrency: int) -> int:
    """Every prompt through the engine and through the plain loop, each with a server of its own."""
    prompts = [Prompt(id=str(n), text=f"{n}: Ann has some apples and buys more of them.") for n in range(requests)]
    spent: dict[str, float] = {}
    for name in ("SDK", "engine"):
        server = subprocess.Popen(
            [sys.executable, SERVER, "--mixed"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,  # of connections that hang when it ends
            text=True,
        )
        assert server.stdout is not None and server.stdin is not None
        url = server.stdout.readline().strip()
        cpu = time.process_time()
        if name == "SDK":
            kinds = asyncio.run(plainly_counted(url, prompts, concurrency))
        else:
            with tempfile.TemporaryDirectory() as scratch:
                made = OpenAI(model="toy", base_url=url, concurrency=concurrency, timeout=TIMEOUT)
                with made.open(replies=Path(scratch)) as complete:
                    kinds = Counter(reply.finish_reason for (reply,) in complete(prompts, SAMPLING))
        spent[name] = time.process_time() - cpu
        server.stdin.close()
        server.wait()
        print(f"{name:8} {1000 * spent[name] / requests:6.2f} ms of CPU a request   {dict(kinds)}")
        whole = kinds["stop"] + kinds["refused"] == requests
    print(f"{spent['engine'] / spent['SDK']:.2f} x the SDK's CPU time")
    return 0 if whole and spent["engine"] <= spent["SDK"] else 1


async def plainly_counted(url: str, prompts: list[Prompt], concurrency: int) -> Counter[str]:
    """How the plain loop fares: as its documentation shows it, with what it raises counted."""
    async with openai.AsyncOpenAI(base_url=url, api_key="none", timeout=TIMEOUT, max_retries=8) as client:
        turn = asyncio.Semaphore(concurrency)

        async def one(prompt: Prompt) -> str:
            async with turn:
                try:
                    done = await client.chat.completions.create(
                        model="toy", messages=[{"role": "user", "content": prompt.text}], max_tokens=SAMPLING.max_tokens
                    )
                except openai.APIError as fault:
                    return type(fault).__name__
                return done.choices[0].finish_reason

        return Counter(await asyncio.gather(*map(one, prompts)))


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--requests", type=int, default=1000)
    parser.add_argument("--concurrency", type=int, default=64)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--mixed", action="store_true")
    given = parser.parse_args()
    if given.mixed:
        return on_a_bad_day(given.requests, given.concurrency)
    body = "Ann has some apples and buys more of them. " * 45  # about 2 KB, as a prompt with four examples is
    prompts = [Prompt(id=str(n), text=f"{n}: {body}") for n in range(given.requests)]
    server = subprocess.Popen([sys.executable, SERVER], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    assert server.stdout is not None and server.stdin is not None
    url = server.stdout.readline().strip()
    best: dict[str, tuple[float, float]] = {}
    with tempfile.TemporaryDirectory() as scratch:
        for turn in range(given.rounds):
            folder = Path(scratch, str(turn))
            folder.mkdir()
            sides: dict[str, Callable[[], list[str | None]]] = {
                "SDK": lambda: plain(url, prompts, given.concurrency, aiohttp=False),
                "SDK over aiohttp": lambda: plain(url, prompts, given.concurrency, aiohttp=True),
                "engine, nothing kept": lambda: engine(url, prompts, given.concurrency, None),
                "engine, each reply on disk": lambda folder=folder: engine(url, prompts, given.concurrency, folder),
                "engine, all found on disk": lambda folder=folder: engine(url, prompts, given.concurrency, folder),
            }
            texts: list[list[str | None]] = []
            for name, side in sides.items():
                cpu, clock, found = measured(side)
                texts.append(found)
                former = best.get(name, (cpu, clock))
                best[name] = min(former[0], cpu), min(former[1], clock)
            assert all(found == texts[0] for found in texts)
    server.stdin.close()
    server.wait()
    for name, (cpu, clock) in best.items():
        rates = f"{given.requests / cpu:8,.0f} requests a CPU-second {given.requests / clock:8,.0f} requests/s"
        print(f"{name:28}{rates}   {best['SDK'][0] / cpu:5.2f} x SDK by CPU time")
    return 0


if __name__ == "__main__":
    sys.exit(main())
