"""What an encoder-decoder is given: text for its encoder, and the token that its decoder begins with (decision 021)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from lema.base.errors import ConfigError


def start_token(name: str, config: Any, settings: Any = None) -> int | None:
    """The id that the decoder begins with; None for a model without one, which continues what it reads.

    Args:
        name: of the model.
        config: its configuration.
        settings: its generation settings, where newer models say it.

    Raises:
        ConfigError: a model with a decoder of its own does not say it.
    """
    if not config.is_encoder_decoder:
        return None
    for held in (config, settings):
        token = getattr(held, "decoder_start_token_id", None)
        if isinstance(token, int):
            return token
    raise ConfigError(
        f"model: the configuration of {name} does not say which token its decoder begins with: set "
        "decoder_start_token_id in its config.json"
    )


def padded(rows: Sequence[Sequence[int]]) -> tuple[Any, Any]:
    """Token ids as a tensor, (rows, longest row), padded on the right, and the mask that hides the padding."""
    import torch

    shape = (len(rows), max(map(len, rows)))
    ids, mask = np.zeros(shape, dtype=np.int64), np.zeros(shape, dtype=np.int64)
    for line, row in enumerate(rows):
        ids[line, : len(row)] = row
        mask[line, : len(row)] = 1
    return torch.from_numpy(ids), torch.from_numpy(mask)
