"""Many requests at once to one endpoint, each answer kept before it is used."""

from __future__ import annotations

import asyncio
import logging
import threading
from collections.abc import Callable, Coroutine, Iterator, Sequence
from contextlib import contextmanager
from functools import partial
from typing import Any, TypeVar

from lema.base.protocols import UNANSWERED, Prompt, Reply, Sampling
from lema.base.spec import canonical
from lema.engines.openai.asking import Asker
from lema.engines.openai.endpoint import Endpoint
from lema.engines.openai.errors import Fault
from lema.engines.openai.refusals import REFUSED
from lema.engines.openai.reply_cache import Answer, ReplyCache
from lema.engines.openai.wire import body, changed, choice_replies, replies, sample_seed

T = TypeVar("T")
Run = Callable[[Coroutine[Any, Any, T]], T]
log = logging.getLogger(__name__)
GRACE = 30.0  # seconds for what is in flight when something else stops the run


@contextmanager
def event_loop() -> Iterator[Run[Any]]:
    """Runs coroutines from synchronous code, in a thread of its own.

    So it works where a loop runs already, as in a notebook, and signals interrupt the waiting main
    thread at once.
    """
    loop = asyncio.new_event_loop()
    thread = threading.Thread(target=loop.run_forever, name="openai", daemon=True)
    thread.start()

    def run(coroutine: Coroutine[Any, Any, T]) -> T:
        future = asyncio.run_coroutine_threadsafe(coroutine, loop)
        try:
            return future.result()
        finally:
            future.cancel()

    try:
        yield run
    finally:
        run(loop.shutdown_default_executor())
        loop.call_soon_threadsafe(loop.stop)
        thread.join()
        loop.close()


class Pace:
    """Lets at most so many requests a minute begin, evenly."""

    def __init__(self, per_minute: float | None) -> None:
        self.gap = 60 / per_minute if per_minute else 0.0
        self.free = 0.0

    async def turn(self) -> None:
        if self.gap:
            now = asyncio.get_running_loop().time()
            begin = max(self.free, now)
            self.free = begin + self.gap
            await asyncio.sleep(begin - now)


class Session:
    """What is open between the first prompt and the last.

    found: requests answered by the disk.
    """

    def __init__(
        self, engine: Endpoint, client: Any, sdk_error: type[Exception], cache: ReplyCache | None, secret: str
    ) -> None:
        self.engine, self.client, self.cache = engine, client, cache
        self.pace = Pace(engine.requests_per_minute)
        self.host = client.base_url.netloc.decode()
        self.asker = Asker(engine, client, sdk_error, secret)
        self.found = 0
        self.short = False

    async def complete(self, prompts: Sequence[Prompt], sampling: Sampling) -> list[list[Reply]]:
        """n replies for each prompt, in order; equal prompts with equal seeds are asked about once.

        Raises:
            InputError: the server refuses the form of the requests, the key or the model, or too many prompts.
            StageFailed: it stays silent or broken.
            OSError: replies cannot be kept.
        """
        distinct: dict[tuple[str, int], Prompt] = {}
        for prompt in prompts:
            distinct.setdefault((prompt.text, prompt.seed), prompt)
        answered: dict[tuple[str, int], list[Reply]] = {}
        arrived: set[tuple[str, int]] = set()
        queue = iter(distinct.items())
        stop = False

        async def work() -> None:
            for key, prompt in queue:
                if stop:
                    return
                answered[key] = await self.samples(prompt, sampling, partial(arrived.add, key))

        workers = [asyncio.create_task(work()) for _ in range(min(self.engine.concurrency, len(distinct)))]
        try:
            await asyncio.gather(*workers)
        except (Fault, OSError) as fault:
            stop = True  # nothing new is asked, and what is in flight is paid for
            await asyncio.wait(workers, timeout=GRACE)
            await stopped(workers)
            if isinstance(fault, OSError):
                raise
            raise fault.told(self.saved(len(arrived), len(distinct))) from None
        except BaseException:
            await stopped(workers)
            raise
        log.info(
            "%s at %s so far: requests answered %d, found on disk %d, retries %d, without an answer %d",
            *(self.engine.model, self.host, self.asker.answered, self.found, self.asker.retries),
            self.asker.refusals.counted,
        )
        return [list(answered[prompt.text, prompt.seed]) for prompt in prompts]

    async def samples(self, prompt: Prompt, sampling: Sampling, arrived: Callable[[], None]) -> list[Reply]:
        """n replies to one prompt. Servers that silently give fewer are asked for each missing one alone."""
        first = await self.answer(prompt, sampling, n=sampling.n, seed=prompt.seed, arrived=arrived)
        if (reason := first.choices[0].finish_reason) in UNANSWERED:
            return [Reply(text="", finish_reason=reason, prompt_tokens=first.prompt_tokens)] * sampling.n
        if sampling.choices:
            return choice_replies(first, prompt, sampling)
        several = list(replies(first, sampling.stop))
        if len(several) < sampling.n and not self.short:
            self.short = True
            log.warning("%s gives %d of %d choices: asking for the rest singly", self.host, len(several), sampling.n)
        for sample in range(len(several), sampling.n):
            seed = sample_seed(prompt.seed, sample)
            single = await self.answer(prompt, sampling, n=1, seed=seed, sample=sample)
            several.append(next(replies(single, sampling.stop)))
        return several[: sampling.n]

    async def answer(
        self,
        prompt: Prompt,
        sampling: Sampling,
        *,
        n: int,
        seed: int,
        sample: int = 0,
        arrived: Callable[[], None] = lambda: None,
    ) -> Answer:
        """The answer to one request, from disk or from the server."""
        engine = self.engine
        chat = engine.api == "chat"
        asked = body(prompt, sampling, model=engine.model, chat=chat, system=engine.system, n=n, seed=seed)
        asked = changed(asked, engine.extra_body)
        # Seed and sample also stand beside the body: `extra_body` may leave the seed out of it.
        request = {"provider": engine.provider, "api": engine.api, "seed": seed, "sample": sample, "body": asked}
        request = canonical(request)
        # Read at once: opening a small file takes less than handing it to a thread. Writes wait for the disk.
        found = self.cache.read(request) if self.cache else None
        if found is not None:
            self.found += 1
            arrived()
            return found
        if self.cache:
            self.cache.make_sure()
        await self.pace.turn()
        fresh = await self.asker.ask(asked, prompt, sampling, found=self.found)
        reason = fresh.choices[0].finish_reason
        if self.cache and (reason not in UNANSWERED or reason == REFUSED):
            await finished(asyncio.to_thread(self.cache.write, request, fresh), arrived)
        else:
            arrived()
        return fresh

    async def close(self) -> None:
        """End what an interruption has left running, and the connections."""
        await stopped(list(asyncio.all_tasks() - {asyncio.current_task()}))
        await self.client.close()

    def saved(self, arrived: int, total: int) -> str:
        """The end of an error message: what was not lost."""
        if self.cache is None:
            return f"{arrived} of {total} replies had arrived; none is kept, since no folder for them was given."
        return (
            f"{arrived} of {total} replies are saved in {self.cache.folder}, "
            f"and nothing saved is asked again: the same command goes on from there."
        )


async def finished(write: Coroutine[Any, Any, None], arrived: Callable[[], None]) -> None:
    """Wait for a write, through a cancellation too: what has been paid for is kept."""
    task = asyncio.ensure_future(write)
    try:
        await asyncio.shield(task)
    finally:
        if not task.done():
            await asyncio.wait([task])
        if not task.cancelled() and task.exception() is None:
            arrived()


async def stopped(tasks: Sequence[asyncio.Task[Any]]) -> None:
    """Cancel tasks and wait for their ends."""
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)
