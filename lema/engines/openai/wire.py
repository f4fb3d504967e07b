"""What goes to an OpenAI-compatible server and what comes back: requests, answers, refusals."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from hashlib import sha256
from itertools import accumulate, pairwise
from typing import Any

import msgspec

from lema.base.protocols import Prompt, Reply, Sampling
from lema.engines.openai.refusals import EMPTY, FAILED, REFUSED
from lema.engines.openai.reply_cache import Answer, Choice
from lema.lm.choosing import choice_reply, noise_key

EXCERPT = 300  # characters of what a server says that a message quotes
SEEDS = 2**31  # servers differ in what they take; below this all agree
LISTED = 20  # likely tokens that are asked for where choices are compared: as many as OpenAI and vLLM list
SCRUBBED = 8  # shorter keys (`EMPTY`, `none`) are words of local servers and no secrets


UNLIKELY = -9999.0  # what OpenAI gives for a token that cannot come; others say minus infinity, which JSON has not


class Unreadable(Exception):
    """The server answered 200 with something that is no answer.

    reason: what the prompt is counted as, should it come again and again; empty: a fault of the server.
    """

    def __init__(self, text: str, reason: str = "") -> None:
        super().__init__(text)
        self.reason = reason


class Message(msgspec.Struct):
    content: Any = None  # a text, or a list of parts
    refusal: Any = None


class Listed(msgspec.Struct):
    token: str
    logprob: float


class Logprob(msgspec.Struct):
    logprob: float
    top_logprobs: list[Listed] = []


class Logprobs(msgspec.Struct):
    content: list[Logprob] | None = None  # chat
    token_logprobs: list[float | None] | None = None  # completions
    top_logprobs: list[dict[str, float] | None] | None = None  # completions


class WireChoice(msgspec.Struct):
    index: Any = 0  # some servers leave it null
    message: Message | None = None  # chat
    text: str | None = None  # completions
    finish_reason: str | None = None
    logprobs: Logprobs | None = None


class Wire(msgspec.Struct):
    choices: list[WireChoice]
    model: str | None = None
    usage: Any = None


DECODER = msgspec.json.Decoder(Wire)


def body(
    prompt: Prompt, sampling: Sampling, *, model: str, chat: bool, system: str | None, n: int, seed: int
) -> dict[str, Any]:
    """A request as JSON. Temperature and top_p are always said: servers take other defaults from the model's files."""
    user = {"role": "user", "content": prompt.text}
    turns = [user] if system is None else [{"role": "system", "content": system}, user]
    text: dict[str, Any] = {"messages": turns} if chat else {"prompt": prompt.text}
    optional: dict[str, Any] = {"stop": list(sampling.stop)} if sampling.stop else {}
    if sampling.logprobs:
        optional["logprobs"] = True if chat else 1
    if sampling.choices:
        optional = {"logprobs": True, "top_logprobs": LISTED} if chat else {"logprobs": LISTED}
        sampling, n = Sampling(temperature=1.0, max_tokens=1), 1  # servers differ in whether temperature counts
    return {
        "model": model,
        **text,
        "n": n,
        "temperature": sampling.temperature,
        "top_p": sampling.top_p,
        "max_tokens": sampling.max_tokens,
        "seed": seed % SEEDS,
        **optional,
    }


def changed(request: dict[str, Any], changes: Mapping[str, Any] | None) -> dict[str, Any]:
    """A request with fields added, replaced, or, where the change is None, left out."""
    merged = {**request, **(changes or {})}
    return {name: value for name, value in merged.items() if value is not None}


def sample_seed(seed: int, sample: int) -> int:
    """The seed of a sample that is asked for alone."""
    return int.from_bytes(sha256(f"{seed}:{sample}".encode()).digest()[:4])


def read_answer(data: bytes, sampling: Sampling, *, secret: str) -> Answer:
    """The answer in the body of a response; the key is taken out should a server repeat it.

    Where choices are compared, it holds the tokens that may come next, each as a choice with its log-probability.

    Raises:
        Unreadable: it is no JSON of the expected form, has no choices, or lacks the log-probabilities asked for.
    """
    if len(secret) >= SCRUBBED:
        data = data.replace(secret.encode(), b"***")
    try:
        wire = decode(data)
    except (msgspec.ValidationError, ValueError, RecursionError) as fault:
        said = data[:EXCERPT].decode(errors="replace")
        raise Unreadable(f"{fault}, in what begins with {said!r}") from None
    if not wire.choices:
        raise Unreadable("an answer without choices")
    if sampling.choices:
        choices = tuple(next_tokens(wire.choices[0]))
    else:
        by_place = sorted(wire.choices, key=lambda one: count(one.index))
        choices = tuple(choice(one, logprobs=sampling.logprobs) for one in by_place)
    usage = wire.usage if isinstance(wire.usage, dict) else {}
    return Answer(
        choices=choices,
        model=wire.model or "",
        prompt_tokens=count(usage.get("prompt_tokens")),
        completion_tokens=count(usage.get("completion_tokens")),
    )


def count(said: Any) -> int:
    """A count as servers write it: 7, 7.0, null. What is none is 0: no good text is thrown away for it."""
    whole = isinstance(said, int | float) and not isinstance(said, bool) and 0 <= said < 2**53
    return int(said) if whole else 0


def content(message: Message) -> str:
    """The text of a message, which may come in parts.

    Raises:
        Unreadable: it is neither a text nor parts.
    """
    if message.content is None or isinstance(message.content, str):
        return message.content or ""
    parts = message.content if isinstance(message.content, list) else None
    if parts is None:
        raise Unreadable(f"a message whose content is {type(message.content).__name__}")
    texts = [part if isinstance(part, str) else part.get("text") for part in parts if isinstance(part, str | dict)]
    return "".join(text for text in texts if isinstance(text, str))


def decode(data: bytes) -> Wire:
    """Strict first. A limit on tokens can cut a character in half, which only the lenient parser takes."""
    try:
        return DECODER.decode(data)
    except msgspec.ValidationError:
        raise
    except (msgspec.DecodeError, UnicodeDecodeError):
        text = json.dumps(json.loads(data.decode(errors="replace")), ensure_ascii=False)
        return DECODER.decode(text.encode(errors="replace"))


def choice(wire: WireChoice, *, logprobs: bool) -> Choice:
    """One choice; a refusal has no content and becomes an empty text with the server's reason, or `refused`.

    Raises:
        Unreadable: the answer broke off (`finish_reason: error`), or holds neither text nor refusal nor a reason.
    """
    text = content(wire.message) if wire.message is not None else wire.text
    finish = wire.finish_reason or "stop"
    if finish == FAILED:
        raise Unreadable("an answer that ends in an error of the server's", reason=FAILED)
    if (not text and wire.message is not None and wire.message.refusal) or (not text and finish == "content_filter"):
        finish = REFUSED
    elif not text and wire.message is not None and wire.message.content is None and finish != "length":
        raise Unreadable("an answer without content", reason=EMPTY)
    found = None
    if logprobs:
        held = wire.logprobs or Logprobs()
        if held.content is not None:
            found = tuple(token.logprob for token in held.content)
        elif held.token_logprobs is not None:
            found = tuple(0.0 if value is None else value for value in held.token_logprobs)
        else:
            raise Unreadable("an answer without the log-probabilities that were asked for")
    return Choice(text=text or "", finish_reason=finish, logprobs=found)


def next_tokens(wire: WireChoice) -> Iterator[Choice]:
    """The likely next tokens of an answer of one token."""
    held = wire.logprobs or Logprobs()
    listed: list[tuple[str, float]] = []
    if held.content:
        listed = [(one.token, one.logprob) for one in held.content[0].top_logprobs]
    elif held.top_logprobs and held.top_logprobs[0]:
        listed = list(held.top_logprobs[0].items())
    if not listed:
        raise Unreadable("an answer without the log-probabilities of likely tokens that were asked for")
    for token, logprob in listed:
        yield Choice(text=token, finish_reason="listed", logprobs=(logprob,))


def choice_replies(answer: Answer, prompt: Prompt, sampling: Sampling) -> list[Reply]:
    """Replies to choices by the tokens that the server lists; what is not listed counts as its least likely one."""
    listed: dict[str, float] = {}
    for token in answer.choices:
        (logprob,) = token.logprobs or (UNLIKELY,)
        listed[token.text] = max(logprob, UNLIKELY, listed.get(token.text, UNLIKELY))
    least = min(listed.values())
    found = [listed.get(text, least) for text in sampling.choices]
    several = [choice_reply(found, sampling, noise_key(prompt, number)) for number in range(sampling.n)]
    spent = {"prompt_tokens": answer.prompt_tokens, "completion_tokens": answer.completion_tokens}
    return [msgspec.structs.replace(several[0], **spent), *several[1:]]


def replies(answer: Answer, stop: Sequence[str]) -> Iterator[Reply]:
    """One reply a choice. Token counts add up to what the request cost.

    Servers count a prompt once a request, so the first reply carries it; they count completion
    tokens of all choices together, so with several choices each one's share is by its length.
    """
    lengths = accumulate((len(choice.text) + 1 for choice in answer.choices), initial=0)
    ends = list(lengths)
    shares = [b - a for a, b in pairwise(answer.completion_tokens * end // ends[-1] for end in ends)]
    for place, (found, tokens) in enumerate(zip(answer.choices, shares, strict=True)):
        text, finish = cut(found.text, stop), found.finish_reason
        yield Reply(
            text=text,
            finish_reason=finish if text == found.text else "stop",
            prompt_tokens=0 if place else answer.prompt_tokens,
            completion_tokens=tokens,
            logprobs=found.logprobs,
        )


def cut(text: str, stop: Sequence[str]) -> str:
    """The text before the first stop string, for servers that return it or do not know `stop`."""
    return text[: min((text.find(end) for end in stop if end in text), default=len(text))]
