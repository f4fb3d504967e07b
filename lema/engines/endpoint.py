"""Asking an OpenAI-compatible server: nothing twice, no reply missing, and one clear line when it fails."""

from __future__ import annotations

import asyncio
import json
import re
from collections import deque
from collections.abc import Sequence
from hashlib import sha256
from itertools import accumulate
from typing import TYPE_CHECKING, Any

from lema.errors import ConfigError, InputError, LemaError, StageFailed
from lema.protocols import Prompt, Reply, Sampling
from lema.replies import Answer, Choice, Replies

if TYPE_CHECKING:
    from lema.engines.openai import OpenAI

KEY = re.compile(r"(?:sk|hf)[-_][\w*.-]{6,}|(?<=Bearer )\S+")
SEEDS = 2**31  # servers differ in what they take; below this all agree


class Endpoint:
    """A connection with the folder of what it answered before."""

    def __init__(self, spec: OpenAI, sdk: Any, client: Any, saved: Replies | None) -> None:
        self.spec = spec
        self.sdk = sdk
        self.client = client
        self.saved = saved
        self.next_start = 0.0  # of a request, on the loop's clock

    async def ask(self, prompts: Sequence[Prompt], sampling: Sampling) -> list[list[Reply]]:
        """n replies for each prompt, in order.

        After a failure no new request starts, and those on their way are waited for and saved.

        Raises:
            ConfigError, InputError: the server refuses: wrong key, unknown model, malformed or too long request.
            StageFailed: the server does not answer, or not as it should.
        """
        replies: list[list[Reply]] = [[] for _ in prompts]
        waiting = deque(enumerate(prompts))
        failures: list[Exception] = []

        async def work() -> None:
            while waiting and not failures:
                place, prompt = waiting.popleft()
                try:
                    replies[place] = await self.replies(prompt, sampling)
                except self.sdk.OpenAIError as fault:
                    failures.append(self.explained(fault, prompt))
                except Exception as fault:
                    failures.append(fault)

        await asyncio.gather(*(work() for _ in range(min(self.spec.concurrency, len(prompts)))))
        if failures:
            raise failures[0] from None  # what it came from holds the request, and so the key
        return replies

    async def replies(self, prompt: Prompt, sampling: Sampling) -> list[Reply]:
        """n replies for one prompt, in as many requests as the server makes necessary."""
        replies: list[Reply] = []
        while len(replies) < sampling.n:
            request = self.request(prompt, sampling, sample=len(replies))
            answer = self.saved.read(request) if self.saved is not None else None
            if answer is None:
                answer = await self.answer(request, sampling.n - len(replies), prompt)
                if self.saved is not None:
                    await asyncio.to_thread(self.saved.write, request, answer)
            replies += unpack(answer, sampling.stop)
        return replies[: sampling.n]

    def request(self, prompt: Prompt, sampling: Sampling, sample: int) -> dict[str, Any]:
        """What decides an answer. `sample` numbers the first continuation that is asked for."""
        body: dict[str, Any] = {"prompt": prompt.text}
        if self.spec.api == "chat":
            system = [] if self.spec.system is None else [{"role": "system", "content": self.spec.system}]
            body = {"messages": [*system, {"role": "user", "content": prompt.text}]}
        elif prompt.chat:
            raise ConfigError(f"prompt {prompt.id!r} is a chat turn, which api=completions cannot send: use api=chat")
        return {
            "provider": self.spec.provider,
            "api": self.spec.api,
            "model": self.spec.model,
            **body,
            "temperature": sampling.temperature,
            "top_p": sampling.top_p,
            "max_tokens": sampling.max_tokens,
            "stop": list(sampling.stop),
            "logprobs": sampling.logprobs,
            "seed": server_seed(prompt.seed, sample),
            "sample": sample,
        }

    async def answer(self, request: dict[str, Any], n: int, prompt: Prompt) -> Answer:
        """Ask the server for up to n continuations; it may give fewer, but not none."""
        await self.turn()
        try:
            given = await self.create(request, min(n, self.spec.max_choices or n))
        except json.JSONDecodeError:
            given = None
        choices = getattr(given, "choices", None) or []
        if not choices:
            raise StageFailed(self.told(f"answered prompt {prompt.id!r} with nothing that could be read", ""))
        found = [choice_of(choice, chat=self.spec.api == "chat") for choice in choices[:n]]
        if request["logprobs"] and any(choice.logprobs is None for choice in found):
            raise InputError(self.told("gives no log-probabilities, which sampling.logprobs asks for", ""))
        usage = given.usage
        return Answer(
            choices=found,
            prompt_tokens=(usage and usage.prompt_tokens) or 0,
            completion_tokens=(usage and usage.completion_tokens) or 0,
        )

    async def create(self, request: dict[str, Any], n: int) -> Any:
        chat = self.spec.api == "chat"
        sent = {name: request[name] for name in ("model", "temperature", "seed")}
        sent |= {name: request[name] for name in ("messages", "prompt") if name in request}
        sent[self.spec.limit_field] = request["max_tokens"]
        sent |= {"n": n} if n > 1 else {}
        sent |= {"top_p": request["top_p"]} if request["top_p"] < 1 else {}
        sent |= {"stop": request["stop"]} if request["stop"] else {}
        sent |= {"logprobs": True if chat else 0} if request["logprobs"] else {}
        api = self.client.chat.completions if chat else self.client.completions
        return await api.create(**sent)

    async def turn(self) -> None:
        """Wait until the pace allows a request."""
        if self.spec.requests_per_minute is not None:
            now = asyncio.get_running_loop().time()
            start = max(now, self.next_start)
            self.next_start = start + 60 / self.spec.requests_per_minute
            await asyncio.sleep(start - now)

    def explained(self, fault: Exception, prompt: Prompt) -> LemaError:
        """What a user can do about an error of the SDK."""
        sdk = self.sdk
        told = scrubbed(str(getattr(fault, "message", fault)), self.client.api_key)
        if isinstance(fault, sdk.APIStatusError):
            told = f"status {fault.status_code}: {told}"
        if isinstance(fault, sdk.AuthenticationError | sdk.PermissionDeniedError):
            return ConfigError(self.told("refuses the key", told, f"Check ${self.spec.api_key_env}."))
        if isinstance(fault, sdk.NotFoundError):
            return ConfigError(self.told("knows no such model or path", told, "Check model and base_url."))
        if isinstance(fault, sdk.BadRequestError | sdk.UnprocessableEntityError) or "status 413" in told:
            return InputError(self.told(f"refuses prompt {prompt.id!r}", told))
        tries = f"({'one try' if not self.spec.max_retries else f'{self.spec.max_retries + 1} tries'})"
        if unreachable(fault) or type(fault) is sdk.APIConnectionError:
            return StageFailed(self.told(f"cannot be reached {tries}", "", "Is the server running?"))
        if isinstance(fault, sdk.APITimeoutError):
            return StageFailed(self.told(f"gave no answer within {self.spec.timeout:g} s {tries}", ""))
        return StageFailed(self.told(f"fails {tries}", told))

    def told(self, what: str, told: str, do: str = "") -> str:
        """One message: who, what, the server's words, what to do, what is safe."""
        kept = "No replies are kept here."
        if self.saved is not None:
            kept = f"{len(self.saved):,} replies are saved in {self.saved.folder}; the same command goes on from there."
        words = f" ({told.strip().rstrip('.')})" if told.strip() else ""
        return " ".join(filter(None, (f"{self.spec.host}, model {self.spec.model!r}: {what}{words}.", do, kept)))


def unreachable(fault: BaseException | None) -> bool:
    """Whether a connection was refused or broken; over aiohttp the SDK calls that a timeout."""
    while fault is not None:
        if isinstance(fault, OSError) and not isinstance(fault, TimeoutError):
            return True
        fault = fault.__cause__ or fault.__context__
    return False


def scrubbed(text: str, key: str) -> str:
    """A server's words, at most a few lines, without the key or what looks like one."""
    return KEY.sub("***", text.replace(key, "***") if len(key) > 4 else text)[:400]


def server_seed(seed: int, sample: int) -> int:
    """The seed of a request whose first continuation has this number: another one for each."""
    if sample:
        seed = int.from_bytes(sha256(f"{seed}:{sample}".encode()).digest()[:4])
    return seed % SEEDS


def choice_of(choice: Any, *, chat: bool) -> Choice:
    """A choice of either API."""
    given = choice.logprobs
    if chat:
        text = choice.message.content or ""
        listed = getattr(given, "content", None)
        logprobs = None if listed is None else [token.logprob for token in listed]
    else:
        text = choice.text or ""
        listed = getattr(given, "token_logprobs", None)
        logprobs = None if listed is None else [value or 0.0 for value in listed]
    return Choice(text=text, finish_reason=choice.finish_reason or "stop", logprobs=logprobs)


def unpack(answer: Answer, stops: Sequence[str]) -> list[Reply]:
    """Replies of an answer; the tokens of several are told apart by their lengths, and sum to what was billed."""
    lengths = [len(choice.text) + 1 for choice in answer.choices]
    ends = [answer.completion_tokens * done // sum(lengths) for done in accumulate(lengths)]
    replies = []
    for choice, end, begin in zip(answer.choices, ends, [0, *ends], strict=False):
        # Some servers leave the stop string in the text.
        cuts = [place for stop in stops if (place := choice.text.find(stop)) >= 0]
        replies.append(
            Reply(
                text=choice.text[: min(cuts)] if cuts else choice.text,
                finish_reason="stop" if cuts else choice.finish_reason,
                prompt_tokens=answer.prompt_tokens,
                completion_tokens=end - begin,
                logprobs=None if choice.logprobs is None else tuple(choice.logprobs),
            )
        )
    return replies
