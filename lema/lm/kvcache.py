"""A key-value cache that rows can leave and join while a batch is being decoded.

The library's own dynamic cache concatenates at every step; on a CPU that copying takes most of the
time of a small model (`benchmarks/sampling.py`). This one writes into room kept ahead.

Rows are aligned at the right: the last token of every row is in the last column, and the columns
before a row's first token are padding, which the attention mask hides.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
from transformers.cache_utils import Cache, DynamicCache, DynamicLayer, DynamicSlidingWindowLayer

from lema.base.errors import ConfigError

ROOM = 64  # columns kept ahead; growing copies the cache once in so many steps


class RoomyLayer(DynamicLayer):  # type: ignore[misc]
    """Keys and values of one layer: `[rows, heads, capacity, size]`, of which `length` columns are used.

    It keeps all columns of sliding-window layers too: the model's own mask hides the older ones.
    """

    def __init__(self) -> None:
        super().__init__()
        self.length = 0

    def update(
        self, key_states: torch.Tensor, value_states: torch.Tensor, *_args: Any, **_kwargs: Any
    ) -> tuple[torch.Tensor, torch.Tensor]:
        if not self.is_initialized:
            self.lazy_initialization(key_states, value_states)
            self.keys, self.values = key_states[:, :, :0], value_states[:, :, :0]
        new = key_states.shape[2]
        end = self.length + new
        if end > self.keys.shape[2]:
            self.keys, self.values = (roomy([t[:, :, : self.length]], new=new) for t in (self.keys, self.values))
        self.keys[:, :, self.length : end] = key_states
        self.values[:, :, self.length : end] = value_states
        self.length = end
        return self.keys[:, :, :end], self.values[:, :, :end]

    def get_seq_length(self) -> int:
        return self.length

    def select(self, rows: torch.Tensor, trim: int) -> None:
        """Keep these rows only, without their first `trim` columns."""
        self.keys, self.values = (roomy([t[rows, :, trim : self.length]]) for t in (self.keys, self.values))
        self.length -= trim

    def replace(self, rows: torch.Tensor, other: RoomyLayer) -> None:
        """Put the rows of another batch, which must not be longer, in the place of these."""
        first = self.length - other.length
        self.keys[rows, :, first : self.length] = other.keys[:, :, : other.length]
        self.values[rows, :, first : self.length] = other.values[:, :, : other.length]

    def join(self, other: RoomyLayer) -> None:
        """Append the rows of another batch below, with the shorter of the two padded on the left."""
        self.keys, self.values = (
            roomy([own[:, :, : self.length], joining[:, :, : other.length]])
            for own, joining in ((self.keys, other.keys), (self.values, other.values))
        )
        self.length = max(self.length, other.length)


class RoomyCache(Cache):  # type: ignore[misc]
    """The cache of a whole model."""

    def __init__(self, layers: int) -> None:
        super().__init__(layers=[RoomyLayer() for _ in range(layers)])

    @property
    def length(self) -> int:
        return int(self.layers[0].get_seq_length())

    def select(self, rows: torch.Tensor, trim: int) -> None:
        for layer in self.layers:
            layer.select(rows, trim)

    def replace(self, rows: torch.Tensor, other: RoomyCache) -> None:
        for layer, joining in zip(self.layers, other.layers, strict=True):
            layer.replace(rows, joining)

    def join(self, other: RoomyCache) -> None:
        for layer, joining in zip(self.layers, other.layers, strict=True):
            layer.join(joining)


def roomy(parts: Sequence[torch.Tensor], *, new: int = 0) -> torch.Tensor:
    """A copy of batches below one another, aligned at the right, with room for `new` columns and more behind.

    Padding is zero: a mask hides it by weighting it with nothing, which a NaN would survive.
    """
    length = max(part.shape[2] for part in parts)
    rows = sum(part.shape[0] for part in parts)
    copy = parts[0].new_empty(rows, parts[0].shape[1], length + new + ROOM, parts[0].shape[3])
    first = 0
    for part in parts:
        below, pad = first + part.shape[0], length - part.shape[2]
        copy[first:below, :, :pad] = 0
        copy[first:below, :, pad:length] = part
        first = below
    return copy


def layer_count(model: Any) -> int:
    """How many layers keep keys and values.

    Raises:
        ConfigError: the model keeps something else from step to step (recurrent states).
    """
    layers = DynamicCache(config=model.config).layers
    odd = {type(layer).__name__ for layer in layers} - {DynamicLayer.__name__, DynamicSlidingWindowLayer.__name__}
    if odd or not layers:
        raise ConfigError(
            f"{type(model).__name__} keeps {', '.join(sorted(odd)) or 'no keys and values'} between steps; the "
            "transformers engine decodes models with plain or sliding-window attention only"
        )
    return len(layers)
