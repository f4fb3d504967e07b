"""Text to token ids: the one place where prompts and completions are tokenised.

Trainer, engines and budgets all come here, so that the ids of a prompt in evaluation are those that
the model was trained on. Prompt and completion are tokenised apart, as in the paper's training
code: no token ever spans the border between what carries loss and what does not.

An encoder-decoder reads the prompt with the end token behind it, and its decoder begins with a start token of the
model's own (decision 021).
"""

from __future__ import annotations

import itertools
from array import array
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from lema.base.errors import ConfigError
from lema.base.records import Example

#: Stands for an assistant's turn when a chat template is asked how such a turn ends.
MARKER = "ANSWER"
#: Some templates write today's date into the prompt; a fixed one (the usual default) keeps ids the same tomorrow.
TEMPLATE_DATE = "26 Jul 2024"
CHUNK = 1024  # texts tokenised at once


@dataclass(frozen=True, slots=True)
class Encoded:
    """Token ids of one example; the first `prompt` of them carry no loss, the others all do but those `unlearned`.

    `prompt` is at least 1: a token with nothing before it cannot be predicted. `unlearned` are
    stretches behind the prompt, as (start, end) in tokens.

    Of an encoder-decoder `read` is what the encoder reads, and `ids` what the decoder sees: its start token, which is
    then the whole `prompt`, and the completion. None: a model that continues.
    """

    ids: array[int]  # machine integers: lists would take nine times the memory
    prompt: int
    unlearned: tuple[tuple[int, int], ...] = ()
    read: array[int] | None = None

    @property
    def tokens(self) -> int:
        """Tokens of prompt and completion; the decoder's start token is of neither."""
        return len(self.ids) + (0 if self.read is None else len(self.read) - 1)

    @property
    def targets(self) -> int:
        """How many tokens carry loss, the end token included."""
        return len(self.ids) - self.prompt - sum(end - start for start, end in self.unlearned)


def prompt_ids(tokenizer: Any, text: str, *, chat: bool = False) -> list[int]:
    """Token ids of a prompt: with the tokenizer's own start token, or as one user turn.

    Raises:
        ConfigError: `chat` is asked of a tokenizer that has no chat template.
    """
    return prompts_ids(tokenizer, [text], chat=chat)[0]


def prompts_ids(tokenizer: Any, texts: Sequence[str], *, chat: bool = False) -> list[list[int]]:
    """`prompt_ids` of many texts, faster."""
    if not texts:
        return []
    if chat:
        turns = [user_turn(tokenizer, text) for text in texts]
        return _ids(tokenizer, turns, special=False)  # the template has written the start token itself
    rows = _ids(tokenizer, texts, special=True)
    # A tokenizer that ends every text would end the prompt before the answer.
    ending = tokenizer.eos_token_id
    if ending is not None and _ids(tokenizer, ["a"], special=True)[0][-1] == ending:
        rows = [row[:-1] for row in rows]
    return rows


def read_by_encoder(tokenizer: Any, prompts: Sequence[Sequence[int]]) -> list[list[int]]:
    """What an encoder reads: the ids of prompts, the end token behind each, as such models were pre-trained.

    Raises:
        ConfigError: the tokenizer has no end token.
    """
    end = end_id(tokenizer)
    return [[*prompt, end] for prompt in prompts]


def completion_ids(tokenizer: Any, text: str, *, chat: bool = False) -> list[int]:
    """Token ids of a completion: its text and the end token, nothing before it."""
    return completions_ids(tokenizer, [text], chat=chat)[0]


def completions_ids(tokenizer: Any, texts: Sequence[str], *, chat: bool = False) -> list[list[int]]:
    """`completion_ids` of many texts, faster."""
    if not texts:
        return []
    end = end_id(tokenizer, chat=chat)
    return [[*row, end] for row in _ids(tokenizer, texts, special=False)]


def encode(
    tokenizer: Any, examples: Sequence[Example], *, chat: bool = False, start_token: int | None = None
) -> list[Encoded]:
    """Examples as token ids, in order.

    Args:
        start_token: what the decoder of an encoder-decoder begins with (`lema.lm.pairs.start_token`).
    """
    encoded = []
    for start in range(0, len(examples), CHUNK):
        chunk = examples[start : start + CHUNK]
        prompts = prompts_ids(tokenizer, [example.prompt for example in chunk], chat=chat)
        completions = completions_ids(tokenizer, [example.completion for example in chunk], chat=chat)
        reads: list[list[int] | None] = [None] * len(chunk)
        if start_token is not None:
            reads = [*read_by_encoder(tokenizer, prompts)]
            prompts = [[start_token] for _ in chunk]
        for example, read, prompt, completion in zip(chunk, reads, prompts, completions, strict=True):
            silent = unlearned_tokens(tokenizer, example, completion, after=len(prompt)) if example.unlearned else ()
            encoded.append(
                Encoded(
                    ids=array("i", prompt + completion),
                    prompt=max(1, len(prompt)),
                    unlearned=silent,
                    read=None if read is None else array("i", read),
                )
            )
    return encoded


def unlearned_tokens(
    tokenizer: Any, example: Example, completion: Sequence[int], *, after: int
) -> tuple[tuple[int, int], ...]:
    """The tokens of an example that carry no loss though they stand behind its prompt, as (start, end).

    A token is left out when all of its characters are: one on the border is learned. The end token always is.

    Args:
        completion: the ids of the example's completion, the end token last.
        after: how many tokens stand before them.

    Raises:
        ConfigError: the tokenizer does not say which characters a token stands for.
    """
    if not tokenizer.is_fast:
        raise ConfigError(
            "this data_mix leaves parts of a completion without loss, which needs a tokenizer that says where its "
            "tokens stand in the text (a fast one): use another model, or data_mix.loss=completion"
        )
    places = tokenizer(example.completion, add_special_tokens=False, return_offsets_mapping=True)["offset_mapping"]
    assert len(places) == len(completion) - 1
    silent = [
        after + number
        for number, (start, end) in enumerate(places)
        if after + number > 0 and end > start and any(a <= start and end <= b for a, b in example.unlearned)
    ]
    return tuple(stretches(silent))


def stretches(places: Sequence[int]) -> Iterator[tuple[int, int]]:
    """Rising numbers as (start, end) of the runs without a gap."""
    for _, run in itertools.groupby(enumerate(places), key=lambda pair: pair[1] - pair[0]):
        numbers = [number for _, number in run]
        yield numbers[0], numbers[-1] + 1


def end_id(tokenizer: Any, *, chat: bool = False) -> int:
    """The token that ends a completion: the end-of-turn token of the chat template, else end-of-text.

    Raises:
        ConfigError: the tokenizer has no such token.
    """
    if chat:
        asked = [{"role": "user", "content": MARKER}, {"role": "assistant", "content": MARKER}]
        tail = _render(tokenizer, asked, generate=False).rpartition(MARKER)[2]
        special = {*tokenizer.all_special_ids, *tokenizer.added_tokens_decoder}
        found = [token for token in _ids(tokenizer, [tail], special=False)[0] if token in special] if tail else []
        if found:
            return int(found[0])
    if tokenizer.eos_token_id is None:
        raise ConfigError("the tokenizer has no end token (eos_token), so a model could not learn where to stop")
    return int(tokenizer.eos_token_id)


def stop_ids(tokenizer: Any, *, chat: bool = False) -> list[int]:
    """Tokens at which generation stops: the end of a completion, and end-of-text."""
    ends = {end_id(tokenizer, chat=chat)}
    if tokenizer.eos_token_id is not None:
        ends.add(int(tokenizer.eos_token_id))
    return sorted(ends)


def user_turn(tokenizer: Any, text: str) -> str:
    """The text of a chat with one user turn, up to where the assistant begins."""
    return _render(tokenizer, [{"role": "user", "content": text}], generate=True)


def _render(tokenizer: Any, turns: list[dict[str, str]], *, generate: bool) -> str:
    if not getattr(tokenizer, "chat_template", None):
        raise ConfigError(
            "format.chat is true, but this model's tokenizer has no chat template: "
            "use format.chat=false, or an instruction-tuned model"
        )
    return str(
        tokenizer.apply_chat_template(turns, tokenize=False, add_generation_prompt=generate, date_string=TEMPLATE_DATE)
    )


def _ids(tokenizer: Any, texts: Sequence[str], *, special: bool) -> list[list[int]]:
    encoded = tokenizer(list(texts), add_special_tokens=special, return_attention_mask=False)
    return [list(row) for row in encoded["input_ids"]]
