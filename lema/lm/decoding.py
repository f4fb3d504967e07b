"""Decoding many prompts with one model: finished rows leave the batch, waiting ones join it.

Each sample has its own random numbers, drawn from its own key, and takes one for each token. So its
text depends on prompt, seed and sampling, and not on what else is in the batch.
"""

from __future__ import annotations

import inspect
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import torch

from lema.base.errors import StageFailed
from lema.base.protocols import Sampling
from lema.lm.kvcache import ROOM, RoomyCache, layer_count
from lema.lm.replies import STOP_EVERY


@dataclass(slots=True)
class Row:
    """One sample on its way."""

    prompt: list[int]
    index: int  # place of the prompt in the request
    key: int  # of the random numbers
    limit: int  # most tokens to draw
    ends: frozenset[int]
    ids: list[int] = field(default_factory=list)
    logprobs: list[float] = field(default_factory=list)
    noise: np.ndarray[Any, Any] | None = None
    finish: str = ""  # "stop" or "length" once finished

    def random(self) -> float:
        """The number that decides the next token."""
        if self.noise is None:
            self.noise = np.random.Generator(np.random.Philox(key=self.key)).random(self.limit)
        return float(self.noise[len(self.ids)])


class Decoder:
    """Draws continuations from a model.

    Args:
        model: a causal language model.
        rows: how many samples are decoded at once, at most.
        tokens: bound on rows times the length that they may reach; one row is always allowed.
    """

    def __init__(self, model: Any, *, rows: int, tokens: int) -> None:
        self.model = model
        self.rows = rows
        self.tokens = tokens
        self.layers = layer_count(model)
        takes = inspect.signature(model.forward).parameters
        self.takes_positions = "position_ids" in takes
        self.last_only = {"logits_to_keep": 1} if "logits_to_keep" in takes else {}
        sliding = any(kind != "full_attention" for kind in getattr(model.config, "layer_types", None) or ())
        # A ready mask saves the model from building one at each step; only plain sdpa takes it as it is.
        self.ready_mask = (
            self.takes_positions
            and not sliding
            and getattr(model.config, "sliding_window", None) is None
            and model.config._attn_implementation == "sdpa"
        )

    @torch.inference_mode()
    def decode(
        self, rows: Sequence[Row], sampling: Sampling, stopped: Callable[[list[int]], bool] | None = None
    ) -> Iterator[Row]:
        """Yield each row as it finishes. Rows of one prompt must be neighbours: they share its prefill.

        Args:
            stopped: whether a stop string is among the last tokens.

        Raises:
            StageFailed: the model's output is not a number.
        """
        # Longest first: what cannot fit in memory fails at once, and who joins is never longer than who is there.
        waiting = deque(sorted(rows, key=lambda row: -len(row.prompt)))
        batch = Batch(self, sampling)
        while waiting or batch.rows:
            if batch.finished * 8 >= len(batch.rows):
                yield from batch.renew(self.next_rows(waiting, len(batch.rows) - batch.finished))
            else:
                batch.step()
            batch.mark(stopped)

    def next_rows(self, waiting: deque[Row], present: int) -> list[Row]:
        """Waiting rows for which there is room."""
        if not waiting:
            return []
        longest = len(waiting[0].prompt) + waiting[0].limit
        room = max(1, min(self.rows, self.tokens // longest)) - present
        return [waiting.popleft() for _ in range(min(room, len(waiting)))]

    def logits(self, ids: torch.Tensor, start: torch.Tensor, cache: RoomyCache) -> torch.Tensor:
        """Logits of the last column, `[rows, vocabulary]`, for new columns `ids` after those in the cache."""
        columns = torch.arange(cache.length + ids.shape[1], device=ids.device)
        mask = columns >= start[:, None]
        one = ids.shape[1] == 1 and self.ready_mask
        positions = (columns[cache.length :] - start[:, None]).clamp(min=0)
        output = self.model(
            input_ids=ids,
            attention_mask=mask[:, None, None] if one else mask.long(),
            past_key_values=cache,
            use_cache=True,
            **({"position_ids": positions} if self.takes_positions else {}),
            **self.last_only,
        )
        return output.logits[:, -1].float()  # type: ignore[no-any-return]


class Batch:
    """Rows that are decoded together. `start` is the first column of each row that is not padding."""

    def __init__(self, decoder: Decoder, sampling: Sampling) -> None:
        self.decoder = decoder
        self.sampling = sampling
        self.device = decoder.model.device
        self.rows: list[Row] = []
        self.start = torch.zeros(0, dtype=torch.long, device=self.device)
        self.cache: RoomyCache | None = None

    @property
    def finished(self) -> int:
        return sum(bool(row.finish) for row in self.rows)

    def renew(self, joining: list[Row]) -> list[Row]:
        """Take finished rows out and new ones, whose prompts are read here, in. Returns the finished."""
        done = [place for place, row in enumerate(self.rows) if row.finish]
        finished = [self.rows[place] for place in done]
        kept = [place for place, row in enumerate(self.rows) if not row.finish]
        if kept and done and len(done) == len(joining):
            self.replace(done, joining)
            kept = list(range(len(self.rows)))
            joining = []
        if done or self.wasted:
            self.keep(kept)
        if joining:
            self.join(joining)
        return finished

    @property
    def wasted(self) -> bool:
        """Whether there are many columns that hold nothing but padding."""
        return bool(self.rows) and int(self.start.min()) >= ROOM

    def keep(self, places: list[int]) -> None:
        """Only these rows, without columns that all of them have as padding."""
        if not places:
            self.rows, self.cache = [], None
            return
        if len(places) == len(self.rows) and not self.wasted:
            return
        assert self.cache is not None
        index = torch.tensor(places, device=self.device)
        trim = int(self.start[index].min())
        self.rows = [self.rows[place] for place in places]
        self.start = self.start[index] - trim
        self.cache.select(index, trim)

    def replace(self, places: list[int], joining: list[Row]) -> None:
        """New rows in the places of finished ones: nothing else is copied."""
        assert self.cache is not None
        start, cache = self.read(joining)
        index = torch.tensor(places, device=self.device)
        self.start[index] = start + self.cache.length - cache.length
        self.cache.replace(index, cache)
        for place, row in zip(places, joining, strict=True):
            self.rows[place] = row

    def join(self, joining: list[Row]) -> None:
        """New rows below the others."""
        start, cache = self.read(joining)
        if self.cache is None:
            self.rows, self.start, self.cache = joining, start, cache
            return
        length = max(self.cache.length, cache.length)
        self.start = torch.cat([self.start + length - self.cache.length, start + length - cache.length])
        self.cache.join(cache)
        self.rows = self.rows + joining

    def read(self, joining: list[Row]) -> tuple[torch.Tensor, RoomyCache]:
        """Read the prompts of new rows and draw their first token; gives their starts and cache."""
        heads = [place for place, row in enumerate(joining) if not place or row.index != joining[place - 1].index]
        width = max(len(joining[place].prompt) for place in heads)
        start = torch.tensor([width - len(joining[place].prompt) for place in heads], device=self.device)
        ids = torch.tensor([[0] * (width - len(p)) + p for p in (joining[place].prompt for place in heads)])
        cache = RoomyCache(self.decoder.layers)
        logits = self.decoder.logits(ids.to(self.device), start, cache)
        if len(heads) < len(joining):  # samples of one prompt share what was read
            counts = torch.tensor(np.diff([*heads, len(joining)]))
            same = torch.repeat_interleave(torch.arange(len(heads)), counts).to(self.device)
            cache.select(same, 0)
            start, logits = start[same], logits[same]
        draw(joining, logits, self.sampling)
        return start, cache

    def step(self) -> None:
        """Draw one token for every row; those of finished rows are thrown away."""
        assert self.cache is not None
        last = torch.tensor([[row.ids[-1]] for row in self.rows], device=self.device)
        draw(self.rows, self.decoder.logits(last, self.start, self.cache), self.sampling)

    def mark(self, stopped: Callable[[list[int]], bool] | None) -> None:
        """Note which rows are finished, and why."""
        for row in self.rows:
            if row.finish:
                continue
            if row.ids[-1] in row.ends:
                row.finish = "stop"
            elif len(row.ids) >= row.limit:
                row.finish = "length"
            elif stopped is not None and len(row.ids) % STOP_EVERY == 0 and stopped(row.ids):
                row.finish = "stop"


def draw(rows: Sequence[Row], logits: torch.Tensor, sampling: Sampling) -> None:
    """Append one token to each unfinished row.

    Log-probabilities are the model's own: before temperature and top-p.
    """
    best, tokens = logits.max(-1)
    if not bool(best.isfinite().all()):
        raise StageFailed("the model's output is not a number: its weights are broken, or its dtype overflows")
    if sampling.temperature > 0:
        noise = [0.0 if row.finish else row.random() for row in rows]
        tokens = pick((logits / sampling.temperature).softmax(-1), sampling.top_p, noise)
    chosen: list[float] = []
    if sampling.logprobs:
        chosen = logits.log_softmax(-1).gather(-1, tokens[:, None])[:, 0].tolist()
    for place, (row, token) in enumerate(zip(rows, tokens.tolist(), strict=True)):
        if not row.finish:
            row.ids.append(token)
            row.logprobs += chosen[place : place + 1]


def pick(probabilities: torch.Tensor, top_p: float, noise: Sequence[float]) -> torch.Tensor:
    """The token at which the cumulative probability passes each row's random number.

    Tokens keep the vocabulary's order: sorting by probability would let rounding, which differs
    from batch to batch, swap two almost equal ones.
    """
    if top_p < 1:
        ordered, order = probabilities.sort(-1, descending=True)
        outside = ordered.cumsum(-1) - ordered >= top_p
        probabilities = probabilities.masked_fill(outside.scatter(-1, order, outside), 0)
    total = probabilities.double().cumsum(-1)
    wanted = torch.tensor(noise, dtype=torch.double, device=total.device)[:, None] * total[:, -1:]
    return torch.searchsorted(total, wanted, right=True)[:, 0].clamp(max=total.shape[-1] - 1)
