"""Texts that are there already, through a model once: what scoring and predictions share."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypedDict, TypeVar, Unpack

from lema.base.errors import InputError
from lema.base.records import Example
from lema.lm.encoding import Encoded, encode
from lema.lm.loading import load_model, load_tokenizer, pick_device
from lema.lm.model import Model
from lema.lm.pairs import padded, start_token

if TYPE_CHECKING:
    import torch

T = TypeVar("T")
#: What a loaded model makes of a batch of completions, in order.
Look = Callable[[Any, Sequence[Encoded]], list[T]]


class How(TypedDict, total=False):
    """How a model is opened and given texts.

    chat: prompts are user turns of the model's chat template.
    quantised: the weights in 4 bits.
    batch_tokens: bound on the tokens, padding included, that go through the model at once.
    """

    chat: bool
    quantised: bool
    device: str
    batch_tokens: int


@contextlib.contextmanager
def open_reader(
    look: Look[T],
    model: Model,
    checkpoint: Path | None = None,
    **how: Unpack[How],
) -> Iterator[Callable[[Sequence[Example]], list[T]]]:
    """Load a model and look at completions after their prompts, with the token ids and losses of training.

    Of an encoder-decoder, what its decoder does with the completion after its encoder has read the prompt.

    Args:
        checkpoint: a trained model or adapter to use in place of the base weights.

    Raises (on use):
        InputError: an example is longer than the model's context.
    """
    tokenizer = load_tokenizer(model, checkpoint)
    loaded = load_model(
        model, checkpoint, device=pick_device(how.get("device", "auto")), quantised=how.get("quantised", False)
    )
    start = start_token(model.name, loaded.config, getattr(loaded, "generation_config", None))

    def read(examples: Sequence[Example]) -> list[T]:
        encoded = encode(tokenizer, examples, chat=how.get("chat", False), start_token=start)
        check_lengths(loaded, examples, encoded)
        found: dict[int, T] = {}
        for batch in batches([example.tokens for example in encoded], how.get("batch_tokens", 8192)):
            found |= zip(batch, look(loaded, [encoded[number] for number in batch]), strict=True)
        return [found[number] for number in range(len(examples))]

    yield read


def check_lengths(model: Any, examples: Sequence[Example], encoded: Sequence[Encoded]) -> None:
    """Raise InputError if an example does not fit the model's context: none is ever cut."""
    room = getattr(model.config, "max_position_embeddings", None)
    for example, tokens in zip(examples, encoded, strict=True):
        # An encoder-decoder has a context for each of the two.
        needed = max(len(tokens.ids), len(tokens.read or ()))
        if room is not None and needed > room:
            what = "prompt and completion" if tokens.read is None else "prompt or completion"
            raise InputError(
                f"{what} of question {example.question_id} have {needed:,} tokens, more than "
                f"the model's context of {room:,}: take a model with a longer one, or leave that question out"
            )


def batches(lengths: Sequence[int], most: int) -> Iterator[list[int]]:
    """Numbers of the texts that go through the model together: neighbours in length, longest first."""
    batch: list[int] = []
    for number in sorted(range(len(lengths)), key=lambda number: -lengths[number]):
        if batch and lengths[batch[0]] * (len(batch) + 1) > most:
            yield batch
            batch = []
        batch.append(number)
    if batch:
        yield batch


def at_targets(model: Any, batch: Sequence[Encoded]) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    """Logits where the target tokens of a batch stand, [tokens x vocabulary], these tokens, and the text of each.

    Padded on the right and without a mask, as in training: attention is causal, so no token sees padding. Encoders,
    which see everything, have a mask.
    """
    import torch

    device = next(model.parameters()).device
    longest = max(len(example.ids) for example in batch)
    ids = torch.zeros((len(batch), longest), dtype=torch.long)
    wanted = torch.zeros((len(batch), longest - 1), dtype=torch.bool)
    for row, example in enumerate(batch):
        ids[row, : len(example.ids)] = torch.tensor(example.ids)
        wanted[row, example.prompt - 1 : len(example.ids) - 1] = True
    ids, wanted = ids.to(device), wanted.to(device)
    given = {"input_ids": ids}
    if batch[0].read is not None:
        read, mask = (tensor.to(device) for tensor in padded([example.read or () for example in batch]))
        given = {"input_ids": read, "attention_mask": mask, "decoder_input_ids": ids}
    logits = model(**given, use_cache=False).logits[:, :-1][wanted]  # prompts need no softmax
    return logits, ids[:, 1:][wanted], wanted.nonzero()[:, 0]
